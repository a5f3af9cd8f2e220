//! The typed configuration: every number once, with its unit, range and reason. Loading it is the platform's.
mod admission;
mod bandwidth;
mod check;
mod daemons;
mod databases;
mod limits;
mod pipeline;
mod resources;
mod retention;
mod retries;
mod runtime;
mod scheduling;
mod taken;

pub use admission::*;
pub use bandwidth::*;
pub use check::{Check, Problem};
pub use daemons::*;
pub use databases::*;
pub use limits::*;
pub use pipeline::*;
pub use resources::*;
pub use retention::*;
pub use retries::*;
pub use runtime::*;
pub use scheduling::*;
pub use taken::{Begun, Reader, Taken};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `/etc/ringrift/unified_loop.yaml` with its drop-ins: all that can be configured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Name of this machine in the fleet. Empty: the first label of the host name.
    pub node_id: String,
    /// The master, which starts and stops daemons.
    pub master: Master,
    /// The daemons, each under its lower-case name. `enabled: false` removes a daemon from every profile; `interval` is
    /// the number of seconds between its ticks, 1 to 86,400. Planned daemons already have their keys; these have no
    /// effect until the daemon is built.
    pub daemons: Daemons,
    /// Settings that all daemons share.
    pub runtime: Runtime,
    /// Transitions between the stages.
    pub pipeline: Pipeline,
    /// When a candidate becomes champion: a sequential test of candidate against champion.
    pub promotion: Promotion,
    /// The commands of the stages and their parameters.
    pub workload: Workload,
    /// Maximum numbers of concurrent jobs, and what a job may use.
    pub limits: Limits,
    /// The order in which queued jobs get slots.
    pub scheduler: Scheduler,
    /// Estimates of how long jobs take, and when long ones may start.
    pub durations: Durations,
    /// Limits for transfers between machines.
    pub bandwidth: Bandwidth,
    /// The controller that keeps nodes at their utilisation targets.
    pub optimizer: Optimizer,
    /// Rate limits for starting jobs.
    pub admission: Admission,
    /// Utilisation targets, and the controller that follows them.
    pub resource_targets: ResourceTargets,
    /// Thresholds for resources. Each warning must be below its critical value.
    pub safeguards: Safeguards,
    /// Coupling to other systems.
    pub integrations: Integrations,
    /// The event router.
    pub router: Router,
    /// The suite's databases.
    pub databases: Databases,
    /// How many results are kept for each configuration. The champion, its ancestors and the inputs of queued and
    /// running jobs are kept in addition.
    pub retention: Retention,
}

/// The master loop: the equivalents of its old flags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Master {
    /// Profile applied at the first start. Later starts apply the profile that was applied last.
    pub profile: String,
    /// Configurations that the loop works on (`--configs`).
    pub configs: Vec<super::ids::ConfigKey>,
    /// Run without starting any daemon (`--skip-daemons`).
    pub skip_daemons: bool,
    /// Seconds between two reconciliations of wanted and actual daemons, 1 to 3600. Events trigger one at once; this
    /// interval covers lost events.
    pub interval: u32,
    /// Operations that declare `require_for_automation` fail while no master runs (`require_master_loop`).
    pub required: bool,
    /// Seconds a unit must have been ready before its restart delay is reset, 10 to 3600.
    pub reset_after: u32,
    /// Delays in seconds before the master retries a daemon that used up its restarts (FAILED), 10 to 86,400 each; the
    /// last one repeats. The delays start over once the daemon has run for the longest of them. 0: never retry.
    pub retry_failed: Retries,
    /// Start daemons without warning that no master runs; RINGRIFT_SKIP_MASTER_LOOP_CHECK.
    pub skip_check: bool,
}

impl Default for Master {
    fn default() -> Self {
        let square8 = super::ids::ConfigKey::new("square8_2p").expect("a key");
        Master {
            profile: "standalone".into(),
            configs: vec![square8],
            skip_daemons: false,
            interval: 10,
            required: false,
            reset_after: 120,
            retry_failed: Retries::default(),
            skip_check: false,
        }
    }
}

/// Coupling to other systems (`enable_integrations`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Integrations {
    /// Has no effect yet: nothing outside this suite is notified.
    pub enabled: bool,
}

/// Keys outside of `daemons` that are known and have no effect yet, each with the reason.
pub const WITHOUT_EFFECT: &[(&str, &str)] = &[("integrations.enabled", "nothing outside this suite is notified yet")];

impl Default for Integrations {
    fn default() -> Self {
        Integrations { enabled: true }
    }
}

impl Config {
    /// Seconds between a daemon's ticks: its own key, else what it declares, where 60 stands for the common default.
    pub fn interval(&self, daemon: super::registry::DaemonType) -> u32 {
        let declared = daemon.spec().interval;
        let usual = if declared == 60 { self.runtime.default_interval } else { declared };
        self.daemons.of(daemon).interval.unwrap_or(usual)
    }

    /// What is contradictory or out of range; empty when all is well.
    pub fn check(&self) -> Vec<Problem> {
        self.checked().problems
    }

    /// The range of every number that is checked, lowest and highest, by its key: where editors and the checks have it
    /// from.
    pub fn ranges(&self) -> BTreeMap<String, (String, String)> {
        self.checked().ranges
    }

    fn checked(&self) -> Check {
        let mut check = Check::default();
        if !self.node_id.is_empty() && super::ids::NodeId::new(self.node_id.clone()).is_err() {
            check.fail("node_id", "must consist of letters, digits, '-', '_' and '.'");
        }
        if super::registry::Profile::parse(&self.master.profile).is_none() {
            let names: Vec<_> = super::registry::Profile::ALL.iter().map(|p| p.name()).collect();
            check.fail(
                "master.profile",
                format!("unknown profile {:?}; must be one of {}", self.master.profile, names.join(", ")),
            );
        }
        if self.master.configs.is_empty() {
            check.fail("master.configs", "must name at least one configuration, for example square8_2p");
        }
        check.range("master.interval", self.master.interval, 1, 3600);
        check.range("master.reset_after", self.master.reset_after, 10, 3600);
        self.master.retry_failed.check(&mut check);
        self.daemons.check(&mut check);
        self.runtime.check(&mut check);
        self.pipeline.check(&mut check);
        self.promotion.check(&mut check);
        self.workload.check(&mut check);
        self.limits.check(&mut check);
        self.scheduler.check(&mut check);
        self.durations.check(&mut check);
        self.bandwidth.check(&mut check);
        self.optimizer.check(&mut check);
        self.admission.check(&mut check);
        self.resource_targets.check(&mut check);
        self.safeguards.check(&mut check);
        self.router.check(&mut check);
        self.databases.check(&mut check);
        let window = self.daemons.known(super::registry::Known::EXPORT_WINDOW);
        self.retention.check(&mut check, window);
        check
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Config::default().check(), []);
    }

    #[test]
    fn a_warning_at_or_above_critical_is_refused() {
        let mut config = Config::default();
        config.safeguards.disk.warning = 70.0;
        let problems = config.check();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].key, "safeguards.disk.warning");
    }
}
