//! IDLE_RESOURCE: queues self-play when cores or GPUs have had nothing to do for a while.
use crate::contract::config::Config;
use crate::contract::coordinator::{WorkSelection, WorkStatus};
use crate::contract::daemon::{Daemon, HandlerError, Input, Out, Unreadable};
use crate::contract::events::{self, Payload};
use crate::contract::health::Health;
use crate::contract::host::HostSnapshot;
use crate::contract::ids::NodeId;
use crate::contract::registry::declare;
use crate::contract::text;
use crate::contract::time::Wall;
use crate::contract::workload::JobType;
use crate::coordination::selfplay::{Plan, Wishes};
use serde::{Deserialize, Serialize};
use serde_json::Value;

declare! {
    IdleResource {
        name: "IDLE_RESOURCE",
        purpose: "Queues self-play when cores or GPUs are idle",
        category: Category::Resource,
        profiles: &[Profile::Standalone, Profile::Ephemeral, Profile::Selfplay],
        depends_on: &[D::EventRouter],
        order: Some(9),
        interval: 15,
        health_check_interval: Some(120),
        critical: true,
        publishes: &[E::IdleResourceDetected],
        subscribes: &[
            E::BackpressureActivated, E::BackpressureReleased, E::ResourceConstraint, E::SelfplayAllocationUpdated,
            E::ExplorationBoost, E::HyperparameterUpdated,
        ],
        hard: &[Hub::Router, Hub::Coordinator],
        needs: &[Need::Gpu],
    }
    asks [clock, queue, host]
    settings {
        /// CPU (or GPU) utilisation in percent below which the machine counts as idle.
        idle_percent: f64 = 30.0 in 0.0..=100.0 percent;
        /// Seconds it must have been idle before jobs are queued.
        idle_seconds: u32 = 15 in 1..=86_400 seconds;
        /// Number of queued jobs above which no more are added.
        queue_limit: u32 = 200 in 1..=10_000 jobs;
    }
}

/// Of jobs that use what nobody else wants.
const PRIORITY: u8 = 30;

/// Percent of the depth at which back-pressure was activated. Not above it, the back-pressure is over even if no event
/// says so: its publisher was disabled, or started from scratch.
const RELIEVED: u64 = 40;

/// What a node last reported of one level of back-pressure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pressure {
    node_id: NodeId,
    level: String,
    /// The time of the event: events that are delivered again come out of order.
    time_us: Wall,
    /// Jobs in the queue when it was activated; absent once it is released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    depth: Option<u64>,
}

/// What is kept over a restart.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Kept {
    wishes: Wishes,
    /// One for each node and level.
    #[serde(default)]
    pressure: Vec<Pressure>,
}

impl Kept {
    /// Takes over a report, unless a newer one of the same node and level is known.
    fn report(&mut self, new: Pressure) {
        let same = |p: &&mut Pressure| p.node_id == new.node_id && p.level == new.level;
        match self.pressure.iter_mut().find(same) {
            Some(known) if known.time_us > new.time_us => {}
            Some(known) => *known = new,
            None => self.pressure.push(new),
        }
    }

    /// Back-pressure that lasts, now that this many jobs are queued. What is over stays so when the queue grows again.
    fn pressed(&mut self, queued: u64) -> Option<&Pressure> {
        for pressure in &mut self.pressure {
            pressure.depth.take_if(|depth| queued.saturating_mul(100) <= depth.saturating_mul(RELIEVED));
        }
        self.pressure.iter().find(|p| p.depth.is_some())
    }
}

/// The daemon.
#[derive(Debug)]
pub struct IdleResource {
    settings: Settings,
    plan: Plan,
    /// `pipeline.auto_trigger`.
    auto: bool,
    idle_since: Option<Wall>,
    kept: Kept,
}

impl Daemon for IdleResource {
    fn new(config: &Config) -> Self {
        let (settings, plan, auto) = (Settings::of(config), Plan::of(config), config.pipeline.auto_trigger);
        IdleResource { settings, plan, auto, idle_since: None, kept: Kept::default() }
    }

