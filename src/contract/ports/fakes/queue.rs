//! The work queue with the items that a test puts into it; what may start is what the test says, everything at first.
use super::{Fake, Held, job, key, node_id};
use crate::contract::coordinator::{CanSpawn, Lease, NewWork, WorkItem, WorkSelection, WorkStatus};
use crate::contract::ids::{FencingToken, LeaseId};
use crate::contract::ports::{Port, Queue};
use crate::contract::time::{Span, Wall};
use crate::contract::wire::CallError;
use crate::contract::workload::{JobType, Progress};

/// The items, and whether one more may start.
#[derive(Debug)]
pub struct Items {
    pub work: Vec<WorkItem>,
    pub can_spawn: CanSpawn,
}

impl Default for Items {
    fn default() -> Items {
        Items { work: Vec::new(), can_spawn: CanSpawn::new(vec![]) }
    }
}

impl Held for Items {
    const PORT: Port = Port::Queue;
}

impl Items {
    /// One more item.
    pub fn queued(&mut self, kind: JobType, status: WorkStatus) {
        let n = self.work.len();
        self.work.push(WorkItem {
            work_id: job(&format!("t-{n}")),
            work: NewWork::new(kind, key()),
            status,
            attempts: 0,
            created_us: Wall::of_us(1),
            claimed_us: None,
            started_us: None,
            completed_us: None,
            not_before_us: None,
            claimed_by: None,
            lease: None,
            progress: None,
            result: None,
            error: None,
            failed: None,
            waiting_for: vec![],
            waiting_codes: vec![],
        });
    }

    /// An item that runs here, younger than those before it.
    pub fn running(&mut self, kind: JobType, priority: u8, progress: Option<Progress>) {
        self.queued(kind, WorkStatus::Running);
        let n = self.work.len();
        let at = Wall::default() + Span::of_us(n as i64);
        let Some(item) = self.work.last_mut() else { return };
        item.work.priority = priority;
        (item.claimed_us, item.started_us, item.claimed_by, item.progress) =
            (Some(at), Some(at), Some(node_id()), progress);
        item.lease = Some(Lease {
            lease_id: LeaseId::new(format!("t-l{n}")).expect("an id"),
            token: FencingToken(n as u64),
            task_type: kind,
            node: node_id(),
            granted_us: at,
            expires_us: at,
            fenced: false,
            gpus: None,
        });
    }
}

impl Queue for Fake<Items> {
    fn count(&self, which: &WorkSelection) -> Result<u64, CallError> {
        Ok(self.asked().work.iter().filter(|item| which.fits(item)).count() as u64)
    }
    fn all(&self, which: &WorkSelection) -> Result<Vec<WorkItem>, CallError> {
        Ok(self.asked().work.iter().rev().filter(|item| which.fits(item)).cloned().collect())
    }
    fn can_spawn(&self, _: JobType) -> Result<CanSpawn, CallError> {
        Ok(self.asked().can_spawn.clone())
    }
}
