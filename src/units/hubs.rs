//! The coordinator's and the master's services: hubs that are no daemon type.
use super::daemons::{directories, hub_restart, hub_weight, reload, times};
use super::harden::{self, Exceptions};
use super::names::{ENVIRONMENT, MASTER, ON_FAILURE, SUITE};
use super::starts;
use super::text::Text;
use crate::contract::coordinator::safeguards::{MANAGER_SHUTDOWN, MANAGERS};
use crate::contract::error::Exit;
use crate::contract::paths;
use crate::contract::registry::{DaemonType, PROCESSES};

/// The files.
pub fn files() -> Vec<(String, String)> {
    vec![("ringrift-coordinator.service".into(), coordinator()), (MASTER.into(), master())]
}

fn description(binary: &str) -> String {
    let purpose = PROCESSES.iter().find(|p| p.binary == binary).map_or("", |p| p.purpose);
    format!("RingRift {}: {purpose}", binary.trim_start_matches("ringrift-"))
}

fn coordinator() -> String {
    let sockets = ["ringrift-coordinator.socket", "ringrift-job.socket"];
    let router = ["ringrift-router.socket"];
    Text::new()
        .section("Unit")
        .set("Description", description("ringrift-coordinator"))
        .set("Documentation", "man:ringrift-coordinator(8)")
        .set("PartOf", SUITE)
        .set("ReloadPropagatedFrom", MASTER)
        .why("Only sockets are required: a Requires= on a service would restart this one whenever the other is killed.")
        .set("Requires", format!("{} {}", sockets.join(" "), router[0]))
        .set("After", format!("{} {}", sockets.join(" "), router[0]))
        .why("Stops before the router, so that its last events are still published.")
        .set("Wants", DaemonType::EventRouter.unit())
        .set("After", DaemonType::EventRouter.unit())
        .set("OnFailure", ON_FAILURE)
        .with(starts::unlimited)
        .section("Service")
        .set("Type", "notify")
        .set("NotifyAccess", "main")
        .set("ExecStart", format!("{}/ringrift-coordinator", paths::LIBEXEC))
        .with(reload)
        .with(starts::stopped)
        .why("Two sockets, distinguished by name: one for daemons, one for jobs.")
        .set("Sockets", sockets.join(" "))
        .with(hub_restart)
        .why("ready_timeout; a program that waits for its restart delay extends it with EXTEND_TIMEOUT_USEC=.")
        .set("TimeoutStartSec", 30)
        .why("Each manager gets 30 s to shut down; together they take milliseconds unless one hangs.")
        .set("TimeoutStopSec", MANAGER_SHUTDOWN * MANAGERS.len() as u64)
        .why("The main loop runs and pings at least every 5 s.")
        .set("WatchdogSec", 30)
        .set("User", "ringrift")
        .set("EnvironmentFile", ENVIRONMENT)
        .set("SyslogIdentifier", "ringrift-coordinator")
        .with(|t| directories(t, "coordinator"))
        .why("SQLite's temporary files. The shared /tmp is read-only here.")
        .set("Environment", format!("SQLITE_TMPDIR={}/coordinator", paths::STATE))
        .why("It creates the directories of jobs, and an emergency halt writes its flag to /run/ringrift.")
        .set("ReadWritePaths", format!("{} {} {}", paths::JOBS, paths::RUN, paths::NOTICES))
        .why("This group may create files in /run/ringrift; it has no other members.")
        .set("SupplementaryGroups", "ringrift-halt")
        .set("Slice", "ringrift-core.slice")
        .with(hub_weight)
        .set("MemoryMax", "512M")
        .with(|t| {
            let except = Exceptions {
                machine: Some(
                    "How many jobs a node may run depends on its cores, memory and load; the user id of \
                    callers is checked.",
                ),
                gpu: Some("The GPU limit reads their utilisation, and jobs get the least used ones."),
                tmp: Some("It reads the emergency flag of legacy scripts in the shared /tmp."),
                ..Exceptions::default()
            };
            harden::lines(t, except)
        })
        .done()
}

fn master() -> String {
    let around = ["dbus.socket", "ringrift-router.socket", "ringrift-coordinator.socket"];
    Text::new()
        .section("Unit")
        .set("Description", description("ringrift-master"))
        .set("Documentation", "man:ringrift-master(8)")
        .set("PartOf", SUITE)
        .why("Wants= instead of Requires=: the master must run to restart a hub whose socket failed.")
        .set("Wants", around.join(" "))
        .set("After", around.join(" "))
        .why("Stops before the router, so that its last event is still published.")
        .set("After", DaemonType::EventRouter.unit())
        .set("OnFailure", ON_FAILURE)
        .with(starts::unlimited)
        .section("Service")
        .why("READY once it owns its bus name and knows the state of every unit; Type=dbus would report READY earlier.")
        .set("Type", "notify")
        .set("NotifyAccess", "main")
        .set("BusName", crate::contract::master::BUS_NAME)
        .why(
            "Recreates the pid file if someone removed it; as root, because the master may not create files in \
            /run/ringrift.",
        )
        .set("ExecStartPre", format!("+/usr/bin/systemd-tmpfiles --create --prefix={}", paths::RUN))
        .set("ExecStart", format!("{}/ringrift-master", paths::LIBEXEC))
        .with(reload)
        .with(starts::stopped)
        .why("Nothing else restarts it, so systemd does without limit after any exit except a stop.")
        .set("Restart", "always")
        .why("A database of a newer version, of another user, or not a regular file: a restart cannot fix it.")
        .set("RestartPreventExitStatus", format!("{} {}", Exit::BadData as u8, Exit::NotPermitted as u8))
        .why(
            "The delay doubles with each restart up to 16 s: by 50-backoff.conf since systemd 254, by the program \
            before READY on 252.",
        )
        .set("RestartSec", "1s")
        .with(times)
        .why("The main loop runs and pings at least every 5 s.")
        .set("WatchdogSec", 30)
        .why("The only user that polkit allows to start and stop the suite's units.")
        .set("User", "ringrift-master")
        .set("EnvironmentFile", ENVIRONMENT)
        .set("SyslogIdentifier", "ringrift-master")
        .with(|t| directories(t, "master"))
        .why(
            "One file per paused daemon; the pid file that legacy scripts read; reports that others left while their \
            reader was down.",
        )
        .set(
            "ReadWritePaths",
            format!("{} {} {} {}", paths::CONTROL, paths::MASTER_PID, paths::FAILURES, paths::NOTICES),
        )
        .set("Slice", "ringrift-core.slice")
        .with(hub_weight)
        .set("MemoryMax", "256M")
        .with(|t| {
            let except = Exceptions { peers: Some("The journal names the callers."), ..Exceptions::default() };
            harden::lines(t, except)
        })
        .done()
}
