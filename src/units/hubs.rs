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
        .why("What it decides is published before the router stops.")
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
        .why("Two sockets, told apart by their names: one for daemons, one for jobs.")
        .set("Sockets", sockets.join(" "))
        .with(hub_restart)
        .why("ready_timeout; a program that waits out its restart delay asks for more by EXTEND_TIMEOUT_USEC=.")
        .set("TimeoutStartSec", 30)
        .why("Each of its managers gets 30 s to shut down; all of them together take milliseconds unless one is stuck.")
        .set("TimeoutStopSec", MANAGER_SHUTDOWN * MANAGERS.len() as u64)
        .why("Its loop turns at least every 5 s and pings from there.")
        .set("WatchdogSec", 30)
        .set("User", "ringrift")
        .set("EnvironmentFile", ENVIRONMENT)
        .set("SyslogIdentifier", "ringrift-coordinator")
        .with(|t| directories(t, "coordinator"))
        .why("SQLite's temporary files. The /tmp that all see is closed to writing here.")
        .set("Environment", format!("SQLITE_TMPDIR={}/coordinator", paths::STATE))
        .why("It makes the folders of jobs; and an emergency halt leaves its flag in /run/ringrift.")
        .set("ReadWritePaths", format!("{} {} {}", paths::JOBS, paths::RUN, paths::NOTICES))
        .why("The group that may make files in /run/ringrift; nobody else is in it.")
        .set("SupplementaryGroups", "ringrift-halt")
        .set("Slice", "ringrift-core.slice")
        .with(hub_weight)
        .set("MemoryMax", "512M")
        .with(|t| {
            let except = Exceptions {
                machine: Some("How many jobs a node may run depends on its cores, memory and load; callers are judged by their user id."),
                gpu: Some("The gates look at the GPUs, and jobs get those that are used least."),
                tmp: Some("It looks for the emergency flag of old scripts, which lies in the /tmp that all see."),
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
        .why("Wanted and not required: it has to be there to mend a hub whose socket failed.")
        .set("Wants", around.join(" "))
        .set("After", around.join(" "))
        .why("It stops first, so that its last word still reaches the log.")
        .set("After", DaemonType::EventRouter.unit())
        .set("OnFailure", ON_FAILURE)
        .with(starts::unlimited)
        .section("Service")
        .why("READY only when it owns the name and has seen every unit, which is later than Type=dbus would say.")
        .set("Type", "notify")
        .set("NotifyAccess", "main")
        .set("BusName", crate::contract::master::BUS_NAME)
        .why("People remove a stale pid file by hand, and /run/ringrift is not the master's: made again before each start, as root.")
        .set("ExecStartPre", format!("+/usr/bin/systemd-tmpfiles --create --prefix={}", paths::RUN))
        .set("ExecStart", format!("{}/ringrift-master", paths::LIBEXEC))
        .with(reload)
        .with(starts::stopped)
        .why("Nothing else brings it back, so it is never given up: restarted after any end but a stop.")
        .set("Restart", "always")
        .why("A database of a newer version, of another user, or that is no file: a restart cannot fix it.")
        .set("RestartPreventExitStatus", format!("{} {}", Exit::BadData as u8, Exit::NotPermitted as u8))
        .why("Doubled from restart to restart up to 16 s: by 50-backoff.conf from systemd 254 on, before READY by the program on 252.")
        .set("RestartSec", "1s")
        .with(times)
        .why("Its loop turns at least every 5 s and pings from there.")
        .set("WatchdogSec", 30)
        .why("The only user whom polkit lets start and stop the suite's units.")
        .set("User", "ringrift-master")
        .set("EnvironmentFile", ENVIRONMENT)
        .set("SyslogIdentifier", "ringrift-master")
        .with(|t| directories(t, "master"))
        .why("One file a paused daemon; the pid file that old scripts read; what others left while their reader was away.")
        .set("ReadWritePaths", format!("{} {} {} {}", paths::CONTROL, paths::MASTER_PID, paths::FAILURES, paths::NOTICES))
        .set("Slice", "ringrift-core.slice")
        .with(hub_weight)
        .set("MemoryMax", "256M")
        .with(|t| {
            let except = Exceptions { peers: Some("Who asks it is named in the journal."), ..Exceptions::default() };
            harden::lines(t, except)
        })
        .done()
}
