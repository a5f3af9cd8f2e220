//! "Runs and says: degraded, X does not run": the dependencies as their status files show them. Nothing is asked of systemd.
use crate::contract::ports::Units;
use crate::contract::registry::{DaemonSpec, DaemonType};
use crate::platform::clock::now_us;
use std::time::{Duration, Instant};

/// After its own start a daemon gives its dependencies so long.
const GRACE: Duration = Duration::from_secs(30);

/// The first dependency that does not report, if any. The router is left out: the subscription knows better.
pub fn trouble(spec: &DaemonSpec, units: &dyn Units, ready: Option<Instant>) -> Option<String> {
    ready.filter(|since| since.elapsed() >= GRACE)?;
    let built = spec.depends_on.iter().map(|d| d.resolve()).filter(|d| *d != DaemonType::EventRouter && d.spec().is_built());
    for daemon in built {
        let name = daemon.name();
        match units.status_file(&daemon.kebab()) {
            None => return Some(format!("{name} does not run")),
            Some(status) => {
                let age = now_us().saturating_sub(status.time_us) / 1_000_000;
                if age > i64::from(status.valid_for) {
                    return Some(format!("{name} has not reported for {age} s"));
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::health::{Health, State, StatusFile};
    use crate::runtime::StatusFiles;

    /// A dependency is missed when it is not there and when it says nothing any more, and not before the grace is over.
    #[test]
    fn a_dependency_that_does_not_report_is_named() {
        let run = tempfile::tempdir().expect("a directory");
        let units = StatusFiles::new(run.path());
        let spec = DaemonType::TrainingTrigger.spec();
        let others: Vec<DaemonType> = spec.depends_on.iter().map(|d| d.resolve()).filter(|d| *d != DaemonType::EventRouter).collect();
        let missed = *others.last().expect("it depends on more than the router");
        let report = |daemon: DaemonType, time_us: i64| {
            let folder = daemon.kebab();
            let (daemon, state, health) = (daemon.name().to_owned(), State::Running, Health::healthy("works"));
            let status =
                StatusFile { daemon, state, health, last: String::new(), time_us, valid_for: 60, snapshot: serde_json::Value::Null };
            let file = run.path().join(folder).join("status.json");
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            std::fs::write(file, serde_json::to_vec(&status).expect("JSON")).expect("written");
        };
        let long_ago = Instant::now().checked_sub(GRACE * 2);
        others.iter().filter(|d| **d != missed).for_each(|d| report(*d, now_us()));
        assert_eq!(trouble(spec, &units, Some(Instant::now())), None, "just started itself");
        assert_eq!(trouble(spec, &units, long_ago), Some(format!("{} does not run", missed.name())));
        report(missed, now_us() - 90_000_000);
        let said = trouble(spec, &units, long_ago).expect("a report that is too old");
        assert!(said.starts_with(&format!("{} has not reported for 9", missed.name())), "{said}");
        report(missed, now_us());
        assert_eq!(trouble(spec, &units, long_ago), None);
    }
}