    fn configure(&mut self, config: &Config) {
        (self.settings, self.plan, self.auto) = (Settings::of(config), Plan::of(config), config.pipeline.auto_trigger);
    }

    fn save(&self) -> Option<Value> {
        serde_json::to_value(&self.kept).ok()
    }

    fn restore(&mut self, state: Value) -> Result<(), Unreadable> {
        self.kept = serde_json::from_value(state)?;
        Ok(())
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("watching the machine")),
            Input::Tick { number } => self.look(number, ports, out)?,
            Input::Event { event, payload } => match payload {
                Payload::BackpressureActivated(b) => {
                    out.last(format!("paused by back-pressure: {}", b.reason));
                    let depth = Some(b.queue_depth);
                    self.kept.report(Pressure {
                        node_id: b.node_id,
                        level: b.level,
                        time_us: Wall::of_us(event.time_us),
                        depth,
                    });
                }
                Payload::BackpressureReleased(b) => {
                    self.kept.report(Pressure {
                        node_id: b.node_id,
                        level: b.previous_level,
                        time_us: Wall::of_us(event.time_us),
                        depth: None,
                    });
                }
                Payload::ResourceConstraint(r) if r.node_id == ports.host.node() => {
                    // What is short of something has not been idle.
                    self.idle_since = None;
                    out.last(format!("{} at {:.0} %: not idle", r.resource_type, r.usage_percent));
                }
                payload => drop(self.kept.wishes.learn(&payload)),
            },
            _ => {}
        }
        Ok(())
    }
}

/// Cores with nothing to do, if the machine counts as idle. A GPU that works, or a number that cannot be read, is not
/// idle.
fn idle_cores(host: &HostSnapshot, limit: f64) -> Option<f64> {
    let busy = host.cpu_percent?;
    let gpu_busy = host.gpus.iter().any(|g| g.utilization_percent.is_none_or(|u| u >= limit));
    (busy < limit && !gpu_busy).then(|| f64::from(host.cpus) * (1.0 - busy / 100.0))
}

impl IdleResource {
    fn look(&mut self, number: u64, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let host = ports.host.snapshot();
        let Some(cores) = idle_cores(&host, self.settings.idle_percent) else {
            self.idle_since = None;
            out.last(host.cpu_percent.map_or("cannot read CPU utilisation".into(), |p| format!("CPU {p:.0} % busy")));
            return Ok(());
        };
        let now = ports.clock.now();
        let idle = (now - *self.idle_since.get_or_insert(now)).secs_f64();
        if idle < f64::from(self.settings.idle_seconds) {
            out.last(format!("{cores:.1} cores idle for {idle:.0} s"));
            return Ok(());
        }
        if let Some(why) = self.against(ports)? {
            out.last(format!("{cores:.1} cores idle, nothing queued: {why}"));
            return Ok(());
        }
        let Some(key) = self.kept.wishes.turn(&self.plan, number) else {
            out.last("no configuration is played");
            return Ok(());
        };
        out.publish(events::IdleResourceDetected {
            node_id: ports.host.node(),
            idle_cores: cores,
            gpu_utilization: host.gpus.iter().filter_map(|g| g.utilization_percent).reduce(f64::max),
            idle_duration_seconds: idle,
            recommended_config: Some(key.clone()),
        });
        let jobs = (cores.floor() as usize).max(1);
        for _ in 0..jobs {
            out.enqueue(self.plan.job(&self.kept.wishes, key, PRIORITY));
        }
        self.idle_since = None;
        let queued = text::count(jobs as u64, "self-play job");
        out.last(format!("{cores:.1} cores idle for {idle:.0} s: {queued} of {key} queued"));
        out.health(Health::healthy(format!("queued {queued} of {key}")));
        Ok(())
    }

