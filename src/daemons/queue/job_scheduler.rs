//! JOB_SCHEDULER: checking the order of the queue, and takes a slot from what is not urgent when CRITICAL work has
//! waited too long for one. The order itself is decided where slots are granted.
use crate::contract::config::Config;
use crate::contract::coordinator::{QueueOrder, QueuePlace, StopCause, StopWork, WorkItem, WorkSelection, WorkStatus};
use crate::contract::daemon::{Daemon, HandlerError, Input, Out};
use crate::contract::events;
use crate::contract::health::Health;
use crate::contract::registry::declare;
use crate::contract::time::Wall;
use crate::coordination::schedule::Level;
use std::collections::BTreeMap;

declare! {
    JobScheduler {
        name: "JOB_SCHEDULER",
        purpose: "Preempts jobs for CRITICAL ones and checks the order of the queue",
        category: Category::Queue,
        profiles: &[Profile::Standalone],
        depends_on: &[D::EventRouter],
        publishes: &[E::JobPreempted],
        hard: &[Hub::Router, Hub::Coordinator],
    }
    asks [clock, queue, managers]
    settings {
        /// Seconds a CRITICAL job is queued before it preempts a job that is not urgent.
        preempt_after: u32 = 300 in 10..=86_400 seconds;
    }
}

/// The daemon.
#[derive(Debug)]
pub struct JobScheduler {
    /// Ticks that CRITICAL work waits before it takes a slot; ticks and not times, as clocks jump.
    patience: u32,
    /// CRITICAL items that wait, and for how many ticks.
    waiting: BTreeMap<String, u32>,
}

impl Daemon for JobScheduler {
    fn new(config: &Config) -> Self {
        let interval = config.interval(SPEC.daemon).max(1);
        JobScheduler {
            patience: Settings::of(config).preempt_after.div_ceil(interval).max(1),
            waiting: BTreeMap::new(),
        }
    }

    fn configure(&mut self, config: &Config) {
        self.patience = Self::new(config).patience;
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("checking the order of the queue")),
            Input::Tick { .. } => self.look(ports, out)?,
            _ => {}
        }
        Ok(())
    }
}

/// How the queue stands, in a line.
fn tell(order: &QueueOrder, now: Wall) -> String {
    let count = |level: &str| order.places.iter().filter(|p| p.level == level).count();
    let oldest = order.places.iter().map(|p| (now - p.created_us).secs().max(0) / 60).max().unwrap_or(0);
    let levels: Vec<String> = ["CRITICAL", "HIGH", "NORMAL", "LOW"]
        .iter()
        .filter(|l| count(l) > 0)
        .map(|l| format!("{} {l}", count(l)))
        .collect();
    match levels.is_empty() {
        true => "no job is waiting for a slot".into(),
        false => format!("queued: {}; the oldest for {oldest} min", levels.join(", ")),
    }
}

/// The youngest running item of the type that is two levels below CRITICAL: it has lost the least.
fn victim(running: Vec<WorkItem>) -> Option<WorkItem> {
    let low = |item: &WorkItem| Level::of(item.work.priority) <= Level::Normal;
    let held = |item: &WorkItem| item.lease.as_ref().is_some_and(|l| !l.fenced);
    running.into_iter().filter(|i| low(i) && held(i)).max_by_key(|i| i.started_us)
}

impl JobScheduler {
    fn look(&mut self, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let order = ports.managers.queue_order()?;
        let declared = |place: &&QueuePlace| Level::of(place.priority) == Level::Critical;
        let before = std::mem::take(&mut self.waiting);
        for place in order.places.iter().filter(declared) {
            let id = place.work_id.to_string();
            let ticks = before.get(&id).map_or(0, |ticks| ticks.saturating_add(1));
            self.waiting.insert(id, ticks);
        }
        let story = tell(&order, ports.clock.now());
        let due =
            |place: &&QueuePlace| self.waiting.get(place.work_id.as_str()).is_some_and(|ticks| *ticks >= self.patience);
        match order.places.iter().filter(declared).find(due) {
            Some(place) => match preempt(place, ports, out)? {
                Some(done) => {
                    // One at a time: its slot must become free before another is worth taking.
                    self.waiting.clear();
                    out.last(done);
                }
                None => out.last(format!("{story}; {} is CRITICAL, but not because of a missing slot", place.work_id)),
            },
            None => out.last(story.clone()),
        }
        out.health(Health::healthy(story));
        Ok(())
    }
}

