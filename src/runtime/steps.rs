//! The steps of an input, in the order that makes its effects happen exactly once: handle, save, enqueue, publish,
//! settle.
use super::crash;
use super::engine::Engine;
use super::job::{Job, Step, Verdict, What};
use super::outbound::{Origin, SendError, outputs};
use crate::contract::daemon::{HandlerError, Input, Out};
use crate::contract::envelope::Event;
use crate::contract::error::{Exit, Permanence};
use crate::contract::events::Payload;
use crate::contract::health::HealthStatus;
use crate::contract::ids::EventId;
use crate::contract::messages;
use crate::contract::router::{Ack, Delivery, Nack};
use crate::platform::notify;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// What became of a step.
enum Turn {
    Next(Step),
    Wait(String),
    /// Waits until the disk has room.
    NoRoom(String),
    End,
}

impl Engine<'_> {
    /// Takes an input as far as it goes; what has to wait is parked, at its old place.
    pub fn advance(&mut self, mut job: Job, at: Option<usize>) {
        loop {
            match self.step(&mut job) {
                Turn::Next(step) => job.next(step),
                Turn::End => {
                    (self.face.troubles.peer, self.face.troubles.no_room) = (None, false);
                    return;
                }
                Turn::Wait(why) => return self.park(job, at, &why, false),
                Turn::NoRoom(why) => return self.park(job, at, &why, true),
            }
        }
    }

    fn park(&mut self, mut job: Job, at: Option<usize>, why: &str, no_room: bool) {
        if self.face.troubles.peer.is_none() {
            tracing::warn!(MESSAGE_ID = messages::PEER_AWAY, input = job.id, "waiting: {why}");
        }
        (self.face.troubles.peer, self.face.troubles.no_room) = (Some(format!("waiting: {why}")), no_room);
        job.wait();
        let at = at.unwrap_or(self.parked.len()).min(self.parked.len());
        self.parked.insert(at, job);
    }

    fn step(&mut self, job: &mut Job) -> Turn {
        self.pulse.work();
        match job.step.clone() {
            Step::Handle => self.handle_step(job),
            Step::Save => self.save_step(job),
            Step::Enqueue(mut done) => {
                let sent = self.outbound.enqueue(&job.outputs, &mut done);
                job.step = Step::Enqueue(done);
                self.sent(sent, Step::Publish)
            }
            Step::Publish => {
                let sent = self.outbound.publish(&job.outputs);
                self.sent(sent, Step::Settle(Verdict::Done))
            }
            Step::Settle(verdict) => self.settle(job, verdict),
        }
    }

    fn sent(&mut self, sent: Result<(), SendError>, next: Step) -> Turn {
        match sent {
            Ok(()) => Turn::Next(next),
            Err(SendError::Away(why)) => Turn::Wait(why),
            Err(SendError::Refused { why, hopeless }) => {
                Turn::Next(Step::Settle(Verdict::Failed { why, dead: hopeless }))
            }
        }
    }

    fn handle_step(&mut self, job: &mut Job) -> Turn {
        if self.handled.contains(&job.id) {
            return Turn::Next(Step::Settle(Verdict::Done));
        }
        if let Some(stored) = self.file.stored.pending.get(&job.id) {
            job.outputs = stored.outputs.clone();
            return Turn::Next(Step::Enqueue(0));
        }
        let mut out = Out::default();
        let handled = self.run_handler(&job.what, &mut out);
        let failed = match handled {
            Ok(()) => None,
            Err(HandlerError::Unavailable(why)) => {
                self.undo();
                return Turn::Wait(why);
            }
            Err(HandlerError::NoRoom(why)) => {
                self.undo();
                return Turn::NoRoom(why);
            }
            Err(error) => {
                Some(Verdict::Failed { dead: error.permanence() == Permanence::Permanent, why: error.to_string() })
            }
        };
        if let Some(verdict) = failed {
            self.undo();
            return Turn::Next(Step::Settle(verdict));
        }
        crash::point("after_handler");
        self.show(&mut out);
        let event = event_of(&job.what);
        job.outputs = outputs(&mut out, &Origin { daemon: &self.places.name, input: &job.id, event });
        Turn::Next(Step::Save)
    }

    fn run_handler(&mut self, what: &What, out: &mut Out) -> Result<(), HandlerError> {
        match what {
            What::Start => self.call_handler(Input::Start, out),
            What::Tick(number) => self.call_handler(Input::Tick { number: *number }, out),
            What::Reload => self.call_handler(Input::Reload, out),
            What::Pause(reason) => self.call_handler(Input::Pause { reason }, out),
            What::Resume => self.call_handler(Input::Resume, out),
            What::Stop => self.call_handler(Input::Stop, out),
            What::Resend => Ok(()),
            What::Event(delivery) => {
                let Some(event) = &delivery.event else { return Ok(()) };
                let Some(kind) = event.event_type() else {
                    return Err(HandlerError::Rejected(format!(
                        "event type {} is unknown to this version",
                        event.kind
                    )));
                };
                let payload = Payload::parse(kind, &Value::Object(event.payload.clone()))
                    .map_err(|e| HandlerError::Rejected(format!("schema {}: {e}", event.schema)))?;
                self.call_handler(Input::Event { event, payload }, out)
            }
        }
    }

    /// Runs the handler. A panic, or a database that is of no use, ends the process: systemd starts it from scratch and
    /// the input comes again.
    pub fn call_handler(&mut self, input: Input<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let daemon = &mut self.daemon;
        match catch_unwind(AssertUnwindSafe(|| daemon.handle(input, out))) {
            Ok(Err(HandlerError::Broken(why))) => {
                // Its input is neither done nor failed; opening the database checks it, and replaces a damaged one.
                tracing::error!(
                    "{why}: the database is unusable; exiting. The next start checks the database, and the input is \
                        delivered again"
                );
                std::process::exit(1);
            }
            Ok(result) => {
                if result.is_err() {
                    self.show_failed(out);
                }
                result
            }
            Err(_) => {
                tracing::error!("a handler panicked; exiting. The input is delivered again");
                std::process::exit(1);
            }
        }
    }

    /// Takes over health and the last action from a handler.
    pub fn show(&mut self, out: &mut Out) {
        self.bring_forward(out);
        if let Some(health) = out.health.take() {
            self.face.reported = health;
        }
        if let Some(last) = out.last.take() {
            self.face.last = last;
        }
        if let Some(snapshot) = out.snapshot.take() {
            self.face.snapshot = snapshot;
        }
    }

    /// Takes over what a handler saw that failed: what it shows to others, and health that is not good. Good health and
    /// the last action may be about what is undone.
    fn show_failed(&mut self, out: &mut Out) {
        self.bring_forward(out);
        if let Some(health) = out.health.take().filter(|health| health.status != HealthStatus::Healthy) {
            self.face.reported = health;
        }
        if let Some(snapshot) = out.snapshot.take() {
            self.face.snapshot = snapshot;
        }
    }

    /// The next tick, as early as a handler wants it.
    fn bring_forward(&mut self, out: &mut Out) {
        if let Some(after) = out.look_again.take() {
            self.tick_due = self.tick_due.min(Instant::now() + after);
        }
    }

    /// A failed handler leaves no half of a change behind.
    fn undo(&mut self) {
        if let Some(state) = self.baseline.clone()
            && let Err(error) = self.daemon.restore(state)
        {
            // What it saved itself: its `save` and its `restore` contradict each other. The state on disk has no half
            // of a change.
            tracing::error!(%error, "a failed handler could not be undone; exiting. The input is delivered again");
            std::process::exit(1);
        }
    }

    /// Before anything is sent, what would be lost with the process is on disk: the daemon's state with the outputs
    /// that belong to it, and outputs of inputs that nobody delivers again.
    fn save_step(&mut self, job: &Job) -> Turn {
        let state = self.daemon.save();
        let changed = state != self.baseline;
        let keep = !job.outputs.is_empty() && (state.is_some() || !job.is_event());
        if changed || keep {
            let before = self.file.stored.clone();
            self.file.stored.state.clone_from(&state);
            if (keep || job.is_event()) && !self.file.stored.pending.contains_key(&job.id) {
                match self.file.make_room() {
                    Ok(None) => {}
                    Ok(Some(given_up)) => {
                        tracing::error!(MESSAGE_ID = messages::OUTPUTS_GIVEN_UP, "{given_up}");
                        self.face.troubles.state = Some(given_up);
                    }
                    Err(why) => {
                        self.file.stored = before;
                        return Turn::Wait(why);
                    }
                }
            }
            if keep {
                self.file.stored.pending.insert(job.id.clone(), job.outputs.clone().into());
            }
            if let What::Tick(number) = job.what {
                self.file.stored.tick = number + 1;
            }
            if changed && job.is_event() && !keep {
                // Nothing to send, but the change must not be made twice either.
                self.file.stored.pending.insert(job.id.clone(), job.outputs.clone().into());
            }
            if let Err(error) = self.file.write() {
                self.file.stored = before;
                return Turn::Wait(error.to_string());
            }
            crash::point("after_save");
        }
        self.baseline = state;
        Turn::Next(Step::Enqueue(0))
    }

    fn settle(&mut self, job: &Job, verdict: Verdict) -> Turn {
        // A hub refused what is kept of an event: the router decides whether it comes again.
        if matches!(verdict, Verdict::Failed { .. })
            && EventId::new(job.id.clone()).is_ok()
            && let Err(error) = self.file.hand_back(&job.id)
        {
            return Turn::Wait(error.to_string());
        }
        match &job.what {
            What::Event(delivery) => {
                if let Err(SendError::Away(why) | SendError::Refused { why, .. }) =
                    self.settle_event(delivery, &verdict)
                {
                    return Turn::Wait(why);
                }
                if verdict == Verdict::Done {
                    self.file.acknowledged(&job.id);
                    self.handled.insert(job.id.clone());
                }
            }
            What::Resend if EventId::new(job.id.clone()).is_ok() => {
                // What a hub refuses is kept for when the router delivers the event again: its handler must not run
                // twice.
                if verdict == Verdict::Done {
                    self.file.sent_again(&job.id);
                    self.handled.insert(job.id.clone());
                    if let Err(error) = self.file.write() {
                        return Turn::Wait(error.to_string());
                    }
                }
            }
            // Nobody delivers these again: what is not counted here would be sent again after a restart.
            _ => {
                let refused = matches!(verdict, Verdict::Failed { .. }) && job.outputs.is_empty();
                let sent = self.file.stored.pending.remove(&job.id).is_some();
                if let What::Tick(number) = job.what
                    && !refused
                {
                    self.file.stored.tick = self.file.stored.tick.max(number + 1);
                }
                // The number of a tick that sent nothing stands in no idempotency key, so it may come again after a
                // restart.
                if sent && let Err(error) = self.file.write() {
                    return Turn::Wait(error.to_string());
                }
            }
        }
        self.conclude(job, verdict);
        Turn::End
    }

    fn settle_event(&mut self, delivery: &Delivery, verdict: &Verdict) -> Result<(), SendError> {
        let (Some(subscribe), Some(token)) = (&self.subscribe, &self.token) else { return Ok(()) };
        let (name, token, seq) = (subscribe.name.clone(), token.clone(), delivery.seq);
        match verdict {
            Verdict::Done => {
                crash::point("before_ack");
                self.outbound.ack(&Ack { name, token, seqs: vec![seq] })
            }
            Verdict::Failed { why, dead } => {
                self.outbound.nack(&Nack { name, token, seq, reason: why.clone(), delay_ms: None, dead: *dead })
            }
        }
    }

    /// Says how the input ended.
    fn conclude(&mut self, job: &Job, verdict: Verdict) {
        match verdict {
            Verdict::Done => {
                if matches!(job.what, What::Event(_) | What::Tick(_)) {
                    self.face.troubles.failing = None;
                }
            }
            Verdict::Failed { why, dead } => {
                let id = if dead { messages::DEAD_LETTER } else { messages::INPUT_FAILED };
                tracing::error!(MESSAGE_ID = id, input = job.id, "{} failed: {why}", describe(&job.what));
                match job.what {
                    // It stays until the next reload: ticks and events do not make up for it.
                    What::Reload => {
                        self.face.troubles.config =
                            Some(format!("the new configuration is in effect, but the reload failed: {why}"));
                    }
                    _ => self.face.troubles.failing = Some(format!("{} failed: {why}", describe(&job.what))),
                }
                if matches!(job.what, What::Start) {
                    notify::status(format!("start failed: {why}"));
                    self.life.end(Exit::Failure);
                }
            }
        }
    }
}

fn event_of(what: &What) -> Option<&Event> {
    match what {
        What::Event(delivery) => delivery.event.as_ref(),
        _ => None,
    }
}

fn describe(what: &What) -> String {
    match what {
        What::Start => "the start".into(),
        What::Tick(number) => format!("tick {number}"),
        What::Event(delivery) => delivery.event.as_ref().map_or_else(|| "an event".into(), |e| e.kind.clone()),
        What::Reload => "the reload".into(),
        What::Pause(_) => "the pause".into(),
        What::Resume => "the resume".into(),
        What::Stop => "the stop".into(),
        What::Resend => "sending again".into(),
    }
}
