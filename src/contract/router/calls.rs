//! The router's methods by name, and the results and arguments that belong to no other type.
use super::{DeadLetter, SubscriberState};
use crate::contract::envelope::Event;
use crate::contract::ids::SubscriberName;
use serde::{Deserialize, Serialize};

/// Full names of the methods of `org.ringrift.Router`.
pub mod method {
    /// `Publish` → `PublishResult`; answered when the disk has the events.
    pub const PUBLISH: &str = "org.ringrift.Router.Publish";
    /// `Register` → nothing; answered when the disk has the cursors.
    pub const REGISTER: &str = "org.ringrift.Router.Register";
    /// `Subscribe` with `more` → `Delivery` …
    pub const SUBSCRIBE: &str = "org.ringrift.Router.Subscribe";
    /// `Ack` → nothing.
    pub const ACK: &str = "org.ringrift.Router.Ack";
    /// `Nack` → nothing.
    pub const NACK: &str = "org.ringrift.Router.Nack";
    /// `Release` → nothing: ends a subscription in order; what was delivered counts no crash.
    pub const RELEASE: &str = "org.ringrift.Router.Release";
    /// `Replay` with `more` → `Delivery` …
    pub const REPLAY: &str = "org.ringrift.Router.Replay";
    /// `Fetch` → `Fetched`.
    pub const FETCH: &str = "org.ringrift.Router.Fetch";
    /// Nothing → `Stats`.
    pub const STATS: &str = "org.ringrift.Router.Stats";
    /// Nothing → `SubscriberList`.
    pub const SUBSCRIBERS: &str = "org.ringrift.Router.Subscribers";
    /// `Retire` → nothing: forgets a subscription that will not return.
    pub const RETIRE: &str = "org.ringrift.Router.Retire";
    /// `DeadLetterFilter` → `DeadLetterList`, oldest first.
    pub const DEAD_LETTER_LIST: &str = "org.ringrift.Router.DeadLetterList";
    /// `DeadLetterShow` → `DeadLetterShown`.
    pub const DEAD_LETTER_SHOW: &str = "org.ringrift.Router.DeadLetterShow";
    /// `DeadLetterFilter` → `Count`: hands them out again, from the first try on.
    pub const DEAD_LETTER_REDRIVE: &str = "org.ringrift.Router.DeadLetterRedrive";
    /// `DeadLetterFilter` → `Count`: deletes them.
    pub const DEAD_LETTER_PURGE: &str = "org.ringrift.Router.DeadLetterPurge";
}

/// Arguments of Release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The subscription.
    pub name: SubscriberName,
    /// Its token.
    pub token: String,
}

/// Arguments of Retire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retire {
    /// The subscription; it must not be connected.
    pub name: SubscriberName,
}

/// Results of Fetch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fetched {
    /// The event's place in this router's log.
    pub seq: u64,
    /// The event.
    pub event: Event,
}

/// Results of Subscribers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SubscriberList {
    /// By name.
    pub subscribers: Vec<SubscriberState>,
}

/// Arguments of DeadLetterShow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetterShow {
    /// The letter's number.
    pub id: u64,
}

/// Results of DeadLetterShow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetterShown {
    /// The letter.
    pub letter: DeadLetter,
}

/// How many were concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// The number.
    pub count: u64,
}
