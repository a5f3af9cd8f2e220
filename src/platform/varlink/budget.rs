//! What one peer may take of a hub, by its user: connections at once, bytes that wait for the end of their frame or for
//! their answer, and pending calls. A job's or a outside user's use is nobody else's loss.
use super::peer::Caller;
use crate::contract::rights::Class;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Between two warnings; what was refused meanwhile is counted.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);
/// Of all users together that are not of the suite.
const OUTSIDE_USERS: Limits = Limits { connections: 1024, bytes: 128 << 20, calls: 256 };

/// What may be held at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections.
    pub connections: usize,
    /// Bytes of frames that are not whole, or whose call is not answered.
    pub bytes: usize,
    /// Calls at work.
    pub calls: usize,
}

impl Limits {
    /// Of one user, by what he is to the suite.
    pub fn of(class: Class) -> Limits {
        match class {
            Class::Root | Class::Suite => Limits { connections: 4096, bytes: 256 << 20, calls: 4096 },
            Class::Job => Limits { connections: 16, bytes: 16 << 20, calls: 16 },
            Class::Admin | Class::Member => Limits { connections: 64, bytes: 16 << 20, calls: 32 },
            Class::Anybody => Limits { connections: 16, bytes: 2 << 20, calls: 8 },
        }
    }
}

/// What was wanted beyond a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budgeted {
    /// One more connection.
    Connections,
    /// More bytes.
    Bytes,
    /// One more call at work.
    Calls,
}

/// Over a budget.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{whose} may have at most {most} {}; wait for answers or close connections", .what.name())]
pub struct OverBudget {
    /// Of what.
    pub what: Budgeted,
    /// How much is allowed.
    pub most: usize,
    /// Whose budget it is.
    pub whose: String,
}

impl Budgeted {
    fn name(self) -> &'static str {
        match self {
            Budgeted::Connections => "connections",
            Budgeted::Bytes => "bytes of unanswered calls",
            Budgeted::Calls => "pending calls",
        }
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Used {
    connections: usize,
    bytes: usize,
    calls: usize,
}

impl Used {
    /// What would be too much of one kind, and how much of it is allowed.
    fn beyond(self, limits: Limits) -> Option<(Budgeted, usize)> {
        let all = [
            (Budgeted::Connections, self.connections, limits.connections),
            (Budgeted::Bytes, self.bytes, limits.bytes),
            (Budgeted::Calls, self.calls, limits.calls),
        ];
        all.into_iter().find(|(_, used, most)| used > most).map(|(what, _, most)| (what, most))
    }

    fn change(&mut self, less: Used, more: Used) {
        self.connections = self.connections - less.connections + more.connections;
        self.bytes = self.bytes - less.bytes + more.bytes;
        self.calls = self.calls - less.calls + more.calls;
    }
}

#[derive(Debug, Default)]
struct Accounts {
    users: HashMap<u32, Used>,
    strangers: Used,
    refused: u64,
    told: Option<Instant>,
}

/// The budgets of one hub's peers.
#[derive(Debug, Default)]
pub struct Budget(Mutex<Accounts>);

impl Budget {
    /// Nothing is used.
    pub fn new() -> Arc<Budget> {
        Arc::default()
    }

    fn books(&self) -> MutexGuard<'_, Accounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more connection of the caller, until it is dropped.
    pub fn seat(self: &Arc<Self>, caller: &Caller) -> Result<ConnectionBudget, OverBudget> {
        let mut seat = ConnectionBudget { budget: Arc::clone(self), caller: caller.clone(), used: Used::default() };
        seat.set(Used { connections: 1, ..Used::default() })?;
        Ok(seat)
    }

    /// What was refused since start.
    pub fn refused(&self) -> u64 {
        self.books().refused
    }
}

/// A connection's place and what it holds; given back when dropped.
#[derive(Debug)]
pub struct ConnectionBudget {
    budget: Arc<Budget>,
    caller: Caller,
    used: Used,
}

impl ConnectionBudget {
    /// The connection holds this many bytes now, instead of what it held before.
    pub fn hold(&mut self, bytes: usize) -> Result<(), OverBudget> {
        if bytes == self.used.bytes { Ok(()) } else { self.set(Used { bytes, ..self.used }) }
    }

    /// So many of its calls are at work now.
    pub fn work(&mut self, calls: usize) -> Result<(), OverBudget> {
        if calls == self.used.calls { Ok(()) } else { self.set(Used { calls, ..self.used }) }
    }

