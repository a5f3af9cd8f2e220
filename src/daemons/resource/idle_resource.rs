//! IDLE_RESOURCE: queues self-play when cores or GPUs have had nothing to do for a while.
use crate::contract::config::{Config, Stage};
use crate::contract::coordinator::{NewWork, WorkFilter, WorkStatus};
use crate::contract::daemon::{Daemon, HandlerError, Input, Out};
use crate::contract::events::{self, Payload};
use crate::contract::health::Health;
use crate::contract::host::HostSnapshot;
use crate::contract::ids::ConfigKey;
use crate::contract::registry::declare;
use crate::contract::workload::JobType;
use serde_json::json;

declare! {
    IdleResource {
        name: "IDLE_RESOURCE",
        purpose: "Queues self-play when cores or GPUs have nothing to do",
        category: Category::Resource,
        profiles: &[Profile::Standalone, Profile::Ephemeral, Profile::Selfplay],
        depends_on: &[D::EventRouter],
        order: Some(9),
        interval: 15,
        health_check_interval: Some(120),
        critical: true,
        publishes: &[E::IdleResourceDetected],
        subscribes: &[E::BackpressureActivated, E::BackpressureReleased, E::ResourceConstraint],
        hard: &[Hub::Router, Hub::Coordinator],
        needs: &[Need::Gpu],
    }
    asks [clock, queue, host]
    settings {
        /// Percent of CPU (or GPU) use below which the machine is idle.
        idle_percent: f64 = 30.0 in 0.0..=100.0 percent;
        /// Seconds it must have been idle.
        idle_seconds: u32 = 15 in 1..=86_400 seconds;
        /// Items in the queue above which nothing is added.
        queue_limit: u32 = 200 in 1..=10_000 items;
    }
}

/// The daemon.
#[derive(Debug)]
pub struct IdleResource {
    settings: Settings,
    stage: Stage,
    games_per_job: u32,
    keys: Vec<ConfigKey>,
    idle_since: Option<i64>,
    held: bool,
}

impl Daemon for IdleResource {
    fn new(config: &Config) -> Self {
        IdleResource {
            settings: Settings::of(config),
            stage: config.workload.selfplay.clone(),
            games_per_job: config.workload.games_per_job,
            keys: config.master.configs.clone(),
            idle_since: None,
            held: false,
        }
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("watches the machine")),
            Input::Tick { number } => self.look(number, ports, out)?,
            Input::Event { payload, .. } => match payload {
                Payload::BackpressureActivated(b) => {
                    self.held = true;
                    out.last(format!("held back: {}", b.reason));
                }
                Payload::BackpressureReleased(_) => self.held = false,
                _ => {}
            },
            Input::Reload(config) => *self = Self::new(config),
            _ => {}
        }
        Ok(())
    }
}

/// Cores with nothing to do, if the machine counts as idle. A GPU that works, or a number that cannot be read, is not idle.
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
            out.last(host.cpu_percent.map_or("CPU use cannot be read".into(), |p| format!("CPU {p:.0} % busy")));
            return Ok(());
        };
        let now = ports.clock.now_us();
        let idle = (now - *self.idle_since.get_or_insert(now)) as f64 / 1e6;
        if idle < f64::from(self.settings.idle_seconds) || self.held || self.keys.is_empty() {
            out.last(format!("{cores:.1} cores idle for {idle:.0} s"));
            return Ok(());
        }
        let waiting = WorkFilter { statuses: vec![WorkStatus::Pending], ..Default::default() };
        let pending = ports.queue.work(&waiting)?;
        let allowed = ports.queue.can_spawn(JobType::Selfplay)?;
        let plays = pending.iter().any(|w| w.work.work_type == JobType::Selfplay);
        if plays || pending.len() >= self.settings.queue_limit as usize || !allowed.allowed {
            let why = if plays { "self-play waits already".into() } else { allowed.reasons.join("; ") };
            out.last(format!("{cores:.1} cores idle, nothing queued: {why}"));
            return Ok(());
        }
        let key = &self.keys[usize::try_from(number).unwrap_or(0) % self.keys.len()];
        out.publish(events::IdleResourceDetected {
            node_id: ports.host.node(),
            idle_cores: cores,
            gpu_utilization: host.gpus.iter().filter_map(|g| g.utilization_percent).reduce(f64::max),
            idle_duration_seconds: idle,
            recommended_config: Some(key.clone()),
        });
        let jobs = (cores.floor() as usize).max(1);
        for _ in 0..jobs {
            let mut work = NewWork::new(JobType::Selfplay, key.clone());
            work.priority = 30;
            work.current_model = true;
            work.params = self.stage.params.clone();
            work.params.entry("games").or_insert_with(|| json!(self.games_per_job));
            out.enqueue(work);
        }
        self.idle_since = None;
        out.last(format!("{cores:.1} cores idle for {idle:.0} s: {jobs} self-play jobs of {key} queued"));
        out.health(Health::healthy(format!("queued {jobs} self-play jobs of {key}")));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::reason::{Reason, ReasonCode};
    use crate::daemons::testing::build;

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
        fakes.clock.hold().now_us += 15_000_000;
        fakes.give(&mut daemon, Input::Tick { number: 2 }).expect("handled")
    }

    #[test]
    fn idle_cores_get_self_play() {
        let out = two_ticks(&fakes(Some(5.0)));
        assert_eq!(out.work.len(), 3);
        assert!(matches!(&out.events[..], [Payload::IdleResourceDetected(i)] if i.idle_duration_seconds == 15.0));
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
