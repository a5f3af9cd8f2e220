//! One service a built daemon, from its registry entry alone.
use super::harden::{self, Exceptions};
use super::names::{ENVIRONMENT, MANUAL, MASTER, ON_FAILURE, SUITE};
use super::starts;
use super::text::Text;
use crate::contract::paths;
use crate::contract::registry::{DaemonSpec, DaemonType, Hub, Need, Profile, Program, built};

/// The files.
pub fn files() -> Vec<(String, String)> {
    built().map(|spec| (spec.daemon.unit(), service(spec))).collect()
}

fn service(spec: &DaemonSpec) -> String {
    Text::new().section("Unit").with(|t| unit(t, spec)).section("Service").with(|t| process(t, spec)).done()
}

fn unit(text: Text, spec: &DaemonSpec) -> Text {
    let own = spec.serves;
    let mut sockets: Vec<&str> = own.into_iter().map(Hub::socket_unit).collect();
    sockets.extend(spec.hard.iter().filter(|h| Some(**h) != own).map(|h| h.socket_unit()));
    // The service behind it is a daemon like others, which only the master and people start; a client's socket would
    // start it too.
    let required: Vec<&str> =
        sockets.iter().filter(|s| spec.required().any(|hub| hub.socket_unit() == **s)).copied().collect();
    let before: Vec<String> = spec.depends_on.iter().map(|d| d.resolve().unit()).collect();
    let router: Vec<String> = before.iter().filter(|unit| **unit == DaemonType::EventRouter.unit()).cloned().collect();
    let subscribers: Vec<String> =
        built().filter(|s| s.before_emitter.contains(&spec.daemon)).map(|s| s.daemon.unit()).collect();
    let profiles: Vec<String> =
        Profile::ALL.into_iter().filter(|p| p.built().contains(&spec.daemon)).map(Profile::target).collect();
    text.set("Description", format!("RingRift {}: {}", spec.name, spec.purpose))
        .set("Documentation", MANUAL)
        .set("PartOf", SUITE)
        .why("Without the master, stopping a profile's target stops its members.")
        .list("PartOf", &profiles)
        .why("The master checks a new configuration first; systemd then propagates its reload to this unit.")
        .set("ReloadPropagatedFrom", MASTER)
        .why("Only sockets are required: a Requires= on a service would restart this one whenever the other is killed.")
        .list("Requires", &required)
        .list("After", &sockets)
        .with(|t| {
            if before.is_empty() {
                t
            } else {
                t.why(
                    "Dependencies declared in the registry. The master starts them: with a Wants= each start of \
                    this unit, after a crash",
                )
                .why(
                    "too, would bring back what a person has stopped. The router is the exception: without it \
                        nothing works.",
                )
                .list("Wants", &router)
                .list("After", &before)
            }
        })
        .with(|t| match subscribers.as_slice() {
            [] => t,
            units => {
                t.why("Subscribers of this daemon's events that are declared to start before it.").list("After", units)
            }
        })
        .with(|t| {
            if own.is_some() {
                starts::unlimited(t.set("OnFailure", ON_FAILURE))
            } else {
                limits(t.set("OnFailure", ON_FAILURE), spec)
            }
        })
}

/// The restart limit; one more start than restarts.
fn limits(text: Text, spec: &DaemonSpec) -> Text {
    text.why(&format!(
        "The first start and {} restarts; the interval is longer than the sum of all restart delays.",
        spec.max_restarts
    ))
    .set("StartLimitIntervalSec", 600)
    .set("StartLimitBurst", spec.max_restarts + 1)
}

fn process(text: Text, spec: &DaemonSpec) -> Text {
    let kebab = spec.daemon.kebab();
    let hub = spec.serves;
    text.set("Type", "notify")
        .set("NotifyAccess", "main")
        .set("ExecStart", format!("{}/{}", paths::LIBEXEC, spec.daemon.binary()))
        .with(reload)
        .with(starts::stopped)
        .with(|t| match hub {
            Some(own) => t.set("Sockets", own.socket_unit()),
            None => t,
        })
        .with(|t| match (hub, spec.auto_restart) {
            (Some(_), _) => hub_restart(t),
            (None, true) => restart(t),
            (None, false) => t.set("Restart", "no"),
        })
        .with(times)
        .why(&watchdog_reason(spec))
        .set("WatchdogSec", spec.watchdog_seconds())
        .set("User", "ringrift")
        .set("EnvironmentFile", ENVIRONMENT)
        .set("SyslogIdentifier", spec.daemon.binary())
        .with(|t| directories(t, &kebab))
        .with(|t| writes(t, spec))
        .with(|t| if hub.is_some() { notices(t) } else { t })
        .set("Slice", if hub.is_some() { "ringrift-core.slice" } else { "ringrift-daemons.slice" })
        .with(|t| if hub.is_some() { hub_weight(t) } else { t })
        .with(|t| if spec.needs().any(|need| matches!(need, Need::Tcp { .. })) { descriptors(t) } else { t })
        .set("MemoryMax", format!("{}M", spec.memory_max))
        .with(|t| harden::lines(t, exceptions(spec)))
}

