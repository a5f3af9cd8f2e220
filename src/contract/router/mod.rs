//! Methods of `org.ringrift.Router` with their arguments and results.
pub mod calls;
mod letters;

pub use letters::{DeadLetter, DeadLetterFilter, DeadLetterList, LetterPlace, MAX_LETTERS};

use crate::contract::envelope::Event;
use crate::contract::events::Category;
use crate::contract::ids::{ConfigKey, EventId, SubscriberName};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The interface's name.
pub const INTERFACE: &str = "org.ringrift.Router";

/// An event to publish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    /// Made by the router when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EventId>,
    /// Wire name of the type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The fields of the type.
    pub payload: Map<String, Value>,
    /// The configuration it is about; taken from the payload's `config_key` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ConfigKey>,
    /// The event that directly caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<EventId>,
    /// The first event of the chain; the router takes the cause's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<EventId>,
    /// Who publishes.
    #[serde(default)]
    pub source: String,
    /// The router's clock when absent, microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_us: Option<i64>,
    /// A second publish with the same key is the same event, whatever its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Arguments of Publish: one transaction, all or nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// In order.
    pub events: Vec<NewEvent>,
}

/// What became of one published event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Its place in the log.
    pub seq: u64,
    /// Its id (of the first one, when it is a repeat).
    pub id: EventId,
    /// It was there already; nothing was stored.
    pub duplicate: bool,
}

/// Results of Publish, after the disk has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublishResult {
    /// In the order of the events.
    pub results: Vec<Published>,
}

/// Where a new subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// With the next event.
    #[default]
    Now,
    /// With the oldest event in the log.
    Beginning,
}

/// What a subscriber wants; empty lists together mean everything.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interest {
    /// Wire names of types.
    #[serde(default)]
    pub types: Vec<String>,
    /// Categories.
    #[serde(default)]
    pub categories: Vec<Category>,
}

/// Arguments of Subscribe (with `more`) and, in a list, of Register.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// The durable subscription's name. A second Subscribe of the same name ends the first.
    pub name: SubscriberName,
    /// What it wants. A changed interest applies to events from then on.
    #[serde(default)]
    pub interest: Interest,
    /// Where it begins, if the name is new.
    #[serde(default)]
    pub start: Start,
    /// Deliveries without an ack that may be under way, 1 to 1024.
    #[serde(default = "in_flight")]
    pub max_in_flight: u32,
}

fn in_flight() -> u32 {
    64
}

/// Arguments of Register: makes cursors before their subscribers first run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// The declared subscriptions.
    pub subscriptions: Vec<Subscribe>,
}

/// A reply of Subscribe: first the token, then deliveries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Authorises Ack and Nack on another connection; in the first reply only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Place in this router's log.
    #[serde(default)]
    pub seq: u64,
    /// 1 for the first try.
    #[serde(default)]
    pub attempt: u32,
    /// The event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
}

/// Arguments of Ack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ack {
    /// The subscription.
    pub name: SubscriberName,
    /// Its token.
    pub token: String,
    /// What was handled.
    pub seqs: Vec<u64>,
}

/// Arguments of Nack: the handler failed; it is tried again with growing delay, five times, then it is a dead letter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nack {
    /// The subscription.
    pub name: SubscriberName,
    /// Its token.
    pub token: String,
    /// What failed.
    pub seq: u64,
    /// Why, for people.
    pub reason: String,
    /// Milliseconds until the next try; the router's backoff when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Trying again cannot help: a dead letter at once.
    #[serde(default)]
    pub dead: bool,
}

/// Arguments of Replay (with `more`): reads the log without a subscription. The last reply has `continues` unset.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// First place wanted.
    #[serde(default)]
    pub from: u64,
    /// Last place wanted; the end of the log when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// What is wanted.
    #[serde(default)]
    pub interest: Interest,
    /// Only this configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ConfigKey>,
    /// Only what belongs to the chain that begins with this event, and the event itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<EventId>,
    /// Only what was stored at this time or later, microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_us: Option<i64>,
    /// The last N of what fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// Follow new events when the end is reached.
    #[serde(default)]
    pub follow: bool,
}

/// Arguments of Fetch: one event, by id or by place.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// By id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EventId>,
    /// By place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

/// A subscriber's state, as Subscribers lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubscriberState {
    /// Its name.
    pub name: SubscriberName,
    /// What it wants.
    pub interest: Interest,
    /// All up to here is handled.
    pub low_water: u64,
    /// Events that it still has to handle.
    pub lag: u64,
    /// Handed out and not yet acknowledged.
    pub in_flight: u64,
    /// Waiting for another try.
    pub retrying: u64,
    /// Given up.
    pub dead: u64,
    /// Whether it is connected.
    pub connected: bool,
    /// When it was last connected, microseconds since 1970; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_us: Option<i64>,
    /// When it was made, microseconds since 1970.
    #[serde(default)]
    pub created_us: i64,
}

/// Results of Stats.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Stats {
    /// Last position in the log.
    pub last_seq: u64,
    /// The first place still kept.
    pub first_seq: u64,
    /// Events in the log.
    pub events: u64,
    /// Published since start.
    pub published: u64,
    /// Repeats since start.
    pub duplicates: u64,
    /// Deliveries since start.
    pub delivered: u64,
    /// Acknowledgements since start.
    pub acked: u64,
    /// Dead letters waiting.
    pub dead_letters: u64,
    /// Subscriptions.
    pub subscribers: u64,
    /// Bytes of the database and its log.
    pub database_bytes: u64,
    /// Seconds since start.
    #[serde(default)]
    pub uptime_seconds: u64,
    /// Over the last minute, a second.
    #[serde(default)]
    pub rates: Rates,
    /// From a publish's arrival to its answer, over the last minute or two.
    #[serde(default)]
    pub publish_latency: Latency,
    /// Why publishes are refused at the moment, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusing: Option<String>,
    /// Most events that one connected subscriber has still to handle.
    #[serde(default)]
    pub lag: u64,
    /// What is not as it should be, by topic: standing, absent, size, socket.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub troubles: std::collections::BTreeMap<String, String>,
    /// Subscribers that have not got done with an event for more than a minute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standing: Vec<SubscriberName>,
    /// Since start, by type.
    #[serde(default)]
    pub by_type: std::collections::BTreeMap<String, u64>,
}

/// Events a second.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Rates {
    /// Stored.
    pub published: f64,
    /// Handed out.
    pub delivered: f64,
    /// Acknowledged.
    pub acked: f64,
}

/// How long calls took, in microseconds; each is at most a quarter too high. All 0 when there was no call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Latency {
    /// Calls.
    pub calls: u64,
    /// Half of them took at most this long.
    pub p50_us: u64,
    /// 99 of 100.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
}