    /// The first reason against more jobs.
    fn against(&mut self, ports: &Ports<'_>) -> Result<Option<String>, HandlerError> {
        if !self.auto {
            return Ok(Some("pipeline.auto_trigger is off".into()));
        }
        let pending = WorkSelection::of(&[WorkStatus::Pending]);
        let queued = ports.queue.count(&pending)?;
        if let Some(pressure) = self.kept.pressed(queued) {
            return Ok(Some(format!("back-pressure ({}) of {}", pressure.level, pressure.node_id)));
        }
        if ports.queue.count(&pending.kind(JobType::Selfplay))? > 0 {
            return Ok(Some("self-play is already queued".into()));
        }
        if queued >= u64::from(self.settings.queue_limit) {
            let limit = self.settings.queue_limit;
            return Ok(Some(format!(
                "{} queued (daemons.idle_resource.queue_limit is {limit})",
                text::count(queued, "job")
            )));
        }
        let verdict = ports.queue.can_spawn(JobType::Selfplay)?;
        Ok((!verdict.allowed).then(|| verdict.reasons.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::reason::{Reason, ReasonCode};
    use crate::contract::time::Span;
    use crate::daemons::testing::{build, key, node};

    fn fakes(cpu: Option<f64>) -> Fakes {
        let fakes = Fakes::new();
        fakes.clock.hold();
        fakes.queue.hold();
        fakes.host.hold().seen = HostSnapshot { cpus: 4, cpu_percent: cpu, ..Default::default() };
        fakes
    }

    fn two_ticks(fakes: &Fakes) -> Out {
        let mut daemon: IdleResource = build();
        let first = fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled");
        assert!(first.work.is_empty(), "not idle for long enough yet");
        fakes.clock.hold().now += Span::of_secs(15);
        fakes.give(&mut daemon, Input::Tick { number: 2 }).expect("handled")
    }

    #[test]
    fn idle_cores_get_self_play() {
        let out = two_ticks(&fakes(Some(5.0)));
        assert_eq!(out.work.len(), 3);
        assert!(matches!(&out.events[..], [Payload::IdleResourceDetected(i)] if i.idle_duration_seconds == 15.0));
    }

    fn pressed(level: &str) -> events::BackpressureActivated {
        events::BackpressureActivated {
            node_id: node(),
            level: level.into(),
            reason: "r".into(),
            resource_type: "queue".into(),
            queue_depth: 10,
        }
    }

    fn released(level: &str) -> events::BackpressureReleased {
        events::BackpressureReleased { node_id: node(), previous_level: level.into(), queue_depth: 0 }
    }

    fn tick(fakes: &Fakes, daemon: &mut IdleResource, number: u64) -> Out {
        fakes.clock.hold().now += Span::of_secs(15);
        fakes.give(daemon, Input::Tick { number }).expect("handled")
    }

    #[test]
    fn back_pressure_holds_until_its_own_level_is_released_also_over_a_restart_and_a_reload() {
        let fakes = fakes(Some(5.0));
        (0..5).for_each(|_| fakes.queue.hold().queued(JobType::Training, WorkStatus::Pending));
        let mut daemon: IdleResource = build();
        fakes.event(&mut daemon, pressed("soft")).expect("handled");
        fakes.event(&mut daemon, pressed("hard")).expect("handled");
        fakes.event(&mut daemon, released("soft")).expect("handled");
        let mut after: IdleResource = build();
        after.restore(daemon.save().expect("a state")).expect("read");
        after.configure(&Config::default());
        assert_eq!([1, 2].map(|n| tick(&fakes, &mut after, n).work.len()), [0, 0], "hard is not released");
        fakes.event(&mut after, released("hard")).expect("handled");
        assert_eq!(tick(&fakes, &mut after, 3).work.len(), 3);
    }

    #[test]
    fn back_pressure_can_be_left_in_every_order_of_events() {
        let at = |daemon: &mut IdleResource, fakes: &Fakes, payload: Payload, time_us: i64| {
            let event = crate::contract::envelope::Event {
                time_us,
                ..crate::contract::ports::fakes::envelope(&released("soft"))
            };
            fakes.give(daemon, Input::Event { event: &event, payload }).expect("handled");
        };
        let late = fakes(Some(5.0));
        (0..5).for_each(|_| late.queue.hold().queued(JobType::Training, WorkStatus::Pending));
        let mut daemon: IdleResource = build();
        at(&mut daemon, &late, released("soft").into(), 2);
        at(&mut daemon, &late, pressed("soft").into(), 1);
        tick(&late, &mut daemon, 1);
        assert_eq!(tick(&late, &mut daemon, 2).work.len(), 3, "it was activated before it was released");
        at(&mut daemon, &late, pressed("soft").into(), 3);
        tick(&late, &mut daemon, 3);
        let said = tick(&late, &mut daemon, 4).last.expect("a line");
        assert!(said.contains("back-pressure (soft) of n1"), "{said}");
        late.queue.hold().work.truncate(4);
        assert_eq!(tick(&late, &mut daemon, 5).work.len(), 3, "nobody released it, and the queue is short again");
        (0..6).for_each(|_| late.queue.hold().queued(JobType::Training, WorkStatus::Pending));
        tick(&late, &mut daemon, 6);
        assert_eq!(tick(&late, &mut daemon, 7).work.len(), 3, "what is over does not come back by itself");
    }

    #[test]
    fn without_auto_trigger_nothing_is_queued() {
        let fakes = fakes(Some(5.0));
        let mut config = Config::default();
        config.pipeline.auto_trigger = false;
        let mut daemon = IdleResource::new(&config);
        tick(&fakes, &mut daemon, 1);
        let out = tick(&fakes, &mut daemon, 2);
        assert!(out.work.is_empty() && out.events.is_empty());
        assert!(out.last.is_some_and(|last| last.contains("pipeline.auto_trigger is off")));
    }

    #[test]
    fn the_limit_counts_all_that_is_queued() {
        let fakes = fakes(Some(5.0));
        (0..199).for_each(|_| fakes.queue.hold().queued(JobType::Training, WorkStatus::Pending));
        let mut daemon: IdleResource = build();
        tick(&fakes, &mut daemon, 1);
        fakes.queue.hold().queued(JobType::Export, WorkStatus::Pending);
        let said = tick(&fakes, &mut daemon, 2).last.expect("a line");
        assert!(said.contains("200 jobs queued (daemons.idle_resource.queue_limit is 200)"), "{said}");
        fakes.queue.hold().work.pop();
        assert_eq!(tick(&fakes, &mut daemon, 3).work.len(), 3);
    }

    #[test]
    fn feedback_reaches_its_jobs_and_a_constraint_is_no_idleness() {
        let fakes = fakes(Some(5.0));
        let mut daemon: IdleResource = build();
        let boost = events::ExplorationBoost {
            config_key: key(),
            boost_factor: 1.5,
            reason: String::new(),
            anomaly_count: None,
        };
        fakes.event(&mut daemon, boost).expect("handled");
        fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled");
        fakes.clock.hold().now += Span::of_secs(15);
        let short = events::ResourceConstraint {
            node_id: node(),
            resource_type: "memory".into(),
            usage_percent: 95.0,
            threshold: 90.0,
            level: "critical".into(),
        };
        fakes.event(&mut daemon, short).expect("handled");
        assert!(fakes.give(&mut daemon, Input::Tick { number: 2 }).expect("handled").work.is_empty(), "it counts anew");
        fakes.clock.hold().now += Span::of_secs(15);
        assert_eq!(
            fakes.give(&mut daemon, Input::Tick { number: 3 }).expect("handled").work[0].params["exploration"],
            1.5
        );
    }

    #[test]
    fn busy_unknown_waiting_and_refused_get_nothing() {
        assert!(two_ticks(&fakes(Some(80.0))).work.is_empty());
        assert!(two_ticks(&fakes(None)).work.is_empty(), "unknown is not idle");
        let waits = fakes(Some(5.0));
        waits.queue.hold().queued(JobType::Selfplay, WorkStatus::Pending);
        assert!(two_ticks(&waits).work.is_empty());
        let full = fakes(Some(5.0));
        let limit = Reason::new(ReasonCode::Slots, "limit");
        full.queue.hold().can_spawn = crate::contract::coordinator::CanSpawn::new(vec![limit]);
        assert!(two_ticks(&full).work.is_empty());
    }
}
