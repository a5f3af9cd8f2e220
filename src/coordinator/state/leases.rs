//! Leases as they are kept in memory: their terms, the progress of their jobs, and the connections of jobs whose
//! attempt ends.
use crate::contract::ids::{FencingToken, JobId};
use crate::contract::job::LEASE_TERM;
use crate::contract::time::{Mono, Span};
use crate::contract::workload::Progress;
use crate::coordination::lease::Deadlines;
use crate::coordinator::speakers::Connections;
use std::collections::HashMap;
use std::sync::Arc;

/// What is known of leases beside the database.
pub struct Leases {
    deadlines: Deadlines,
    /// The last progress of running items, newer than the database's.
    pub progress: HashMap<i64, Progress>,
    /// When the last heartbeat of an item was published.
    pub heartbeats: HashMap<i64, Mono>,
    /// The open connections of jobs.
    pub connections: Arc<Connections>,
    /// What ended in this transaction, so that a rollback gives it back.
    over: Vec<Over>,
    /// Every lease of the database has a deadline here.
    adopted: bool,
}

/// A lease that ended, as it was before.
struct Over {
    token: FencingToken,
    deadline: Option<Mono>,
    item: Option<Attempt>,
}

/// The attempt that ended with its lease.
struct Attempt {
    n: i64,
    id: JobId,
    progress: Option<Progress>,
    heartbeat: Option<Mono>,
}

impl Default for Leases {
    fn default() -> Self {
        Leases {
            deadlines: Deadlines::new(Span::of_secs(LEASE_TERM)),
            progress: HashMap::new(),
            heartbeats: HashMap::new(),
            connections: Arc::default(),
            over: Vec::new(),
            adopted: false,
        }
    }
}

impl Leases {
    /// Whether every lease of the database has a deadline.
    pub fn are_adopted(&self) -> bool {
        self.adopted
    }
    /// Leases of the database, each of which gets a whole term unless it has a deadline.
    pub fn adopt(&mut self, tokens: impl Iterator<Item = FencingToken>, now: Mono) {
        tokens.for_each(|token| self.deadlines.adopt(token, now));
        self.adopted = true;
    }
    /// Granted or renewed now, for the usual term.
    pub fn renew(&mut self, token: FencingToken, now: Mono) {
        self.deadlines.renew(token, now);
    }
    /// Renewed now for another term.
    pub fn renew_for(&mut self, token: FencingToken, term: Span, now: Mono) {
        self.deadlines.renew_for(token, term, now);
    }
    /// Those whose term is over.
    pub fn due(&self, now: Mono) -> Vec<FencingToken> {
        self.deadlines.due(now)
    }
    /// When the next term ends.
    pub fn next(&self) -> Option<Mono> {
        self.deadlines.next()
    }
    /// The lease has no term any more.
    pub fn forget(&mut self, token: FencingToken) {
        let deadline = self.deadlines.forget(token);
        self.over.push(Over { token, deadline, item: None });
    }
    /// The lease is over, and with it the attempt of the item that held it.
    pub fn end(&mut self, token: FencingToken, item: Option<(i64, JobId)>) {
        let (progress, heartbeats) = (&mut self.progress, &mut self.heartbeats);
        let item =
            item.map(|(n, id)| Attempt { n, id, progress: progress.remove(&n), heartbeat: heartbeats.remove(&n) });
        self.over.push(Over { token, deadline: self.deadlines.forget(token), item });
    }
    /// How much ended in this transaction; a rollback goes back to it.
    pub fn mark(&self) -> usize {
        self.over.len()
    }
    /// What ended since the mark has not.
    pub fn rolled_back(&mut self, mark: usize) {
        for Over { token, deadline, item } in self.over.drain(mark..).rev() {
            if let Some(end) = deadline {
                self.deadlines.restore(token, end);
            }
            let Some(Attempt { n, progress, heartbeat, .. }) = item else { continue };
            self.progress.extend(progress.map(|progress| (n, progress)));
            self.heartbeats.extend(heartbeat.map(|at| (n, at)));
        }
    }
    /// It is on disk that attempts are over: their connections are closed.
    pub fn committed(&mut self) {
        for attempt in self.over.drain(..).filter_map(|over| over.item) {
            self.connections.close(&attempt.id);
        }
    }
    /// Nothing of it is on disk.
    pub fn failed(&mut self) {
        self.rolled_back(0);
        self.adopted = false;
    }
}
