//! The hardened default of every service, and the exceptions that a unit's needs make, each with its reason.
use super::text::Text;

/// What a service cannot do without. All false: the default, which can do next to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exceptions {
    /// Why it sees other users' processes and the machine's figures in /proc.
    pub machine: Option<&'static str>,
    /// Why it sees the /tmp of all.
    pub tmp: Option<&'static str>,
    /// Why it uses GPUs.
    pub gpu: Option<&'static str>,
    /// Why it speaks TCP with the world.
    pub tcp: Option<&'static str>,
    /// Why it may speak TCP with itself alone.
    pub loopback: Option<&'static str>,
    /// Why it needs the real user ids of others.
    pub peers: Option<&'static str>,
    /// Why it may turn data into code, set priorities and see little of the rest: it runs programs that are not ours.
    pub foreign: Option<&'static str>,
}

/// The hardening lines of a service.
pub fn lines(text: Text, except: Exceptions) -> Text {
    text.set("NoNewPrivileges", "yes")
        .set("CapabilityBoundingSet", "")
        .set("AmbientCapabilities", "")
        .with(|t| files(t, except))
        .with(|t| processes(t, except))
        .with(|t| network(t, except))
        .with(|t| calls(t, except))
}

fn files(text: Text, except: Exceptions) -> Text {
    let text = text.set("ProtectSystem", "strict").set("ProtectHome", "yes");
    let text = match except.tmp {
        None => text.set("PrivateTmp", "yes"),
        Some(why) => text.why(why).set("PrivateTmp", "no"),
    };
    let text = match except.gpu {
        None => text.set("PrivateDevices", "yes"),
        // Newer drivers register major 195 as "nvidia", older ones as "nvidia-frontend"; a name that is missing is
        // passed over.
        Some(why) => text
            .why(why)
            .why("PrivateDevices= would hide /dev/nvidia*. Drivers register different names; missing ones are ignored.")
            .set("DevicePolicy", "closed")
            .set("DeviceAllow", "char-nvidia rw")
            .set("DeviceAllow", "char-nvidia-frontend rw")
            .set("DeviceAllow", "char-nvidiactl rw")
            .set("DeviceAllow", "char-nvidia-uvm rw")
            .set("DeviceAllow", "char-nvidia-caps rw"),
    };
    let text = text.set("ProtectClock", "yes").set("ProtectHostname", "yes");
    match except.foreign {
        None => text
            .set("ProtectControlGroups", "yes")
            .set("ProtectKernelLogs", "yes")
            .set("ProtectKernelModules", "yes")
            .set("ProtectKernelTunables", "yes"),
        // Each is a handful of mounts to keep out somebody who has no capability to come in, and a job's start is what
        // the loop waits for: 30 ms of 40 on systemd 252.
        Some(_) => text
            .why(
                "ProtectKernelTunables= and similar settings are omitted: a process without capabilities cannot \
                change these anyway, and they double",
            )
            .why("the start time."),
    }
}

fn processes(text: Text, except: Exceptions) -> Text {
    let text = match (except.machine, except.gpu.or(except.foreign)) {
        (Some(why), _) => text.why(why).set("ProtectProc", "default").set("ProcSubset", "all"),
        (None, Some(_)) => text
            .set("ProtectProc", "invisible")
            .why("Drivers and numeric libraries read /proc/driver, /proc/cpuinfo and /proc/meminfo.")
            .set("ProcSubset", "all"),
        (None, None) => text.set("ProtectProc", "invisible").set("ProcSubset", "pid"),
    };
    match except.peers.or(except.machine) {
        Some(why) => text.why(&format!("{} PrivateUsers= would show others as 65534.", why)).set("PrivateUsers", "no"),
        None => text.set("PrivateUsers", "yes"),
    }
}

fn network(text: Text, except: Exceptions) -> Text {
    match (except.tcp, except.loopback) {
        (Some(why), _) => text.why(why).set("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"),
        (None, Some(why)) => text
            .set("PrivateNetwork", "yes")
            .why(why)
            .set("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"),
        (None, None) => text
            .why("Only Unix sockets are needed; they work across network namespaces.")
            .set("PrivateNetwork", "yes")
            .set("RestrictAddressFamilies", "AF_UNIX"),
    }
}

fn calls(text: Text, except: Exceptions) -> Text {
    let text = text
        .set("LockPersonality", "yes")
        .set("RestrictNamespaces", "yes")
        .set("RestrictRealtime", "yes")
        .set("RestrictSUIDSGID", "yes")
        .set("SystemCallArchitectures", "native")
        .set("SystemCallErrorNumber", "EPERM")
        .set("SystemCallFilter", "@system-service");
    match except.foreign {
        None => text.set("SystemCallFilter", "~@privileged @resources").set("MemoryDenyWriteExecute", "yes"),
        // Just-in-time compilers (CUDA, PyTorch, Numba) write code; trainers bind their threads to cores.
        Some(why) => text
            .why(why)
            .why("MemoryDenyWriteExecute= would break just-in-time compilers; ~@resources would forbid CPU affinity.")
            .set("SystemCallFilter", "~@privileged"),
    }
}