fn watchdog_reason(spec: &DaemonSpec) -> String {
    match (spec.watchdog_seconds(), spec.program) {
        (30, Program::Hub(_)) => "The main loop runs and pings at least every 5 s.".into(),
        (30, _) => "Without work it wakes at a third of this only, and pings.".into(),
        _ => format!("The main loop pings; the longest handler may take {} s.", spec.longest_handler),
    }
}

/// How a reload reaches the process.
pub fn reload(text: Text) -> Text {
    text.why(
        "systemd 252 has no Type=notify-reload. The shell's built-in kill, because a minimal Debian has no kill \
        program.",
    )
    .why("The dash: a reload that a stop interrupts is not a failure of the service.")
    .set("ExecReload", "-/bin/sh -c \"kill -HUP $MAINPID\"")
}

/// Restart, and the exit code after which there is none.
pub fn restart(text: Text) -> Text {
    text.set("Restart", "on-failure")
        .why(
            "The delay doubles with each restart up to 16 s: by 50-backoff.conf since systemd 254, by the program \
            before READY on 252.",
        )
        .set("RestartSec", "1s")
        .why(
            "Bad configuration (78), a database of a newer version (65) or of another user (77): a restart cannot \
            fix them.",
        )
        .set("RestartPreventExitStatus", "65 77 78")
}

/// Restart of a hub, on which everything else waits: it is never given up.
pub fn hub_restart(text: Text) -> Text {
    text.why("Everything else depends on it, so it is restarted without limit after any exit except a stop.")
        .set("Restart", "always")
        .why(
            "The delay doubles with each restart up to 16 s: by 50-backoff.conf since systemd 254, by the program \
            before READY on 252.",
        )
        .set("RestartSec", "1s")
        .why(
            "Bad configuration (78), a database of a newer version (65) or of another user (77). The failure is \
            reported, and the master retries after a",
        )
        .why("minute, then less often (master.retry_failed).")
        .set("RestartPreventExitStatus", "65 77 78")
}

/// Limits of start and stop.
pub fn times(text: Text) -> Text {
    text.why("ready_timeout; a program that waits for its restart delay extends it with EXTEND_TIMEOUT_USEC=.")
        .set("TimeoutStartSec", 30)
        .why("Work in progress is finished or handed back within this time.")
        .set("TimeoutStopSec", 30)
}

/// Its own two directories.
pub fn directories(text: Text, kebab: &str) -> Text {
    text.set("RuntimeDirectory", format!("ringrift/{kebab}"))
        .why("The restart counter and status.json must survive a restart.")
        .set("RuntimeDirectoryPreserve", "restart")
        .set("StateDirectory", format!("ringrift/{kebab}"))
        .why("Only the owner may read databases.")
        .set("StateDirectoryMode", "0700")
        .why(
            "On tmpfs: a process that meets a full file system touches a file here, which makes DISK_SPACE_MANAGER \
            check at once.",
        )
        .set("ReadWritePaths", paths::SPACE)
        .why("status.json and artefacts are world-readable; private files are in private directories.")
        .set("UMask", "0022")
}

/// What makes a hub's answers come first.
pub fn hub_weight(text: Text) -> Text {
    text.why("All daemons wait for its answers; when memory is short, jobs are killed first.")
        .set("OOMScoreAdjust", -500)
        .why("One file descriptor per client.")
        .set("LimitNOFILE", 65536)
}

/// Room for who connects over the network.
fn descriptors(text: Text) -> Text {
    text.why("At most 256 HTTP connections, plus its own files and sockets.").set("LimitNOFILE", 4096)
}

/// Where the owner of a database says what was lost.
fn notices(text: Text) -> Text {
    text.why("Notices about data lost with a damaged database stay here until a person confirms them.")
        .set("ReadWritePaths", paths::NOTICES)
}

fn writes(text: Text, spec: &DaemonSpec) -> Text {
    spec.needs().fold(text, |text, need| match need {
        Need::Writes("jobs") => text
            .why("It deletes the directories of jobs whose results are registered.")
            .set("ReadWritePaths", paths::JOBS),
        Need::Writes(name) => text
            .why(&format!(
                "Only this daemon writes {name}; tmpfiles.d creates the directory so that it can be world-readable, \
                    unlike the database."
            ))
            .set("ReadWritePaths", format!("{}/{name}", paths::STATE)),
        _ => text,
    })
}

fn exceptions(spec: &DaemonSpec) -> Exceptions {
    let mut except = Exceptions::default();
    for need in spec.needs() {
        match need {
            Need::Machine => {
                except.machine = Some("It reads load, memory, pressure and control groups of the whole machine.")
            }
            Need::Gpu => except.gpu = Some("It reads the GPUs' utilisation from NVIDIA's driver."),
            Need::Tcp { .. } => except.tcp = Some("It serves HTTP."),
            Need::Writes(_) => {}
            // The system bus is a socket in the file system; looking needs nothing more.
            Need::Bus => {}
        }
    }
    if spec.serves.is_some() {
        except.peers = Some("It checks the user id of callers.");
    }
    except
}