fn preempt(place: &QueuePlace, ports: &Ports<'_>, out: &mut Out) -> Result<Option<String>, HandlerError> {
    let verdict = ports.queue.can_spawn(place.work_type)?;
    // Only a lack of slots is cured by taking one: a full disk is not.
    if !verdict.wants_a_slot() {
        return Ok(None);
    }
    let running = WorkSelection::of(&[WorkStatus::Running]).kind(place.work_type);
    let Some(loser) = victim(ports.queue.all(&running)?) else { return Ok(None) };
    let Some(lease) = &loser.lease else { return Ok(None) };
    let reason = format!("{} is CRITICAL and needs a slot", place.work_id);
    let call = StopWork {
        work_id: loser.work_id.clone(),
        token: lease.token,
        cause: StopCause::Preempted,
        reason: reason.clone(),
    };
    if !ports.managers.stop_work(&call)? {
        return Ok(None);
    }
    let done = format!("stopped {}: {reason}", loser.work_id);
    out.publish(events::JobPreempted {
        job_id: loser.work_id,
        job_type: place.work_type.name().into(),
        node_id: lease.node.clone(),
        by: place.work_id.clone(),
        reason,
    });
    Ok(Some(done))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::coordinator::CanSpawn;
    use crate::contract::events::Payload;
    use crate::contract::reason::{Reason, ReasonCode};
    use crate::contract::time::Wall;
    use crate::contract::workload::JobType;
    use crate::daemons::testing::{build, job, key};

    fn fakes(reasons: &[Reason]) -> Fakes {
        let fakes = Fakes::new();
        fakes.clock.hold();
        let place = QueuePlace {
            work_id: job("t-9"),
            work_type: JobType::Training,
            config_key: key(),
            priority: 95,
            level: "CRITICAL".into(),
            created_us: Wall::default(),
            deadline_us: None,
            why: vec![],
        };
        fakes.managers.hold().order = QueueOrder { places: vec![place], truncated: false };
        fakes.queue.hold().can_spawn = CanSpawn::new(reasons.to_vec());
        for priority in [30, 60, 95] {
            fakes.queue.hold().running(JobType::Training, priority, None);
        }
        fakes
    }

    fn ticks(fakes: &Fakes, count: u64) -> Vec<Payload> {
        let mut daemon: JobScheduler = build();
        (0..count).flat_map(|number| fakes.give(&mut daemon, Input::Tick { number }).expect("handled").events).collect()
    }

    fn no_slot() -> Reason {
        Reason::new(ReasonCode::Slots, "training: 1 of 1 slots on node n1 in use")
    }

    #[test]
    fn critical_work_that_waited_takes_the_youngest_slot_of_what_is_not_urgent() {
        let fakes = fakes(&[no_slot()]);
        assert!(ticks(&fakes, 5).is_empty(), "five minutes have not passed");
        let events = ticks(&fakes, 6);
        assert!(
            matches!(&events[..], [Payload::JobPreempted(p)] if p.job_id == job("t-1") && p.by == job("t-9")),
            "{events:?}"
        );
        assert_eq!(fakes.managers.hold().stopped[0].cause, StopCause::Preempted);
    }

    #[test]
    fn a_slot_is_not_taken_where_it_would_not_help() {
        // What counts is the code: the text of a breaker repeats what a job said, and that may speak of slots.
        let breaker =
            Reason::new(ReasonCode::Breaker, "circuit breaker for training on n1 is OPEN: all slots of the GPU failed");
        for full in [fakes(std::slice::from_ref(&breaker)), fakes(&[no_slot(), breaker])] {
            assert!(ticks(&full, 9).is_empty() && full.managers.hold().stopped.is_empty());
        }
        let urgent = fakes(&[no_slot()]);
        urgent.queue.hold().work.retain(|w| w.work.priority > 90);
        assert!(ticks(&urgent, 9).is_empty() && urgent.managers.hold().stopped.is_empty(), "equals are left alone");
    }
}
