//! What the writing thread does while nobody waits: merging fingerprints and clearing old events away, a step at a
//! time.
use super::*;

impl Writer {
    /// One step of merging fingerprints.
    pub(super) fn merge(&mut self) {
        let step = self.synchronous(false).and_then(|()| self.seen.step_alone(&self.db, self.expiry.now_us()));
        self.checkpoint.after_commit(&self.db);
        if let Err(error) = step {
            tracing::warn!(%error, "cannot merge fingerprints; retrying with the next events");
            self.refusing |= matches!(error, Fault::Full);
        }
    }

    /// An event's fingerprint must be elsewhere before the event may go.
    pub(super) fn begin_retention(&mut self, plan: Plan) {
        match self.synchronous(true).and_then(|()| self.seen.tidy(&self.db, self.last, self.expiry.now_us())) {
            Ok(()) => self.plan = Some(plan),
            Err(error) => tracing::warn!(%error, "cannot prepare the deletion of old events; retrying at the next run"),
        }
    }

    /// One step of retention. It needs no wait for the disk: what a power cut brings back is deleted again.
    pub(super) fn retain(&mut self) {
        let Some(mut plan) = self.plan.take() else { return };
        let step = self.synchronous(false).and_then(|()| plan.step(&self.db));
        self.checkpoint.after_commit(&self.db);
        match step {
            Ok(None) => self.plan = Some(plan),
            Ok(Some(outcome)) => drop(self.told.send(WriterMessage::Retained(outcome))),
            Err(error) => tracing::warn!(%error, "cannot delete old events; retrying at the next run"),
        }
    }
}
