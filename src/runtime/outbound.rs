//! Sending: outputs in the form that may be sent twice, and what an answer of a hub means for the input.
use super::crash;
use super::state::Outputs;
use crate::contract::coordinator::method;
use crate::contract::daemon::Out;
use crate::contract::envelope::Event;
use crate::contract::events::Payload;
use crate::contract::ids::{EventId, SubscriberName};
use crate::contract::router::{Ack, Nack, NewEvent, Publish, PublishResult, Register, Subscribe};
use crate::contract::wire::{CallError, errors};
use crate::platform::clock::now_us;
use crate::platform::peers::Peer;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Why something was not sent.
#[derive(Debug, Clone, PartialEq)]
pub enum SendError {
    /// Nobody answers, or there is no room at the moment: the same again later.
    Away(String),
    /// The hub says no.
    Refused {
        /// Its words.
        why: String,
        /// The same again can never succeed.
        hopeless: bool,
    },
}

impl From<CallError> for SendError {
    fn from(error: CallError) -> Self {
        let why = error.to_string();
        if error.is_transport() || error.is(errors::OUT_OF_SPACE) || error.is(errors::TOO_MANY) {
            return SendError::Away(why);
        }
        let hopeless =
            [errors::BAD_PAYLOAD, errors::INVALID_PARAMETER, errors::METHOD_NOT_FOUND, errors::PERMISSION_DENIED];
        SendError::Refused { hopeless: hopeless.iter().any(|name| error.is(name)), why }
    }
}

/// The hubs that outputs go to.
pub struct Outbound {
    router: Peer,
    coordinator: Peer,
}

impl Outbound {
    /// By the sockets in the run directory.
    pub fn new(run: &Path) -> Outbound {
        Outbound { router: Peer::router(run), coordinator: Peer::coordinator(run) }
    }
    /// Enqueues the work from `done` on; `done` counts what is enqueued.
    pub fn enqueue(&self, outputs: &Outputs, done: &mut usize) -> Result<(), SendError> {
        for work in &outputs.work[*done..] {
            self.coordinator.ask(method::Enqueue, work)?;
            *done += 1;
        }
        if !outputs.work.is_empty() {
            crash::point("after_enqueue");
        }
        Ok(())
    }
    /// Publishes the events as one batch; returns when the router has them on disk.
    pub fn publish(&self, outputs: &Outputs) -> Result<(), SendError> {
        if !outputs.events.is_empty() {
            self.router.call::<PublishResult>("Publish", &Publish { events: outputs.events.clone() })?;
            crash::point("after_publish");
        }
        Ok(())
    }
    /// Makes the subscription known without taking deliveries.
    pub fn register(&self, subscribe: &Subscribe) -> Result<(), String> {
        let all = Register { subscriptions: vec![subscribe.clone()] };
        self.router.call::<Map<String, Value>>("Register", &all).map(drop).map_err(|e| e.to_string())
    }
    /// Ends the subscription in order: what was delivered and not begun is no failed try. The router may be away; its
    /// own view of the closed connection does then.
    pub fn release(&self, name: &SubscriberName, token: &str) {
        if let Err(error) = self.router.call::<Map<String, Value>>("Release", &json!({ "name": name, "token": token }))
        {
            tracing::debug!(%error, "ending the subscription");
        }
    }
    /// Acknowledges a delivery. A token that was replaced is no error: the router delivers again and is answered then.
    pub fn ack(&self, ack: &Ack) -> Result<(), SendError> {
        settled(self.router.call::<Map<String, Value>>("Ack", ack))
    }
    /// Reports a failed delivery.
    pub fn nack(&self, nack: &Nack) -> Result<(), SendError> {
        settled(self.router.call::<Map<String, Value>>("Nack", nack))
    }
}

fn settled(answer: Result<Map<String, Value>, CallError>) -> Result<(), SendError> {
    match answer {
        Err(error) if error.is_transport() => Err(error.into()),
        Err(error) => {
            tracing::debug!(%error, "settling a delivery");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// Who sends because of what: the source of idempotency keys.
pub struct Origin<'a> {
    /// The daemon's name, with its instance.
    pub daemon: &'a str,
    /// The input's id.
    pub input: &'a str,
    /// The event that is the input, if it is one.
    pub event: Option<&'a Event>,
}

/// A handler's wishes as they go to the hubs, each with its idempotency key.
pub fn outputs(out: &mut Out, origin: &Origin<'_>) -> Outputs {
    let (cause, correlation) = lineage(origin.event);
    let now = now_us();
    let event = |(n, payload): (usize, Payload)| NewEvent {
        id: None,
        kind: payload.kind().info().wire.to_owned(),
        payload: payload.to_map(),
        key: None,
        cause: cause.clone(),
        correlation: correlation.clone(),
        source: origin.daemon.to_owned(),
        time_us: Some(now),
        idempotency_key: Some(format!("{}/{}/{n}", origin.daemon, origin.input)),
    };
    let raw =
        std::mem::take(&mut out.raw).into_iter().map(|event| NewEvent { source: origin.daemon.to_owned(), ..event });
    let events = std::mem::take(&mut out.events).into_iter().enumerate().map(event).chain(raw).collect();
    let mut work = std::mem::take(&mut out.work);
    for (n, item) in work.iter_mut().enumerate() {
        item.idempotency_key.get_or_insert_with(|| format!("{}/{}/w{n}", origin.daemon, origin.input));
        item.cause = item.cause.take().or_else(|| cause.clone());
        if item.requested_by.is_empty() {
            item.requested_by = origin.daemon.to_owned();
        }
    }
    Outputs { events, work }
}

fn lineage(event: Option<&Event>) -> (Option<EventId>, Option<EventId>) {
    event.map_or((None, None), |e| (Some(e.id.clone()), Some(e.correlation.clone().unwrap_or_else(|| e.id.clone()))))
}
