//! What the writing thread is asked to do, what it answers, and what it tells the hub.
use super::delivery::Seq;
use super::refusal::Refusal;
use super::store::publish::{IdBytes, Prepared};
use super::store::retain::{Outcome, Plan};
use super::store::state::{SubChange, SubId};
use super::tail::Row;
use crate::contract::router::DeadLetterFilter;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Where an answer goes.
pub type Answer<T> = oneshot::Sender<Result<T, Refusal>>;

/// Publishes that came together.
#[derive(Debug, Default)]
pub struct Calls {
    /// The events of all.
    pub events: Vec<Prepared>,
    /// Where each call's events end.
    pub ends: Vec<usize>,
}

/// What became of one event, now that the disk has it.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    /// Its place.
    pub seq: Seq,
    /// Its id, or that of the first one.
    pub id: IdBytes,
    /// It was there already.
    pub duplicate: bool,
}

/// What became of publishes that came together.
#[derive(Debug)]
pub enum Answered {
    /// All are stored; every event of every call.
    All(Vec<Done>),
    /// Not all; each call by itself.
    Each(Vec<Result<Vec<Done>, Refusal>>),
}

/// What the writer is asked to do.
pub enum Command {
    /// Store events, all of a call or none.
    Publish(Calls, oneshot::Sender<Answered>),
    /// Write what changed about subscriptions. With `durable` the answer waits for the disk and tells of failure;
    /// without, the change is kept in memory until it can be written.
    Persist {
        /// By subscription.
        changes: Vec<(SubId, SubChange)>,
        /// The caller needs it on disk.
        durable: bool,
        /// Where to tell.
        answer: Option<Answer<()>>,
    },
    /// Delete dead letters.
    Purge(DeadLetterFilter, Answer<u64>),
    /// Begin a run of retention.
    Retain(Plan),
    /// Say that you live.
    Ping(oneshot::Sender<()>),
    /// Write what is left and end.
    Stop,
}

/// What the writer tells the hub.
#[derive(Debug)]
pub enum WriterMessage {
    /// These events are in the log.
    Committed(Vec<Arc<Row>>),
    /// Publishes are refused for want of room, or are accepted again.
    Refusing(Option<String>),
    /// A run of retention ended.
    Retained(Outcome),
    /// Nothing can be written any more; the process must begin again.
    Fatal(String),
}
