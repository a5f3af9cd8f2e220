//! WORK_QUEUE_MONITOR: depth and latency of the work queue, jobs that do not start, and back-pressure long before the
//! queue is full.
use crate::contract::config::Config;
use crate::contract::coordinator::{WorkSelection, WorkStatus};
use crate::contract::daemon::{Daemon, HandlerError, Input, Out, Unreadable};
use crate::contract::events::{self, Payload};
use crate::contract::health::Health;
use crate::contract::registry::declare;
use crate::contract::text;
use crate::contract::time::{Span, Wall};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};

declare! {
    WorkQueueMonitor {
        name: "WORK_QUEUE_MONITOR",
        purpose: "Watches queue depth and start delay, reports stuck jobs and back-pressure",
        category: Category::Health,
        profiles: &[Profile::Standalone],
        depends_on: &[D::EventRouter, D::QueuePopulator],
        order: Some(7),
        interval: 10,
        publishes: &[E::BackpressureActivated, E::BackpressureReleased],
        subscribes: &[
            E::WorkQueued, E::WorkClaimed, E::WorkFailed, E::WorkRetry, E::WorkTimeout, E::WorkCancelled, E::TaskOrphaned,
            E::JobPreempted,
        ],
        hard: &[Hub::Router, Hub::Coordinator],
    }
    asks [clock, queue, node]
    settings {
        /// Number of queued jobs that activates back-pressure. It is released at 40 percent of this number.
        depth: u32 = 100 in 1..=100_000 jobs;
        /// Seconds after which a job that got a slot but did not start is reported.
        stuck_seconds: u32 = 300 in 10..=86_400 seconds;
        /// Number of most recent starts from which the start delay is computed.
        latency_window: u32 = 100 in 1..=10_000 starts;
    }
}

/// Waiting items whose time is remembered.
const REMEMBERED: usize = 10_000;
/// Percent of the depth at which back-pressure ends: without a gap it would flutter.
const RECOVERED: u64 = 40;
/// The level that is said; the coordinator itself says `hard` when it refuses.
const LEVEL: &str = "soft";

/// The daemon.
#[derive(Debug)]
pub struct WorkQueueMonitor {
    settings: Settings,
    /// Back-pressure was activated and not released.
    pressing: bool,
    /// When waiting items were queued.
    queued: BTreeMap<String, Wall>,
    /// Seconds from queued to granted, the last ones.
    latencies: VecDeque<f64>,
}

impl Daemon for WorkQueueMonitor {
    fn new(config: &Config) -> Self {
        WorkQueueMonitor {
            settings: Settings::of(config),
            pressing: false,
            queued: BTreeMap::new(),
            latencies: VecDeque::new(),
        }
    }

    fn configure(&mut self, config: &Config) {
        self.settings = Settings::of(config);
    }

    fn save(&self) -> Option<Value> {
        // What was activated must be released, also by the next process.
        Some(json!(self.pressing))
    }

    fn restore(&mut self, state: Value) -> Result<(), Unreadable> {
        self.pressing = serde_json::from_value(state)?;
        Ok(())
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("watching the queue")),
            Input::Tick { .. } => self.look(ports, out)?,
            Input::Event { event, payload } => match payload {
                Payload::WorkQueued(w) if self.queued.len() < REMEMBERED => {
                    self.queued.insert(w.work_id.to_string(), Wall::of_us(event.time_us));
                }
                Payload::WorkClaimed(w) => self.claimed(w.work_id.as_str(), Wall::of_us(event.time_us)),
                Payload::WorkCancelled(w) => drop(self.queued.remove(w.work_id.as_str())),
                Payload::WorkFailed(w) => drop(self.queued.remove(w.work_id.as_str())),
                // It waits again, from now on.
                Payload::WorkRetry(w) => {
                    out.last(format!("{} {} is tried again: {}", w.work_type, w.work_id, w.error));
                    if self.queued.len() < REMEMBERED {
                        self.queued.insert(w.work_id.to_string(), Wall::of_us(event.time_us));
                    }
                }
                Payload::WorkTimeout(w) => {
                    out.last(format!("{} {} took longer than {} s", w.work_type, w.work_id, w.timeout_seconds))
                }
                Payload::TaskOrphaned(t) => {
                    out.last(format!("{} {} on {} was given up: {}", t.task_type, t.task_id, t.node_id, t.reason))
                }
                Payload::JobPreempted(p) => out.last(format!("{} was preempted: {}", p.job_id, p.reason)),
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }
}

impl WorkQueueMonitor {
    fn claimed(&mut self, id: &str, now: Wall) {
        let Some(at) = self.queued.remove(id) else { return };
        self.latencies.push_back((now - at).secs_f64().max(0.0));
        while self.latencies.len() > self.settings.latency_window as usize {
            self.latencies.pop_front();
        }
    }

    /// The median and the slowest of the last grants, seconds.
    fn latency(&self) -> Option<(f64, f64)> {
        let mut sorted: Vec<f64> = self.latencies.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        Some((*sorted.get(sorted.len() / 2)?, *sorted.last()?))
    }

