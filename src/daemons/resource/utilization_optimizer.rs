//! UTILIZATION_OPTIMIZER: brings the number of self-play jobs to what the optimizer wants on this machine: queues what
//! is missing, and gives back what is too much when the machine is overloaded.
use crate::contract::config::Config;
use crate::contract::coordinator::optimizer::{Action, NodeUse};
use crate::contract::coordinator::{StopCause, StopWork, WorkItem, WorkSelection, WorkStatus};
use crate::contract::daemon::{Daemon, HandlerError, Input, Out, Unreadable};
use crate::contract::events::Payload;
use crate::contract::health::Health;
use crate::contract::registry::declare;
use crate::contract::workload::JobType;
use crate::coordination::selfplay::{Plan, Wishes};
use serde::{Deserialize, Serialize};
use serde_json::Value;

declare! {
    UtilizationOptimizer {
        name: "UTILIZATION_OPTIMIZER",
        purpose: "Moves the number of jobs towards the target",
        category: Category::Resource,
        profiles: &[Profile::Standalone],
        depends_on: &[D::EventRouter, D::IdleResource],
        interval: 300,
        subscribes: &[
            E::IdleResourceDetected, E::ResourceConstraint, E::SelfplayAllocationUpdated, E::ExplorationBoost,
            E::HyperparameterUpdated,
        ],
        hard: &[Hub::Router, Hub::Coordinator],
    }
    asks [queue, managers, node]
}

/// Jobs that one look queues at most: the next one sees what they did.
const STEP: u64 = 16;

/// Of jobs that fill what is free.
const PRIORITY: u8 = 30;

/// What is kept over a restart.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Kept {
    wishes: Wishes,
    turn: u64,
}

/// The daemon.
#[derive(Debug)]
pub struct UtilizationOptimizer {
    plan: Plan,
    auto: bool,
    kept: Kept,
}

impl Daemon for UtilizationOptimizer {
    fn new(config: &Config) -> Self {
        UtilizationOptimizer { plan: Plan::of(config), auto: config.pipeline.auto_trigger, kept: Kept::default() }
    }

    fn configure(&mut self, config: &Config) {
        (self.plan, self.auto) = (Plan::of(config), config.pipeline.auto_trigger);
    }

    fn save(&self) -> Option<Value> {
        serde_json::to_value(&self.kept).ok()
    }

    fn restore(&mut self, state: Value) -> Result<(), Unreadable> {
        self.kept = serde_json::from_value(state)?;
        Ok(())
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let here = |node: &crate::contract::ids::NodeId| *node == ports.node.node();
        match input {
            Input::Start => out.health(Health::healthy("following the optimizer")),
            Input::Tick { .. } => self.look(ports, out)?,
            Input::Event { payload: Payload::IdleResourceDetected(i), .. } if here(&i.node_id) => {
                self.look(ports, out)?
            }
            Input::Event { payload: Payload::ResourceConstraint(r), .. } if here(&r.node_id) => {
                self.look(ports, out)?
            }
            Input::Event { payload, .. } => drop(self.kept.wishes.learn(&payload)),
            _ => {}
        }
        Ok(())
    }
}

impl UtilizationOptimizer {
    fn look(&mut self, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let node = ports.node.node();
        let known = ports.managers.utilization()?;
        let Some(own) = known.nodes.iter().find(|n| n.node == node.as_str()) else {
            // Nothing measured, nothing done.
            out.last("the optimizer has no recent measurements of this machine");
            return Ok(());
        };
        let slotted = WorkSelection::of(&[WorkStatus::Claimed, WorkStatus::Running]).kind(JobType::Selfplay);
        let mut ours = ports.queue.all(&slotted)?;
        ours.retain(|i| i.claimed_by.as_ref() == Some(&node));
        let story = match own.advice.action {
            Action::ScaleDown => shed(own, ours, ports)?,
            _ => {
                let pending = ports.queue.count(&WorkSelection::of(&[WorkStatus::Pending]).kind(JobType::Selfplay))?;
                self.fill(own, ours.len() as u64, pending, out)
            }
        };
        out.health(Health::healthy(story.clone()));
        out.last(story);
        Ok(())
    }

