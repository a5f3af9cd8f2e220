//! JOB_REAPER: stops jobs that make no progress, on top of the longest time that systemd lets a unit run.
use crate::contract::config::Config;
use crate::contract::coordinator::{StopCause, StopWork, WorkItem, WorkSelection, WorkStatus};
use crate::contract::daemon::{Daemon, HandlerError, Input, Out, Unreadable};
use crate::contract::health::Health;
use crate::contract::registry::declare;
use crate::contract::workload::Progress;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

declare! {
    JobReaper {
        name: "JOB_REAPER",
        purpose: "Stops jobs that report no progress",
        category: Category::Queue,
        profiles: &[Profile::Standalone],
        depends_on: &[D::EventRouter],
        hard: &[Hub::Router, Hub::Coordinator],
    }
    asks [queue, managers]
    settings {
        /// Seconds without a progress report after which a job that reports progress is stopped. Must exceed the
        /// duration of one epoch.
        stuck_seconds: u32 = 1800 in 60..=604_800 seconds;
    }
}

/// A job at the last tick, and for how many ticks it has looked so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct LastProgress {
    token: u64,
    progress: Progress,
    ticks: u32,
}

/// The daemon.
#[derive(Debug)]
pub struct JobReaper {
    /// Ticks without progress that are too many. Ticks and not times: a clock that jumps must not kill every job.
    patience: u32,
    seen: BTreeMap<String, LastProgress>,
}

impl JobReaper {
    fn with(settings: &Settings, interval: u32) -> Self {
        JobReaper { patience: settings.stuck_seconds.div_ceil(interval.max(1)).max(1), seen: BTreeMap::new() }
    }

    /// Whether the job has looked the same for too long. One that never told of progress is not judged here: its
    /// timeout is.
    fn is_stuck(&mut self, item: &WorkItem, old: Option<LastProgress>) -> bool {
        let (Some(lease), Some(progress)) = (&item.lease, &item.progress) else { return false };
        if lease.fenced {
            return false;
        }
        let mut seen = LastProgress { token: lease.token.0, progress: progress.clone(), ticks: 0 };
        if let Some(old) = old.filter(|old| old.token == seen.token && old.progress == seen.progress) {
            seen.ticks = old.ticks.saturating_add(1);
        }
        let stuck = seen.ticks >= self.patience;
        self.seen.insert(item.work_id.to_string(), seen);
        stuck
    }

    fn look(&mut self, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let running = ports.queue.all(&WorkSelection::of(&[WorkStatus::Running]))?;
        let mut before = std::mem::take(&mut self.seen);
        let mut stopped = Vec::new();
        for item in &running {
            if !self.is_stuck(item, before.remove(item.work_id.as_str())) {
                continue;
            }
            let Some(lease) = &item.lease else { continue };
            let said =
                item.progress.as_ref().map(|p| format!("{} of {} {}", p.done, p.total, p.unit)).unwrap_or_default();
            let reason = format!("no progress since {said}");
            let call = StopWork {
                work_id: item.work_id.clone(),
                token: lease.token,
                cause: StopCause::Stuck,
                reason: reason.clone(),
            };
            if ports.managers.stop_work(&call)? {
                stopped.push(format!("{} ({reason})", item.work_id));
            }
        }
        match stopped.is_empty() {
            true => out.last(format!("running jobs, all with progress: {}", running.len())),
            false => out.last(format!("stopped {}", stopped.join(", "))),
        }
        out.health(Health::healthy(format!("running jobs: {}", running.len())));
        Ok(())
    }
}

impl Daemon for JobReaper {
    fn new(config: &Config) -> Self {
        JobReaper::with(&Settings::of(config), config.interval(SPEC.daemon))
    }

    fn configure(&mut self, config: &Config) {
        self.patience = Self::new(config).patience;
    }

    fn save(&self) -> Option<Value> {
        serde_json::to_value(&self.seen).ok()
    }

    fn restore(&mut self, state: Value) -> Result<(), Unreadable> {
        self.seen = serde_json::from_value(state)?;
        Ok(())
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("watching running jobs")),
            Input::Tick { .. } => self.look(ports, out)?,
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::workload::JobType;
    use crate::daemons::testing::build;

    fn progress(done: f64) -> Option<Progress> {
        Some(Progress {
            done,
            total: 10.0,
            unit: "games".into(),
            message: Default::default(),
            metrics: Default::default(),
        })
    }

    fn ticks(fakes: &Fakes, daemon: &mut JobReaper, count: u64) {
        for number in 0..count {
            fakes.give(daemon, Input::Tick { number }).expect("handled");
        }
    }

    #[test]
    fn a_job_without_progress_is_stopped_once_and_others_are_not() {
        let fakes = Fakes::new();
        for done in [Some(1.0), Some(2.0), None] {
            fakes.queue.hold().running(JobType::Selfplay, 50, done.and_then(progress));
        }
        let mut daemon: JobReaper = build();
        ticks(&fakes, &mut daemon, 30);
        assert!(fakes.managers.hold().stopped.is_empty(), "half an hour has not passed at the thirtieth look");
        fakes.queue.hold().work[1].progress = progress(3.0);
        ticks(&fakes, &mut daemon, 1);
        let managed = fakes.managers.hold();
        let stopped = &managed.stopped;
        assert_eq!(stopped.len(), 1);
        assert_eq!((stopped[0].work_id.as_str(), stopped[0].cause), ("t-0", StopCause::Stuck));
    }

    #[test]
    fn a_new_attempt_begins_anew_and_a_restart_forgets_nothing() {
        let fakes = Fakes::new();
        fakes.queue.hold().running(JobType::Selfplay, 50, progress(1.0));
        let mut daemon: JobReaper = build();
        ticks(&fakes, &mut daemon, 30);
        let mut after: JobReaper = build();
        after.restore(daemon.save().expect("state")).expect("a state");
        fakes.queue.hold().work[0].lease.as_mut().expect("held").token.0 += 1;
        ticks(&fakes, &mut after, 1);
        assert!(fakes.managers.hold().stopped.is_empty());
        ticks(&fakes, &mut after, 30);
        assert_eq!(fakes.managers.hold().stopped.len(), 1);
    }
}
