//! Waiting until what was asked for has happened, so that a verb says what happened after it happened.
use super::look::{Row, Seen};
use super::world::World;
use crate::contract::error::Failure;
use crate::contract::health::State;
use crate::contract::registry::DaemonType;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

/// Between two checks.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// What a daemon is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetState {
    /// It runs, or is paused.
    Up,
    /// It does not run.
    Down,
}

/// Whether a daemon is as it was wished.
pub fn is_met(row: &Row, wish: TargetState) -> bool {
    match wish {
        TargetState::Up => matches!(row.state, State::Running | State::Paused),
        TargetState::Down => !matches!(
            row.state,
            State::Running | State::Paused | State::Stale | State::Initializing | State::ShuttingDown
        ),
    }
}

/// A daemon that will not change by waiting.
fn is_final(row: &Row, wish: TargetState) -> bool {
    wish == TargetState::Up && matches!(row.state, State::Failed | State::CannotStart)
}

/// Looks again and again until every daemon is as wished or cannot become so, or for so long; returns those that are
/// not as wished. Nothing, as soon as what is seen is no longer `wanted`. `progress` hears how many are, of how many.
pub fn settle(
    world: &World,
    wishes: &[(DaemonType, TargetState)],
    limit: Duration,
    wanted: impl Fn(&Seen) -> bool,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Option<Vec<Row>>, Failure> {
    let begun = Instant::now();
    loop {
        let seen = Seen::look(world)?;
        if !wanted(&seen) {
            return Ok(None);
        }
        let rows = wishes.iter().map(|(daemon, wish)| (seen.daemon(*daemon), *wish));
        let open: Vec<(Row, TargetState)> = rows.filter(|(row, wish)| !is_met(row, *wish)).collect();
        progress(wishes.len() - open.len(), wishes.len());
        if open.iter().all(|(row, wish)| is_final(row, *wish)) || begun.elapsed() >= limit {
            return Ok(Some(open.into_iter().map(|(row, _)| row).collect()));
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Does something that takes its time, and looks at it meanwhile with what `watch` returns.
pub fn meanwhile<T: Send, L: FnMut()>(work: impl FnOnce() -> T + Send, watch: impl FnOnce() -> L) -> T {
    std::thread::scope(|scope| {
        let (ended, end) = std::sync::mpsc::channel::<()>();
        let worker = scope.spawn(move || {
            let _ended = ended;
            work()
        });
        let mut look = watch();
        while end.recv_timeout(POLL_INTERVAL) == Err(RecvTimeoutError::Timeout) {
            look();
        }
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Looks again and again until `done` gives something, or for so long.
pub fn until<T>(limit: Duration, mut done: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        let found = done();
        if found.is_some() || begun.elapsed() >= limit {
            return found;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}
