//! Arguments and results of the small methods of `org.ringrift.Coordinator`.
use super::conditions::Conditions;
use super::optimizer::Utilization;
use super::safeguards::{GateView, LifeState, ManagerView};
use super::work::{Lease, WorkItem, WorkStatus};
use crate::contract::ids::{FencingToken, JobId, LeaseId, NodeId};
use crate::contract::text::one_line;
use crate::contract::workload::{JobType, ResourceClass};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Arguments of Show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// The item.
    pub work_id: JobId,
}

/// Result of Show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// The item.
    pub item: WorkItem,
}

/// Arguments of Cancel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// The item.
    pub work_id: JobId,
    /// Why, for people.
    #[serde(default, deserialize_with = "one_line")]
    pub reason: String,
}

/// Result of Cancel and of Report: whether anything changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// False when the item had ended already, or the token is an old one.
    pub accepted: bool,
}

/// Result of Acquire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Acquired {
    /// The slot; keep it with Renew, give it back with Release.
    pub lease: Lease,
    /// Seconds that it lasts unless renewed.
    pub term_seconds: u64,
}

/// Arguments of Renew: a lease that Acquire gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// The lease.
    pub lease_id: LeaseId,
    /// Its token.
    pub token: FencingToken,
}

/// Result of Renew, here and on the jobs' socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewed {
    /// Seconds that the lease lasts from now.
    pub term_seconds: u64,
}

/// One row of Leases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeaseView {
    /// The lease.
    pub lease: Lease,
    /// The job that holds it; None for a program outside the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_id: Option<JobId>,
    /// Who asked for it.
    #[serde(default)]
    pub requested_by: String,
}

/// Result of Leases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeaseList {
    /// Oldest first.
    pub leases: Vec<LeaseView>,
}

/// One type's limits and how much of them is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitView {
    /// The type.
    pub task_type: JobType,
    /// What it mainly uses.
    pub class: ResourceClass,
    /// On the coordinator's own node, what the hardware allows included; absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_node: Option<u32>,
    /// In all; absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<u32>,
    /// Slots taken in all.
    pub used: u32,
    /// Slots taken by node.
    #[serde(default)]
    pub nodes: BTreeMap<String, u32>,
    /// Items of the type that wait.
    pub pending: u32,
}

/// Result of Limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitList {
    /// In the order of the types.
    pub limits: Vec<LimitView>,
    /// Every gate with its verdict.
    pub gates: Vec<GateView>,
}

/// Result of Status.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CoordinatorStatus {
    /// Its node.
    pub node: String,
    /// The database's epoch: the part of ids before the number.
    pub epoch: String,
    /// Items by status, for pending, claimed and running; ended ones are not counted.
    pub queue: BTreeMap<String, u32>,
    /// Slots taken.
    pub leases: u32,
    /// Of them fenced off and waiting for their unit to go.
    pub fenced: u32,
    /// Nodes whose master takes orders.
    pub dispatchers: Vec<NodeId>,
    /// The coordinator's state.
    #[serde(default)]
    pub state: LifeState,
    /// The emergency halt is on.
    #[serde(default)]
    pub emergency: bool,
    /// The managers inside, in the order of registration.
    #[serde(default)]
    pub managers: Vec<ManagerView>,
    /// Events that the router has not taken yet.
    pub outbox: u64,
    /// Events that the router refused for good; they are kept for the operator.
    pub outbox_refused: u64,
    /// The use of the nodes, without the nodes.
    #[serde(default)]
    pub utilization: Utilization,
    /// Why nothing is granted at the moment, if so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
    /// Why fewer tasks are granted at the moment than the limits allow, if so: the machine is busy, which is what it is
    /// there for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub narrowed: Vec<String>,
    /// Halt, pause, gates, breakers, what fails, waits and runs.
    #[serde(default)]
    pub conditions: Conditions,
}

impl CoordinatorStatus {
    /// How many items are in this state.
    pub fn count(&self, status: WorkStatus) -> u32 {
        self.queue.get(status.name()).copied().unwrap_or(0)
    }
}
