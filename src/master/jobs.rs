//! Job units under way: which order was carried out, the reports to the coordinator, when a slot is free again. No I/O:
//! it says what to do, the loop does it. Times are of the clock that runs while the machine is awake: a wall clock that
//! jumps stops no job.
use super::world::JobRow;
use crate::contract::coordinator::{Order, OrderKind, Report, ReportOutcome, WorkItem, WorkStatus};
use crate::contract::host::UnitView;
use crate::contract::ids::{FencingToken, JobId};
use crate::contract::time::{Mono, Span, Wall};
use crate::contract::workload::JobType;
use crate::platform::systemd::UnitLimits;
use std::collections::{BTreeMap, BTreeSet};

/// What the loop shall do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Set the limits and start the unit.
    Start {
        /// The unit.
        unit: String,
        /// Its attempt.
        token: FencingToken,
        /// Its limits.
        limits: UnitLimits,
    },
    /// Stop the unit.
    Stop {
        /// The unit.
        unit: String,
    },
    /// Kill all jobs, this one among them, and stop them, so that one that is only about to start does not.
    Kill {
        /// The unit.
        unit: String,
    },
    /// Tell the coordinator.
    Report(Report),
    /// Forget the unit's failure, so that dead instances do not pile up.
    Reset {
        /// The unit.
        unit: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Running,
    Stopping,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Running => "running",
            Phase::Stopping => "stopping",
        }
    }
}

#[derive(Debug, Clone)]
struct Tracked {
    id: JobId,
    kind: JobType,
    token: FencingToken,
    phase: Phase,
    since: Mono,
    /// Stopped at this time if it still runs.
    deadline: Option<Mono>,
}

/// Time over its own that a job is left to its runner, which ends it; only then the master stops it. The time begins
/// when the runner has its job, which it may have to wait for.
const TIMEOUT_GRACE: Span = Span::of_secs(120);

/// A stop is repeated after so long: longer than systemd takes for one that works.
const STOP_RETRY: Span = Span::of_secs(60);

/// The units by name.
#[derive(Debug, Default)]
pub struct Jobs {
    tracked: BTreeMap<String, Tracked>,
    /// Claims without a unit and without an order, at the last comparison.
    missing: BTreeSet<(JobId, FencingToken)>,
    /// Units whose attempt was over at the last comparison, and which were still up.
    lingering: BTreeSet<(String, FencingToken)>,
    /// Changes since they were last taken: job and new state.
    pub changed: Vec<(String, &'static str)>,
}

fn report(id: &JobId, token: FencingToken, outcome: ReportOutcome, detail: &str) -> Action {
    Action::Report(Report { job_id: id.clone(), token, outcome, detail: detail.into() })
}

impl Jobs {
    fn set(&mut self, unit: String, tracked: Tracked) {
        self.changed.push((tracked.id.to_string(), tracked.phase.name()));
        self.tracked.insert(unit, tracked);
    }

    fn phase(&mut self, unit: &str, phase: Phase, now: Mono) {
        if let Some(t) = self.tracked.get_mut(unit).filter(|t| t.phase != phase) {
            (t.phase, t.since) = (phase, now);
            self.changed.push((t.id.to_string(), phase.name()));
        }
    }

    fn forget(&mut self, unit: &str) -> Option<Tracked> {
        let gone = self.tracked.remove(unit)?;
        self.changed.push((gone.id.to_string(), "gone"));
        Some(gone)
    }

    /// Jobs as D-Bus lists them: with times of the wall clock, which shows `wall` when ours shows `now`.
    pub fn rows(&self, wall: Wall, now: Mono) -> Vec<JobRow> {
        let row = |(unit, t): (&String, &Tracked)| JobRow {
            id: t.id.to_string(),
            kind: t.kind.name().into(),
            unit: unit.clone(),
            state: t.phase.name(),
            since: wall - (now - t.since),
        };
        self.tracked.iter().map(row).collect()
    }

    /// Their names.
    pub fn units(&self) -> impl Iterator<Item = &String> {
        self.tracked.keys()
    }

    /// Whether this unit's end is waited for. How a start ends tells the start itself: systemd loads and forgets the
    /// unit while it waits for polkit, which looks like an end.
    pub fn follows(&self, unit: &str) -> bool {
        self.tracked.get(unit).is_some_and(|t| t.phase != Phase::Starting)
    }

