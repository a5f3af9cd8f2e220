//! RESOURCE_OPTIMIZER: measuring the machine each period and has the coordinator's controllers decide how many
//! self-play jobs it should run. What is decided bounds the grants at once; UTILIZATION_OPTIMIZER brings the queue in
//! line.
use crate::contract::config::{Config, ResourceTargets};
use crate::contract::coordinator::optimizer::{Action, Observe};
use crate::contract::daemon::{Daemon, HandlerError, Input, Out};
use crate::contract::events;
use crate::contract::health::Health;
use crate::contract::host::HostSnapshot;
use crate::contract::registry::declare;

declare! {
    ResourceOptimizer {
        name: "RESOURCE_OPTIMIZER",
        purpose: "Sets the target number of jobs per node with a PID controller",
        category: Category::Resource,
        profiles: &[Profile::Standalone],
        depends_on: &[D::EventRouter, D::JobScheduler],
        publishes: &[E::ResourceConstraint],
        hard: &[Hub::Router, Hub::Coordinator],
        needs: &[Need::Gpu],
    }
    asks [managers, host]
}

/// The daemon.
#[derive(Debug)]
pub struct ResourceOptimizer {
    targets: ResourceTargets,
}

impl Daemon for ResourceOptimizer {
    fn new(config: &Config) -> Self {
        ResourceOptimizer { targets: config.resource_targets.clone() }
    }

    fn configure(&mut self, config: &Config) {
        *self = Self::new(config);
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("measuring the machine")),
            Input::Tick { .. } => self.look(ports, out)?,
            _ => {}
        }
        Ok(())
    }
}

/// The busiest GPU's value; unknown when one of them cannot be read.
fn worst(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    values.collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::max)
}

fn observation(host: &HostSnapshot) -> Observe {
    let clean = |percent: Option<f64>| percent.filter(|p| p.is_finite()).map(|p| p.clamp(0.0, 100.0));
    Observe {
        node: None,
        cpus: host.cpus.max(1),
        cpu_percent: clean(host.cpu_percent),
        selfplay_cpu_percent: clean(host.selfplay_cpu_percent),
        memory_percent: clean(host.memory_percent),
        memory_bytes: host.memory_bytes,
        gpus: host.gpus.iter().map(|g| g.name.clone()).collect(),
        gpu_percent: clean(worst(host.gpus.iter().map(|g| g.utilization_percent))),
        gpu_memory_percent: clean(worst(host.gpus.iter().map(|g| g.memory_percent))),
    }
}

impl ResourceOptimizer {
    fn look(&self, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let mut seen = observation(&ports.host.snapshot());
        seen.node = Some(ports.host.node());
        let advice = ports.managers.observe(&seen)?;
        if advice.action == Action::ScaleDown {
            for (resource, percent) in [("cpu", seen.cpu_percent), ("gpu", seen.gpu_percent)] {
                let Some(usage_percent) = percent.filter(|p| *p > self.targets.scale_down) else { continue };
                out.publish(events::ResourceConstraint {
                    node_id: ports.host.node(),
                    resource_type: resource.into(),
                    usage_percent,
                    threshold: self.targets.scale_down,
                    level: "scale_down".into(),
                });
            }
        }
        let story = format!("{} of {} self-play jobs: {}", advice.running, advice.jobs, advice.reason);
        out.health(match seen.cpu_percent {
            Some(_) => Health::healthy(story.clone()),
            None => Health::degraded(format!("cannot read CPU utilisation; {story}")),
        });
        out.last(story);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::coordinator::optimizer::Advice;
    use crate::contract::events::Payload;
    use crate::contract::health::HealthStatus;
    use crate::contract::host::Gpu;
    use crate::daemons::testing::build;

    fn look(fakes: &Fakes) -> Out {
        fakes.give(&mut build::<ResourceOptimizer>(), Input::Tick { number: 1 }).expect("handled")
    }

    #[test]
    fn what_is_measured_is_handed_on_and_unknown_stays_unknown() {
        let fakes = Fakes::new();
        fakes.managers.hold();
        let gpu = |utilization_percent| Gpu {
            name: "NVIDIA H100".into(),
            utilization_percent,
            memory_percent: Some(40.0),
            memory_bytes: 1,
        };
        fakes.host.hold().seen = HostSnapshot {
            cpus: 8,
            cpu_percent: None,
            gpus: vec![gpu(Some(20.0)), gpu(Some(90.0))],
            ..Default::default()
        };
        assert_eq!(look(&fakes).health.expect("said").status, HealthStatus::Degraded);
        fakes.host.hold().seen.gpus[0].utilization_percent = None;
        look(&fakes);
        let managed = fakes.managers.hold();
        let seen = &managed.observed;
        assert_eq!((seen[0].cpu_percent, seen[0].gpu_percent, seen[0].gpus.len()), (None, Some(90.0), 2));
        assert_eq!(seen[1].gpu_percent, None, "half of the GPUs is not all of them");
    }

    #[test]
    fn overload_is_said() {
        let fakes = Fakes::new();
        fakes.host.hold().seen =
            HostSnapshot { cpus: 8, cpu_percent: Some(97.0), memory_percent: Some(10.0), ..Default::default() };
        fakes.managers.hold().advice =
            Advice { action: Action::ScaleDown, jobs: 2, running: 4, delta: -2, ..Default::default() };
        let out = look(&fakes);
        assert!(
            matches!(&out.events[..], [Payload::ResourceConstraint(r)] if r.resource_type == "cpu" && r.threshold == 85.0)
        );
    }
}