    /// Changes what is used, if the budgets allow what is more of it; giving back is always allowed.
    fn set(&mut self, wanted: Used) -> Result<(), OverBudget> {
        let (uid, own) = (self.caller.peer.uid, self.caller.class.is_own());
        let mut books = self.budget.books();
        let mut user = books.users.get(&uid).copied().unwrap_or_default();
        let mut strangers = books.strangers;
        user.change(self.used, wanted);
        strangers.change(if own { Used::default() } else { self.used }, if own { Used::default() } else { wanted });
        let grows = wanted.connections > self.used.connections
            || wanted.bytes > self.used.bytes
            || wanted.calls > self.used.calls;
        let over = match (user.beyond(Limits::of(self.caller.class)), strangers.beyond(OUTSIDE_USERS)) {
            _ if !grows => None,
            (Some((what, most)), _) => {
                Some(OverBudget { what, most, whose: format!("user {}", self.caller.peer.name()) })
            }
            (None, Some((what, most))) if !own => {
                Some(OverBudget { what, most, whose: "all users outside the suite together".into() })
            }
            (None, _) => None,
        };
        if let Some(over) = over {
            books.refused += 1;
            if books.told.is_none_or(|told| told.elapsed() >= WARNING_INTERVAL) {
                books.told = Some(Instant::now());
                tracing::warn!(refused = books.refused, "refused: {over}");
            }
            return Err(over);
        }
        books.strangers = strangers;
        match user == Used::default() {
            true => drop(books.users.remove(&uid)),
            false => drop(books.users.insert(uid, user)),
        }
        self.used = wanted;
        Ok(())
    }
}

impl Drop for ConnectionBudget {
    fn drop(&mut self) {
        // Giving back is never refused.
        let _ = self.set(Used::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::varlink::Peer;

    fn caller(uid: u32, class: Class) -> Caller {
        Caller { peer: Peer { uid, gids: vec![uid], pid: 1 }, class }
    }

    #[test]
    fn one_user_s_connections_are_nobody_else_s_loss() {
        let budget = Budget::new();
        let mut seats: Vec<ConnectionBudget> =
            (0..16).map(|_| budget.seat(&caller(61_001, Class::Anybody)).expect("room")).collect();
        let over = budget.seat(&caller(61_001, Class::Anybody)).expect_err("one too many");
        assert_eq!((over.what, over.most), (Budgeted::Connections, 16));
        assert!(over.to_string().contains("uid 61001 may have at most 16 connections"), "{over}");
        assert_eq!(budget.refused(), 1);
        budget.seat(&caller(61_002, Class::Anybody)).expect("another user's room is his own");
        seats.pop();
        budget.seat(&caller(61_001, Class::Anybody)).expect("a place that was given back");
        seats.clear();
        assert!(budget.books().users.is_empty() && budget.books().strangers == Used::default());
    }

    #[test]
    fn bytes_and_calls_are_counted_over_all_connections_of_a_user() {
        let budget = Budget::new();
        let mut seats: Vec<ConnectionBudget> =
            (0..8).map(|_| budget.seat(&caller(61_001, Class::Job)).expect("room")).collect();
        for seat in &mut seats[..4] {
            seat.hold(4 << 20).expect("16 MiB are allowed");
        }
        assert_eq!(seats[4].hold(1).expect_err("a byte too many").what, Budgeted::Bytes);
        seats[0].hold(16).expect("giving back");
        seats[4].hold(1).expect("there is room again");
        for seat in &mut seats[..4] {
            seat.work(4).expect("16 calls");
        }
        assert_eq!(seats[4].work(1).expect_err("a call too many").what, Budgeted::Calls);
        drop(seats);
        assert!(budget.books().users.is_empty() && budget.books().strangers == Used::default());
    }

    #[test]
    fn many_users_leave_room_for_the_suite() {
        let budget = Budget::new();
        let job = |n: usize| caller(61_184 + u32::try_from(n / 16).expect("small"), Class::Job);
        let seats: Vec<ConnectionBudget> =
            (0..OUTSIDE_USERS.connections).map(|n| budget.seat(&job(n)).expect("room")).collect();
        let over = budget.seat(&caller(1000, Class::Admin)).expect_err("full");
        assert!(over.whose.contains("outside the suite"), "{over}");
        budget.seat(&caller(900, Class::Suite)).expect("the suite goes on");
        drop(seats);
    }
}