    /// Carries out an order of the coordinator's. Orders may come twice.
    pub fn order(&mut self, order: &Order, now: Mono) -> Vec<Action> {
        let unit = order.job_type.unit(&order.job_id);
        let deadline = order.runtime_max_seconds.map(|seconds| now + Span::of_secs(seconds) + TIMEOUT_GRACE);
        let (id, kind, token) = (order.job_id.clone(), order.job_type, order.token);
        let fresh = |phase| Tracked { id, kind, token, phase, since: now, deadline };
        let known = self.tracked.get(&unit).cloned();
        match (order.kind, known) {
            (OrderKind::Start, Some(t)) if t.token >= order.token => match t.phase {
                // The coordinator asks again because our report was lost.
                Phase::Running if t.token == order.token => {
                    vec![report(&t.id, t.token, ReportOutcome::Started, "already running")]
                }
                _ => Vec::new(),
            },
            (OrderKind::Start, known) => {
                let mut actions = Vec::new();
                if let Some(old) = known {
                    actions.push(report(&old.id, old.token, ReportOutcome::Gone, "replaced by a newer attempt"));
                }
                self.set(unit.clone(), fresh(Phase::Starting));
                let limits =
                    UnitLimits { memory_max: order.memory_max, tasks_max: order.tasks_max, cpus: order.cpus.clone() };
                actions.push(Action::Start { unit, token: order.token, limits });
                actions
            }
            (OrderKind::Stop | OrderKind::Kill, Some(t)) if t.token > order.token => {
                vec![report(&order.job_id, order.token, ReportOutcome::Gone, "a newer attempt uses its unit")]
            }
            (stop, known) => {
                match known {
                    Some(_) => self.phase(&unit, Phase::Stopping, now),
                    None => self.set(unit.clone(), fresh(Phase::Stopping)),
                }
                vec![if stop == OrderKind::Kill { Action::Kill { unit } } else { Action::Stop { unit } }]
            }
        }
    }

    /// systemd would have to undo a stop for it: the order stays with the coordinator, which gives it to the next
    /// master.
    pub fn postponed(&mut self, unit: &str, token: FencingToken) {
        if self.tracked.get(unit).is_some_and(|t| t.token == token) {
            self.forget(unit);
        }
    }

    /// Whether the attempt's unit is still to be started.
    pub fn is_starting(&self, unit: &str, token: FencingToken) -> bool {
        self.tracked.get(unit).is_some_and(|t| t.token == token && t.phase == Phase::Starting)
    }

    /// systemd ended the start: well, or with its words why not.
    pub fn started(&mut self, unit: &str, token: FencingToken, outcome: Result<(), String>, now: Mono) -> Vec<Action> {
        let Some(t) = self.tracked.get(unit).filter(|t| t.token == token).cloned() else { return Vec::new() };
        match outcome {
            Ok(()) => {
                if t.phase == Phase::Starting {
                    self.phase(unit, Phase::Running, now);
                }
                vec![report(&t.id, token, ReportOutcome::Started, "")]
            }
            // A stop order overtook the start: what counts is that the unit goes.
            Err(_) if t.phase == Phase::Stopping => Vec::new(),
            Err(why) => {
                self.forget(unit);
                vec![report(&t.id, token, ReportOutcome::StartFailed, &why), Action::Reset { unit: unit.into() }]
            }
        }
    }

    /// A look at the unit; nothing when systemd has unloaded it.
    pub fn seen(&mut self, unit: &str, view: Option<&UnitView>) -> Vec<Action> {
        let Some(t) = self.tracked.get(unit).filter(|t| t.phase != Phase::Starting) else { return Vec::new() };
        let token = t.token;
        // Inactive and failed come after ExecStopPost=, so the result has been handed in or left in the job's directory
        // by now.
        let detail = match view {
            None => String::new(),
            Some(v) if v.is_up() || v.active_state == "deactivating" => return Vec::new(),
            Some(v) => v.result.clone().unwrap_or_default(),
        };
        let failed = view.is_some_and(|v| v.active_state == "failed");
        let Some(gone) = self.forget(unit) else { return Vec::new() };
        let mut actions = vec![report(&gone.id, token, ReportOutcome::Gone, &detail)];
        if failed {
            actions.push(Action::Reset { unit: unit.into() });
        }
        actions
    }

