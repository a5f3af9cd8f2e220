//! Leases as they are kept in memory: their terms, the progress of their jobs, and the connections of jobs whose attempt ends.
use crate::contract::ids::{FencingToken, JobId};
use crate::contract::job::LEASE_TERM;
use crate::contract::workload::Progress;
use crate::coordination::lease::Deadlines;
use crate::coordinator::speakers::Connections;
use std::collections::HashMap;
use std::sync::Arc;

/// What is known of leases beside the database.
pub struct Leases {
    /// When each ends.
    pub deadlines: Deadlines,
    /// The last progress of running items, newer than the database's.
    pub progress: HashMap<i64, Progress>,
    /// When the last heartbeat of an item was published, monotonic.
    pub heartbeats: HashMap<i64, i64>,
    /// The open connections of jobs.
    pub connections: Arc<Connections>,
    /// Jobs whose attempt is over.
    over: Vec<JobId>,
}

impl Default for Leases {
    fn default() -> Self {
        Leases {
            deadlines: Deadlines::new(i64::try_from(LEASE_TERM * 1_000_000).expect("a term fits")),
            progress: HashMap::new(),
            heartbeats: HashMap::new(),
            connections: Arc::default(),
            over: Vec::new(),
        }
    }
}

impl Leases {
    /// The lease is over, and with it the attempt of the item that held it.
    pub fn end(&mut self, token: FencingToken, item: Option<(i64, JobId)>) {
        self.deadlines.forget(token);
        if let Some((n, id)) = item {
            self.over.push(id);
            self.progress.remove(&n);
            self.heartbeats.remove(&n);
        }
    }
    /// It is on disk that attempts are over: their connections are closed.
    pub fn committed(&mut self) {
        for job in self.over.drain(..) {
            self.connections.close(&job);
        }
    }
    /// Nothing of it is on disk.
    pub fn failed(&mut self) {
        self.over.clear();
    }
}