    fn look(&mut self, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let depth = ports.queue.count(&WorkSelection::of(&[WorkStatus::Pending]))?;
        let running = ports.queue.count(&WorkSelection::of(&[WorkStatus::Running]))?;
        let starting = ports.queue.all(&WorkSelection::of(&[WorkStatus::Claimed]))?;
        let now = ports.clock.now();
        self.press(depth, ports, out);
        let slow = Span::of_secs(self.settings.stuck_seconds.into());
        let stuck = starting.iter().filter(|i| i.claimed_us.is_some_and(|at| now - at > slow));
        let stuck: Vec<String> = stuck.map(|i| i.work_id.to_string()).collect();
        let mut story = format!("{depth} queued, {running} running");
        if let Some((median, slowest)) = self.latency() {
            story += &format!("; start delay {median:.0} s (max {slowest:.0} s)");
        }
        let trouble = match (stuck.is_empty(), self.pressing) {
            (false, _) => Some(format!(
                "not started {} s after getting a slot: {}",
                self.settings.stuck_seconds,
                stuck.join(", ")
            )),
            (true, true) => Some(format!("{} or more jobs queued", self.settings.depth)),
            (true, false) => None,
        };
        out.health(match trouble {
            Some(trouble) => Health::degraded(format!("{trouble}; {story}")),
            None => Health::healthy(story.clone()),
        });
        out.last(story);
        Ok(())
    }

    fn press(&mut self, depth: u64, ports: &Ports<'_>, out: &mut Out) {
        let most = u64::from(self.settings.depth);
        let (node_id, level) = (ports.node.node(), LEVEL.to_owned());
        if !self.pressing && depth >= most {
            self.pressing = true;
            let reason = format!("{} queued (daemons.work_queue_monitor.depth is {most})", text::count(depth, "job"));
            out.publish(events::BackpressureActivated {
                node_id,
                level,
                reason,
                resource_type: "queue".into(),
                queue_depth: depth,
            });
        } else if self.pressing && depth <= most * RECOVERED / 100 {
            self.pressing = false;
            out.publish(events::BackpressureReleased { node_id, previous_level: level, queue_depth: depth });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::health::HealthStatus;
    use crate::contract::ids::LeaseId;
    use crate::contract::ports::fakes::envelope;
    use crate::contract::workload::JobType;
    use crate::daemons::testing::{build, job, key, node};

    fn tick(fakes: &Fakes, daemon: &mut WorkQueueMonitor) -> Out {
        fakes.give(daemon, Input::Tick { number: 1 }).expect("handled")
    }

    #[test]
    fn back_pressure_begins_at_the_depth_and_ends_well_below_it_also_after_a_restart() {
        let fakes = Fakes::new();
        fakes.clock.hold();
        fakes.node.hold();
        for _ in 0..100 {
            fakes.queue.hold().queued(JobType::Selfplay, WorkStatus::Pending);
        }
        let mut daemon: WorkQueueMonitor = build();
        let out = tick(&fakes, &mut daemon);
        assert!(
            matches!(&out.events[..], [Payload::BackpressureActivated(b)] if b.queue_depth == 100 && b.level == "soft")
        );
        assert!(tick(&fakes, &mut daemon).events.is_empty(), "said once");
        let mut after: WorkQueueMonitor = build();
        after.restore(daemon.save().expect("state")).expect("a state");
        fakes.queue.hold().work.truncate(41);
        assert!(tick(&fakes, &mut after).events.is_empty());
        fakes.queue.hold().work.truncate(40);
        assert!(matches!(&tick(&fakes, &mut after).events[..], [Payload::BackpressureReleased(_)]));
    }

    #[test]
    fn latency_is_measured_and_what_does_not_start_is_named() {
        let fakes = Fakes::new();
        fakes.node.hold();
        fakes.queue.hold();
        let mut daemon: WorkQueueMonitor = build();
        let queued = |n: u32| events::WorkQueued {
            work_id: job(&format!("w-{n}")),
            work_type: "selfplay".into(),
            config_key: Some(key()),
            priority: 50,
            requested_by: String::new(),
        };
        for n in 0..3 {
            fakes.event(&mut daemon, queued(n)).expect("handled");
        }
        for n in 0..3u32 {
            fakes.clock.hold().now += Span::of_secs(4);
            let claimed = events::WorkClaimed {
                work_id: job(&format!("w-{n}")),
                work_type: "selfplay".into(),
                config_key: Some(key()),
                node_id: node(),
                lease_id: LeaseId::new("w-l1").expect("an id"),
                attempt: 1,
            };
            let event = crate::contract::envelope::Event { time_us: fakes.clock.hold().now.us(), ..envelope(&claimed) };
            fakes.give(&mut daemon, Input::Event { event: &event, payload: claimed.into() }).expect("handled");
        }
        fakes.queue.hold().queued(JobType::Training, WorkStatus::Claimed);
        fakes.queue.hold().work[0].claimed_us = Some(fakes.clock.hold().now - Span::of_secs(301));
        let health = tick(&fakes, &mut daemon).health.expect("said");
        assert_eq!(health.status, HealthStatus::Degraded);
        assert!(
            health.message.contains("t-0") && health.message.contains("start delay 8 s (max 12 s)"),
            "{}",
            health.message
        );
    }
}