    /// Stops what runs longer than it may, and again what should have stopped long ago: a stop may have failed.
    pub fn overdue(&mut self, now: Mono) -> Vec<Action> {
        let mut stops = Vec::new();
        for (unit, t) in &mut self.tracked {
            match t.phase {
                Phase::Running if t.deadline.is_some_and(|at| now >= at) => {
                    tracing::warn!("{unit} exceeded its timeout; stopping it");
                    self.changed.push((t.id.to_string(), Phase::Stopping.name()));
                }
                Phase::Stopping if now - t.since >= STOP_RETRY => {
                    tracing::warn!("{unit} was to stop and is still there; stopping it again");
                }
                _ => continue,
            }
            (t.phase, t.since) = (Phase::Stopping, now);
            stops.push(Action::Stop { unit: unit.clone() });
        }
        stops
    }

    /// Whether the next comparison decides about a claim that had no unit at the last one, or a unit whose attempt was
    /// over.
    pub fn is_in_doubt(&self) -> bool {
        !self.missing.is_empty() || !self.lingering.is_empty()
    }

    /// Compares the coordinator's account (`items`) with the units as they were before and after it was asked. What is
    /// leased and has no unit is gone; what runs and is not leased is stopped, at once or (see `linger`) the next time.
    /// The order of a fresh claim may still be on its way, so a claim is gone only when it has no unit at two
    /// comparisons, a while apart.
    pub fn reconcile(&mut self, before: &[UnitView], items: &[WorkItem], after: &[UnitView], now: Mono) -> Vec<Action> {
        let mut actions = Vec::new();
        let missing = std::mem::take(&mut self.missing);
        let find = |units: &[UnitView], name: &str| units.iter().find(|u| u.name == name).cloned();
        let alive =
            |unit: &Option<UnitView>| unit.as_ref().is_some_and(|u| u.is_up() || u.active_state == "deactivating");
        let mut leased = Vec::new();
        for item in items {
            let Some(lease) = &item.lease else { continue };
            let unit = item.work.work_type.unit(&item.work_id);
            leased.push(unit.clone());
            if self.tracked.contains_key(&unit) {
                continue;
            }
            let running = item.status == WorkStatus::Running;
            if alive(&find(after, &unit)) {
                let phase = if lease.fenced { Phase::Stopping } else { Phase::Running };
                let kind = item.work.work_type;
                let (id, token) = (item.work_id.clone(), lease.token);
                // From now: its begin is known by the wall clock alone, and its runner ends it in time.
                let deadline = Some(now + Span::of_secs(item.work.timeout_seconds) + TIMEOUT_GRACE);
                self.set(unit.clone(), Tracked { id, kind, token, phase, since: now, deadline });
                actions.push(match lease.fenced {
                    true => Action::Stop { unit },
                    false => report(&item.work_id, lease.token, ReportOutcome::Started, "found running"),
                });
            } else if running || missing.contains(&(item.work_id.clone(), lease.token)) {
                actions.push(report(&item.work_id, lease.token, ReportOutcome::Gone, "its unit is not running"));
            } else {
                self.missing.insert((item.work_id.clone(), lease.token));
            }
        }
        for view in before.iter().filter(|u| u.is_up()) {
            let unknown = !leased.contains(&view.name) && !self.tracked.contains_key(&view.name);
            if unknown && JobType::of_unit(&view.name).is_some() && find(after, &view.name).is_some_and(|u| u.is_up()) {
                tracing::warn!("{} runs without a lease; stopping it", view.name);
                actions.push(Action::Stop { unit: view.name.clone() });
            }
        }
        let over =
            |view: &&UnitView| find(after, &view.name).is_some_and(|u| u.is_up()) && !leased.contains(&view.name);
        let over: Vec<String> =
            before.iter().filter(|u| u.is_up()).filter(over).map(|view| view.name.clone()).collect();
        actions.extend(self.linger(over, now));
        actions
    }

    /// Stops followed units that run on although their attempt is over: a job may report its own end. One that ended in
    /// order goes by itself in a moment, so it is stopped only when two comparisons, a while apart, find it.
    fn linger(&mut self, over: Vec<String>, now: Mono) -> Vec<Action> {
        let before = std::mem::take(&mut self.lingering);
        let mut actions = Vec::new();
        for unit in over {
            let Some(token) = self.tracked.get(&unit).filter(|t| t.phase == Phase::Running).map(|t| t.token) else {
                continue;
            };
            let found = (unit, token);
            if before.contains(&found) {
                let (unit, _) = found;
                tracing::warn!("{unit} still runs after the end of its attempt; stopping it");
                self.phase(&unit, Phase::Stopping, now);
                actions.push(Action::Stop { unit });
            } else {
                self.lingering.insert(found);
            }
        }
        actions
    }
}

#[cfg(test)]
mod tests;
