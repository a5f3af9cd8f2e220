//! "Runs and says: degraded, X failed": the dependencies as the master's list and their status files show them. Nothing
//! is asked of systemd. And why there is no work, where the coordinator says that nothing is granted.
use crate::contract::config::Config;
use crate::contract::health::{Granting, Idle};
use crate::contract::master::{FAILED_FILE, FailedDaemons};
use crate::contract::ports::Units;
use crate::contract::registry::{DaemonSpec, DaemonType, Hub};
use crate::coordination::plan::disabled;
use crate::platform::clock::now_us;
use std::path::Path;
use std::time::{Duration, Instant};

/// After its own start a daemon gives its dependencies so long.
const GRACE: Duration = Duration::from_secs(30);

/// What it depends on here: one that the configuration disables was not asked to run, and nobody waits for it.
fn needs(spec: &DaemonSpec, config: &Config) -> impl Iterator<Item = DaemonType> {
    spec.depends_on.iter().map(|d| d.resolve()).filter(|d| disabled(config, *d).is_none())
}

/// The first dependency that has failed, by the master's account in the directory of control files.
fn failed(spec: &DaemonSpec, config: &Config, control: &Path) -> Option<String> {
    let told: FailedDaemons = serde_json::from_slice(&std::fs::read(control.join(FAILED_FILE)).ok()?).ok()?;
    let mut needs = needs(spec, config).map(DaemonType::name);
    needs.find(|name| told.failed.iter().any(|failed| failed == name)).map(|name| format!("{name} failed"))
}

/// Why there is nothing to do for a daemon of the loop: the coordinator grants nothing, and for this reason.
pub fn standstill(spec: &DaemonSpec, units: &dyn Units) -> Option<Idle> {
    if !spec.hard.contains(&Hub::Coordinator) && !spec.hard.contains(&Hub::Catalog) {
        return None;
    }
    let Granting { sign, blocked } = units.granting()?;
    if let Some(age) = sign.stale_for(now_us()) {
        return Some(Idle::LoopStands { reason: format!("the coordinator has not reported for {age} s") });
    }
    blocked.map(|reason| Idle::LoopStands { reason })
}

/// The first dependency that has failed or does not report, if any. Whether the router reports the subscription knows
/// better.
pub fn trouble(
    spec: &DaemonSpec,
    config: &Config,
    units: &dyn Units,
    control: &Path,
    ready: Option<Instant>,
) -> Option<String> {
    if let Some(failed) = failed(spec, config, control) {
        return Some(failed);
    }
    ready.filter(|since| since.elapsed() >= GRACE)?;
    let built = needs(spec, config).filter(|d| *d != DaemonType::EventRouter && d.spec().is_built());
    for daemon in built {
        let name = daemon.name();
        match units.sign_of_life(&daemon.kebab()).map(|sign| sign.stale_for(now_us())) {
            None => return Some(format!("{name} is not running")),
            Some(Some(age)) => return Some(format!("{name} has not reported for {age} s")),
            Some(None) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::coordinator::CoordinatorStatus;
    use crate::contract::health::{Health, State, StatusFile};
    use crate::runtime::StatusFiles;

    /// A dependency is missed when it is not there and when it says nothing any more, and not before the grace is over.
    #[test]
    fn a_dependency_that_does_not_report_is_named() {
        let run = tempfile::tempdir().expect("a directory");
        let units = StatusFiles::new(run.path());
        let spec = DaemonType::TrainingTrigger.spec();
        let others: Vec<DaemonType> =
            spec.depends_on.iter().map(|d| d.resolve()).filter(|d| *d != DaemonType::EventRouter).collect();
        let missed = *others.last().expect("it depends on more than the router");
        let report = |daemon: DaemonType, time_us: i64| {
            let folder = daemon.kebab();
            let (daemon, state, health) = (daemon.name().to_owned(), State::Running, Health::healthy("works"));
            let status = StatusFile {
                daemon,
                state,
                health,
                last: String::new(),
                time_us,
                valid_for: 60,
                config: None,
                idle: None,
                snapshot: serde_json::Value::Null,
            };
            let file = run.path().join(folder).join("status.json");
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            std::fs::write(file, serde_json::to_vec(&status).expect("JSON")).expect("written");
        };
        let (mut config, long_ago) = (Config::default(), Instant::now().checked_sub(GRACE * 2));
        others.iter().filter(|d| **d != missed).for_each(|d| report(*d, now_us()));
        assert_eq!(trouble(spec, &config, &units, run.path(), Some(Instant::now())), None, "just started itself");
        assert_eq!(
            trouble(spec, &config, &units, run.path(), long_ago),
            Some(format!("{} is not running", missed.name()))
        );
        report(missed, now_us() - 90_000_000);
        let said = trouble(spec, &config, &units, run.path(), long_ago).expect("a report that is too old");
        assert!(said.starts_with(&format!("{} has not reported for 9", missed.name())), "{said}");
        report(missed, now_us());
        assert_eq!(trouble(spec, &config, &units, run.path(), long_ago), None);
        let told = FailedDaemons { failed: vec![missed.name().to_owned()] };
        std::fs::write(run.path().join(FAILED_FILE), serde_json::to_vec(&told).expect("JSON")).expect("written");
        assert_eq!(
            trouble(spec, &config, &units, run.path(), Some(Instant::now())),
            Some(format!("{} failed", missed.name())),
            "at once"
        );
        std::fs::remove_file(run.path().join(missed.kebab()).join("status.json")).expect("removed");
        config.daemons.of_mut(missed).enabled = false;
        assert_eq!(
            trouble(spec, &config, &units, run.path(), long_ago),
            None,
            "what the configuration disables is not missed"
        );
    }

    /// A daemon of the loop says why it has nothing to do; one that looks after the machine has nothing to do with
    /// that.
    #[test]
    fn a_loop_that_stands_still_is_named_with_its_reason() {
        let run = tempfile::tempdir().expect("a directory");
        let units = StatusFiles::new(run.path());
        let spec = DaemonType::Evaluation.spec();
        assert_eq!(standstill(spec, &units), None, "without a report the dependency is missed, not the work");
        let write = |blocked: Vec<String>, time_us: i64| {
            let status = CoordinatorStatus { blocked, ..CoordinatorStatus::default() };
            let file = StatusFile {
                daemon: "COORDINATOR".into(),
                state: State::Running,
                health: Health::healthy(""),
                last: String::new(),
                time_us,
                valid_for: 30,
                config: None,
                idle: None,
                snapshot: serde_json::to_value(&status).expect("JSON"),
            };
            std::fs::create_dir_all(run.path().join("coordinator")).expect("made");
            std::fs::write(run.path().join("coordinator/status.json"), serde_json::to_vec(&file).expect("JSON"))
                .expect("written");
        };
        write(Vec::new(), now_us());
        assert_eq!(standstill(spec, &units), None);
        write(vec!["emergency halt by root: smoke".into()], now_us());
        assert_eq!(standstill(spec, &units), Some(Idle::LoopStands { reason: "emergency halt by root: smoke".into() }));
        assert_eq!(standstill(DaemonType::HealthServer.spec(), &units), None);
        write(Vec::new(), now_us() - 90_000_000);
        assert!(standstill(spec, &units).is_some_and(|idle| idle.to_string().contains("has not reported")));
    }
}