    /// Queues what is missing beside what runs and waits.
    fn fill(&mut self, own: &NodeUse, running: u64, pending: u64, out: &mut Out) -> String {
        let wanted = u64::from(own.advice.jobs);
        let missing = wanted.saturating_sub(running + pending).min(STEP);
        if missing == 0 || !self.auto || self.plan.keys.is_empty() {
            return format!(
                "self-play jobs: {running} running, {pending} queued, target {wanted}: {}",
                own.advice.reason
            );
        }
        for _ in 0..missing {
            let Some(key) = self.kept.wishes.turn(&self.plan, self.kept.turn) else { break };
            out.enqueue(self.plan.job(&self.kept.wishes, key, PRIORITY));
            self.kept.turn = self.kept.turn.wrapping_add(1);
        }
        format!("queued self-play jobs: {missing} added, {running} running, {pending} queued, target {wanted}")
    }
}

/// Gives back the youngest jobs that are too many; they have lost the least, and their finished games are kept for the
/// next attempt.
fn shed(own: &NodeUse, mut running: Vec<WorkItem>, ports: &Ports<'_>) -> Result<String, HandlerError> {
    let wanted = own.advice.jobs as usize;
    running.sort_by_key(|i| i.claimed_us);
    let mut stopped = Vec::new();
    for item in running.iter().skip(wanted) {
        let Some(lease) = item.lease.as_ref().filter(|l| !l.fenced) else { continue };
        let call = StopWork {
            work_id: item.work_id.clone(),
            token: lease.token,
            cause: StopCause::Shed,
            reason: own.advice.reason.clone(),
        };
        if ports.managers.stop_work(&call)? {
            stopped.push(item.work_id.to_string());
        }
    }
    Ok(match stopped.is_empty() {
        true => format!("self-play jobs: {} running, target {wanted}: {}", running.len(), own.advice.reason),
        false => format!("stopped {}: {}", stopped.join(", "), own.advice.reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::coordinator::optimizer::{Advice, Utilization};
    use crate::daemons::testing::{build, node};

    fn fakes(action: Action, jobs: u32) -> Fakes {
        let fakes = Fakes::new();
        fakes.queue.hold();
        fakes.node.hold();
        let advice = Advice { action, jobs, reason: "cpu".into(), ..Default::default() };
        let own = NodeUse { node: node().to_string(), advice, ..Default::default() };
        fakes.managers.hold().utilization = Utilization { nodes: vec![own], ..Default::default() };
        fakes
    }

    fn look(fakes: &Fakes) -> Out {
        fakes.give(&mut build::<UtilizationOptimizer>(), Input::Tick { number: 1 }).expect("handled")
    }

    #[test]
    fn what_is_missing_is_queued() {
        let fakes = fakes(Action::ScaleUp, 5);
        fakes.queue.hold().running(JobType::Selfplay, 50, None);
        fakes.queue.hold().queued(JobType::Selfplay, WorkStatus::Pending);
        let out = look(&fakes);
        assert_eq!(out.work.len(), 3);
        assert!(
            out.work
                .iter()
                .all(|w| w.work_type == JobType::Selfplay && w.priority == 30 && w.params.contains_key("games"))
        );
        assert!(fakes.managers.hold().stopped.is_empty());
    }

    #[test]
    fn what_is_too_much_is_given_back_youngest_first() {
        let fakes = fakes(Action::ScaleDown, 1);
        for _ in 0..3 {
            fakes.queue.hold().running(JobType::Selfplay, 50, None);
        }
        assert!(look(&fakes).work.is_empty());
        let stopped: Vec<String> = fakes.managers.hold().stopped.iter().map(|s| s.work_id.to_string()).collect();
        assert_eq!(stopped, ["t-1", "t-2"]);
    }

    #[test]
    fn without_a_measurement_nothing_is_done() {
        let fakes = Fakes::new();
        fakes.managers.hold();
        fakes.node.hold();
        let out = look(&fakes);
        assert!(out.work.is_empty() && fakes.managers.hold().stopped.is_empty());
    }
}
