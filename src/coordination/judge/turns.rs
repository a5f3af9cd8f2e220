//! Where each configuration stands and what it waits for; jobs and events in numbers.
use super::processes::is_coordinator_up;
use super::view::View;
use crate::contract::catalog::StageState;
use crate::contract::coordinator::WorkStatus;
use crate::contract::coordinator::conditions::{Conditions, RunningJob, Waiting};
use crate::contract::ids::ConfigKey;
use crate::contract::overview::{Events, Jobs, Turn};
use crate::contract::reason;
use crate::contract::workload::JobType;
use std::collections::BTreeSet;

/// Every configuration that has anything.
pub fn turns(view: &View<'_>) -> Vec<Turn> {
    let none = Conditions::default();
    let conditions = view.coordinator.as_ref().filter(|_| is_coordinator_up(view)).map_or(&none, |c| &c.conditions);
    let stages = view.stages();
    let mut keys: BTreeSet<ConfigKey> = stages.iter().map(|s| s.config_key.clone()).collect();
    keys.extend(conditions.waiting.iter().map(|w| w.config_key.clone()));
    keys.extend(conditions.running.iter().map(|r| r.config_key.clone()));
    let of = |key: ConfigKey| {
        let stage = stages.iter().find(|s| s.config_key == key);
        let job =
            conditions.running.iter().filter(|r| r.config_key == key).max_by_key(|r| (place(r.work_type), r.started));
        turn(stage, job, conditions.waiting.iter().find(|w| w.config_key == key), key)
    };
    keys.into_iter().map(of).collect()
}

/// How far along the cycle a type is.
fn place(kind: JobType) -> u8 {
    match kind {
        JobType::Selfplay => 1,
        JobType::Export => 2,
        JobType::Training => 3,
        JobType::Evaluation => 4,
        _ => 0,
    }
}

fn turn(stage: Option<&StageState>, job: Option<&RunningJob>, waiting: Option<&Waiting>, key: ConfigKey) -> Turn {
    let waits_for = waiting.and_then(waits_for).filter(|_| job.is_none());
    let (now, since_us) = match (job, &waits_for, waiting, stage) {
        (Some(job), ..) => (job_text(job), Some(job.since_us)),
        (None, Some(why), Some(waiting), _) => (format!("waits: {why}"), Some(waiting.since_us)),
        (None, _, Some(waiting), _) => (format!("{} is about to start", waiting.work_type), Some(waiting.since_us)),
        (None, _, None, Some(stage)) => {
            (format!("{}: {}", stage.stage.replace('_', " "), stage.reason), Some(stage.since_us))
        }
        (None, _, None, None) => (String::new(), None),
    };
    let champion = stage.and_then(|s| s.champion.as_ref());
    Turn {
        config_key: key,
        generation: stage.map(|s| s.champion.as_ref().map_or(0, |c| c.generation)),
        elo: stage.map(|s| s.champion.as_ref().map_or(0.0, |c| c.elo)),
        stage: stage.map(|s| s.stage.clone()),
        now,
        waits_for,
        since_us,
        job: job.map(|j| j.work_id.clone()),
        progress: job.and_then(|j| j.progress.clone()),
        promoted_us: champion.map(|c| c.promoted_us),
        refusals: stage.map(|s| s.refusals),
    }
}

/// The one reason that is shown for what waits: the same in the queue, the pipeline and here.
pub fn waits_for(waiting: &Waiting) -> Option<String> {
    reason::leading(&waiting.reasons, &waiting.codes).map(str::to_owned)
}

fn job_text(job: &RunningJob) -> String {
    let name = if job.work_type == JobType::Selfplay { "self-play" } else { job.work_type.name() };
    match &job.progress {
        _ if !job.started => format!("{name} is starting"),
        Some(p) if p.total > 0.0 => format!("{name} {:.0}/{:.0} {}", p.done, p.total, p.unit).trim_end().to_owned(),
        Some(p) if p.done > 0.0 => format!("{name} {:.0} {}", p.done, p.unit).trim_end().to_owned(),
        _ => name.to_owned(),
    }
}

/// Jobs in numbers; nothing while nobody knows them.
pub fn jobs(view: &View<'_>) -> Option<Jobs> {
    let status = view.coordinator.as_ref().filter(|_| is_coordinator_up(view))?;
    let mut jobs = Jobs {
        running: status.count(WorkStatus::Running) + status.count(WorkStatus::Claimed),
        queued: status.count(WorkStatus::Pending),
        waits_for: status.conditions.waiting.iter().find_map(waits_for),
        ..Jobs::default()
    };
    for job in &status.conditions.running {
        *jobs.running_by_type.entry(job.work_type).or_default() += 1;
    }
    Some(jobs)
}

/// The event log in numbers.
pub fn events(view: &View<'_>) -> Option<Events> {
    let up = view.process("EVENT_ROUTER").is_some_and(|p| p.is_up());
    let stats = view.router.as_ref().filter(|_| up)?;
    Some(Events {
        published_per_second: stats.rates.published,
        lag: stats.lag,
        dead_letters: stats.dead_letters,
        events: stats.events,
    })
}
