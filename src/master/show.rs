//! Answers of the D-Bus interface as dictionaries. A value that is not known is left out, never 0.
use super::world::{Drift, JobRow, Row, World};
use crate::contract::master::{MasterHealth, Plan};
use crate::contract::registry::{DaemonType, Profile};
use crate::coordination::plan as planning;
use std::collections::HashMap;
use zbus::{OwnedVariant, Variant};

/// `a{sv}`.
pub type Dict = HashMap<String, OwnedVariant>;

struct Filler(Dict);

impl Filler {
    fn put<'v>(mut self, key: &str, value: impl Into<Variant<'v>>) -> Self {
        // Only values that hold file descriptors cannot be owned; there are none here.
        if let Ok(value) = OwnedVariant::try_from(value.into()) {
            self.0.insert(key.into(), value);
        }
        self
    }
    fn maybe<'v>(self, key: &str, value: Option<impl Into<Variant<'v>>>) -> Self {
        match value {
            Some(value) => self.put(key, value),
            None => self,
        }
    }
}

fn fill() -> Filler {
    Filler(Dict::new())
}

fn names(daemons: Vec<DaemonType>) -> Vec<String> {
    daemons.into_iter().map(|d| d.name().to_owned()).collect()
}

/// A profile.
pub fn profile(world: &World, profile: Profile) -> Dict {
    let disabled = profile.built().into_iter().filter_map(|d| Some(format!("{} ({})", d.name(), planning::disabled(&world.config, d)?)));
    fill()
        .put("name", profile.name())
        .put("purpose", profile.purpose())
        .put("target", profile.target())
        .put("active", world.profile == profile)
        .put("members", names(profile.members()))
        .put("built", names(profile.built()))
        .put("planned", names(profile.planned()))
        .put("disabled", disabled.collect::<Vec<_>>())
        .0
}

/// A plan.
pub fn plan(plan: &Plan) -> Dict {
    fill()
        .put("profile", plan.profile.as_str())
        .put("start", plan.start.clone())
        .put("stop", plan.stop.clone())
        .put("stay", plan.stay.clone())
        .put("planned", plan.planned.clone())
        .put("disabled", plan.disabled.clone())
        .0
}

/// A drift.
pub fn drift(profile: Profile, drift: &Drift) -> Dict {
    fill()
        .put("profile", profile.name())
        .put("clean", drift.details.is_empty())
        .put("missing", drift.missing.clone())
        .put("extra", drift.extra.clone())
        .put("failed", drift.failed.clone())
        .put("details", drift.details.clone())
        .0
}

/// A daemon.
pub fn daemon(row: &Row) -> Dict {
    let unit = row.unit.as_ref();
    let spec = row.daemon.spec();
    fill()
        .put("name", row.daemon.name())
        .put("purpose", spec.purpose)
        .put("category", spec.category.name())
        .put("critical", spec.critical)
        .put("unit", row.daemon.unit())
        .put("desired", row.desired)
        .put("state", row.found.state.to_string())
        .put("reason", row.found.reason.as_str())
        .put("health", row.found.health.status.to_string())
        .put("message", row.found.health.message.as_str())
        .maybe("last", row.report.as_ref().map(|r| r.last.clone()))
        .maybe("reported_us", row.report.as_ref().map(|r| r.time_us))
        .maybe("active_state", unit.map(|u| u.active_state.clone()))
        .maybe("sub_state", unit.map(|u| u.sub_state.clone()))
        .maybe("restarts", unit.and_then(|u| u.restarts))
        .maybe("main_pid", unit.and_then(|u| u.main_pid))
        .maybe("memory", unit.and_then(|u| u.memory_bytes))
        .maybe("since_us", unit.and_then(|u| u.since_us))
        .maybe("result", unit.and_then(|u| u.result.clone()))
        .maybe("exit_status", unit.and_then(|u| u.exit_status))
        .maybe("waiting_for", unit.map(|u| u.waiting_for.clone()).filter(|w| !w.is_empty()))
        .maybe("invocation_id", unit.and_then(|u| u.invocation_id.clone()))
        .maybe("last_error", row.last_error.as_ref().map(|(_, text)| text.clone()))
        .maybe("last_error_us", row.last_error.as_ref().map(|(at, _)| *at))
        .0
}

/// A job.
pub fn job(row: &JobRow) -> Dict {
    fill()
        .put("id", row.id.as_str())
        .put("type", row.kind.as_str())
        .put("unit", row.unit.as_str())
        .put("state", row.state)
        .put("token", row.token)
        .put("since_us", row.since_us)
        .0
}

/// The loop's health.
pub fn health(health: &MasterHealth) -> Dict {
    fill()
        .put("healthy", health.healthy)
        .put("loop_iteration", health.loop_iteration)
        .put("age_seconds", health.age_seconds)
        .put("profile", health.profile.as_str())
        .put("problems", health.problems.clone())
        .0
}
