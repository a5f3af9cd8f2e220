//! Answers of the D-Bus interface as dictionaries. A value that is not known is left out, never 0.
use super::world::{Drift, JobRow, Row, World};
use crate::contract::master::{MasterHealth, Plan};
use crate::contract::registry::{DaemonType, Profile};
use crate::contract::text::Line;
use crate::coordination::plan as planning;
use std::collections::HashMap;
use zbus::{OwnedVariant, Variant};

/// `a{sv}`.
pub type Dict = HashMap<String, OwnedVariant>;

/// A value that may continue the bus: numbers, flags, and text only when it is clean, since the bus ends the connection
/// of a sender of NUL or of broken UTF-8.
trait BusValue {
    fn variant(self) -> Variant<'static>;
}

macro_rules! on_bus {
    ($($plain:ty)*) => { $(impl BusValue for $plain {
        fn variant(self) -> Variant<'static> {
            self.into()
        }
    })* };
}
on_bus!(bool i32 u32 u64 i64 f64 &'static str);

impl BusValue for Line {
    fn variant(self) -> Variant<'static> {
        String::from(self).into()
    }
}
impl BusValue for Vec<Line> {
    fn variant(self) -> Variant<'static> {
        self.into_iter().map(String::from).collect::<Vec<_>>().into()
    }
}

fn lines(texts: &[String]) -> Vec<Line> {
    texts.iter().map(Line::from).collect()
}

struct Filler(Dict);

impl Filler {
    fn put(mut self, key: &str, value: impl BusValue) -> Self {
        // Only values that hold file descriptors cannot be owned; there are none here.
        if let Ok(value) = OwnedVariant::try_from(value.variant()) {
            self.0.insert(key.into(), value);
        }
        self
    }
    fn text(self, key: &str, text: impl Into<Line>) -> Self {
        self.put(key, text.into())
    }
    fn maybe(self, key: &str, value: Option<impl BusValue>) -> Self {
        match value {
            Some(value) => self.put(key, value),
            None => self,
        }
    }
    fn maybe_text(self, key: &str, text: Option<&str>) -> Self {
        self.maybe(key, text.map(Line::from))
    }
}

fn fill() -> Filler {
    Filler(Dict::new())
}

fn names(daemons: Vec<DaemonType>) -> Vec<Line> {
    daemons.into_iter().map(|d| Line::from(d.name())).collect()
}

/// A profile.
pub fn profile(world: &World, profile: Profile) -> Dict {
    let disabled = profile
        .built()
        .into_iter()
        .filter_map(|d| Some(format!("{} ({})", d.name(), planning::disabled(&world.config, d)?)));
    fill()
        .put("name", profile.name())
        .put("purpose", profile.purpose())
        .text("target", profile.target())
        .put("active", world.profile == profile)
        .put("members", names(profile.members()))
        .put("built", names(profile.built()))
        .put("planned", names(profile.planned()))
        .put("disabled", disabled.map(Line::from).collect::<Vec<_>>())
        .0
}

/// A plan.
pub fn plan(plan: &Plan) -> Dict {
    fill()
        .text("profile", &plan.profile)
        .put("start", lines(&plan.start))
        .put("stop", lines(&plan.stop))
        .put("stay", lines(&plan.stay))
        .put("planned", lines(&plan.planned))
        .put("disabled", lines(&plan.disabled))
        .0
}

/// A drift.
pub fn drift(profile: Profile, drift: &Drift) -> Dict {
    fill()
        .put("profile", profile.name())
        .put("clean", drift.details.is_empty())
        .put("missing", lines(&drift.missing))
        .put("extra", lines(&drift.extra))
        .put("failed", lines(&drift.failed))
        .put("details", lines(&drift.details))
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
        .text("unit", row.daemon.unit())
        .put("desired", row.desired)
        .text("state", row.found.state.to_string())
        .text("reason", &row.found.reason)
        .text("health", row.found.health.status.to_string())
        .text("message", &row.found.health.message)
        .maybe_text("last", row.report.as_ref().map(|r| r.last.as_str()))
        .maybe("reported_us", row.report.as_ref().map(|r| r.time_us))
        .maybe_text("active_state", unit.map(|u| u.active_state.as_str()))
        .maybe_text("sub_state", unit.map(|u| u.sub_state.as_str()))
        .maybe("restarts", unit.and_then(|u| u.restarts))
        .maybe("main_pid", unit.and_then(|u| u.main_pid))
        .maybe("memory", unit.and_then(|u| u.memory_bytes))
        .maybe("since_us", unit.and_then(|u| u.since_us))
        .maybe_text("result", unit.and_then(|u| u.result.as_deref()))
        .maybe("exit_status", unit.and_then(|u| u.exit_status))
        .maybe("waiting_for", unit.map(|u| lines(&u.waiting_for)).filter(|w| !w.is_empty()))
        .maybe_text("invocation_id", unit.and_then(|u| u.invocation_id.as_deref()))
        .maybe_text("last_error", row.last_error.as_ref().map(|(_, text)| text.as_str()))
        .maybe("last_error_us", row.last_error.as_ref().map(|(at, _)| at.us()))
        .0
}

/// A job.
pub fn job(row: &JobRow) -> Dict {
    fill()
        .text("id", &row.id)
        .text("type", &row.kind)
        .text("unit", &row.unit)
        .put("state", row.state)
        .put("since_us", row.since.us())
        .0
}

/// The loop's health.
pub fn health(health: &MasterHealth) -> Dict {
    fill()
        .put("healthy", health.healthy)
        .put("loop_iteration", health.loop_iteration)
        .put("age_seconds", health.age_seconds)
        .text("profile", &health.profile)
        .put("problems", lines(&health.problems))
        .0
}
