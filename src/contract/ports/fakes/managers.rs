//! The coordinator's managers: the order, the advice and the use that a test sets, and what they were told.
use super::{Fake, Held};
use crate::contract::coordinator::optimizer::{Advice, Observe, Utilization};
use crate::contract::coordinator::{QueueOrder, StopWork};
use crate::contract::ports::{Managers, Port};
use crate::contract::wire::CallError;

/// What they say and what they were told.
#[derive(Debug, Default)]
pub struct Managed {
    pub order: QueueOrder,
    pub advice: Advice,
    pub utilization: Utilization,
    pub stopped: Vec<StopWork>,
    pub observed: Vec<Observe>,
}

impl Held for Managed {
    const PORT: Port = Port::Managers;
}

impl Managers for Fake<Managed> {
    fn queue_order(&self) -> Result<QueueOrder, CallError> {
        Ok(self.asked().order.clone())
    }
    /// An attempt ends once.
    fn stop_work(&self, call: &StopWork) -> Result<bool, CallError> {
        let mut managed = self.asked();
        let ended = managed.stopped.iter().any(|s| (&s.work_id, s.token) == (&call.work_id, call.token));
        if !ended {
            managed.stopped.push(call.clone());
        }
        Ok(!ended)
    }
    fn observe(&self, seen: &Observe) -> Result<Advice, CallError> {
        let mut managed = self.asked();
        managed.observed.push(seen.clone());
        Ok(managed.advice.clone())
    }
    fn utilization(&self) -> Result<Utilization, CallError> {
        Ok(self.asked().utilization.clone())
    }
}
