//! What all connections share, and a connection's place among them.
use super::guests::{Guests, Id};
use super::names::Names;
use crate::contract::coalesce::Coalesced;
use crate::contract::daemon::{HttpRequest, HttpResponse};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};

/// Answers a request. Called on a thread of its own, so it may wait, but not beyond `DEADLINE`.
pub type Answer = Arc<dyn Fn(HttpRequest) -> HttpResponse + Send + Sync>;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) head: Duration,
    pub(super) answer: Duration,
}

/// Ends a connection when it is dropped.
pub(super) type End = oneshot::Sender<()>;

/// What all connections share.
pub(super) struct House {
    pub(super) answer: Answer,
    pub(super) names: Names,
    pub(super) times: Times,
    pub(super) turns: Arc<Semaphore>,
    pub(super) turned_away: Arc<Semaphore>,
    pub(super) guests: Arc<Mutex<Guests<End>>>,
    pub(super) full: Mutex<Coalesced>,
    pub(super) refused: Mutex<Coalesced>,
}

/// A connection's place; given back when it is dropped.
pub(super) struct Seat {
    pub(super) id: Id,
    pub(super) guests: Arc<Mutex<Guests<End>>>,
}

impl Seat {
    pub(super) fn busy(&self) {
        lock(&self.guests).busy(self.id);
    }
    pub(super) fn answered(&self) {
        lock(&self.guests).answered(self.id, Instant::now());
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.guests).leave(self.id);
    }
}

pub(super) fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
