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
    /// This machine's name in the fleet; the host name's first label when empty.
    pub node_id: String,
    /// The master loop.
    pub master: Master,
    /// The daemons, each under its lower-case name.
    pub daemons: Daemons,
    /// What all daemons share.
    pub runtime: Runtime,
    /// The stages' hand-over.
    pub pipeline: Pipeline,
    /// When a candidate becomes champion.
    pub promotion: Promotion,
    /// The commands of the stages and their parameters.
    pub workload: Workload,
    /// How many tasks at once.
    pub limits: Limits,
    /// The order in which waiting items get slots.
    pub scheduler: Scheduler,
    /// How long tasks take, and when long ones may begin.
    pub durations: Durations,
    /// How fast transfers may go.
    pub bandwidth: Bandwidth,
    /// The controller that keeps nodes within their utilisation targets.
    pub optimizer: Optimizer,
    /// How fast tasks are admitted.
    pub admission: Admission,
    /// Utilisation targets, and the controller that follows them.
    pub resource_targets: ResourceTargets,
    /// Thresholds of resources: warning below critical, or the configuration is refused.
    pub safeguards: Safeguards,
    /// Coupling to other systems.
    pub integrations: Integrations,
    /// The event router.
    pub router: Router,
    /// The suite's databases.
    pub databases: Databases,
    /// How much of what the loop makes is kept.
    pub retention: Retention,
}

/// The master loop: the equivalents of its old flags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Master {
    /// Profile applied at the first start; later the last one applied.
    pub profile: String,
    /// Configurations that the loop works on (`--configs`).
    pub configs: Vec<super::ids::ConfigKey>,
    /// Starts no daemon (`--skip-daemons`).
    pub skip_daemons: bool,
    /// Seconds between turns of the reconciliation, 1 to 3600. Events wake it at once; this is the net under them.
    pub interval: u32,
    /// Operations that declare `require_for_automation` fail without a running master (`require_master_loop`).
    pub required: bool,
    /// Seconds a unit must have been ready before its restart delay is reset, 10 to 3600.
    pub reset_after: u32,
    /// Seconds after which the master tries a daemon again that used up its restarts (FAILED), from one time to the next; the last
    /// one repeats. A daemon that then runs well for the longest of them begins anew. 0: never.
    pub retry_failed: Retries,
    /// Commands do not look for a running master before they start daemons: no warning; RINGRIFT_SKIP_MASTER_LOOP_CHECK.
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
    /// Off: nothing outside this suite is told anything.
    pub enabled: bool,
}

/// Keys outside of `daemons` that are known and have no effect yet, each with the reason.
pub const WITHOUT_EFFECT: &[(&str, &str)] = &[("integrations.enabled", "nothing outside of this suite is coupled with it yet")];

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

    /// The range of every number that is checked, lowest and highest, by its key: where editors and the checks have it from.
    pub fn ranges(&self) -> BTreeMap<String, (String, String)> {
        self.checked().ranges
    }

    fn checked(&self) -> Check {
        let mut check = Check::default();
        if !self.node_id.is_empty() && super::ids::NodeId::new(self.node_id.clone()).is_err() {
            check.fail("node_id", "letters, digits, '-', '_' and '.' are allowed");
        }
        if super::registry::Profile::parse(&self.master.profile).is_none() {
            let names: Vec<_> = super::registry::Profile::ALL.iter().map(|p| p.name()).collect();
            check.fail("master.profile", format!("{:?} is no profile; one of {}", self.master.profile, names.join(", ")));
        }
        if self.master.configs.is_empty() {
            check.fail("master.configs", "at least one configuration, as in square8_2p");
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
