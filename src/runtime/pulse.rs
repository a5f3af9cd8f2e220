//! Pings of the watchdog. One is sent before each piece of work, so that the work has the whole of the watchdog's time;
//! a daemon without work wakes for it at a third of that time only.
use crate::platform::notify;
use std::time::{Duration, Instant};

/// Longest turn where no watchdog sets one.
const TURN: Duration = Duration::from_secs(10);
/// Each ping wakes the service manager too: a busy daemon sends one at most so often.
const PACE: Duration = Duration::from_secs(1);

/// When the watchdog was pinged last.
#[derive(Debug)]
pub struct Pulse {
    turn: Duration,
    pinged: Option<Instant>,
}

impl Pulse {
    /// By the watchdog's time of this process.
    pub fn new() -> Pulse {
        Pulse::within(notify::watchdog_interval())
    }
    fn within(allowed: Option<Duration>) -> Pulse {
        Pulse { turn: allowed.map_or(TURN, |allowed| allowed / 3), pinged: None }
    }
    /// The longest turn of the main loop: a third of what the watchdog allows.
    pub fn turn(&self) -> Duration {
        self.turn
    }
    /// Something begins that may take long.
    pub fn work(&mut self) {
        if self.wanted(Instant::now(), PACE) {
            notify::watchdog();
        }
    }
    /// The main loop turns.
    pub fn beat(&mut self) {
        if self.wanted(Instant::now(), self.turn.saturating_sub(PACE)) {
            notify::watchdog();
        }
    }
    /// When the main loop must turn again.
    pub fn due(&self, now: Instant) -> Instant {
        self.pinged.map_or(now, |at| at + self.turn)
    }
    /// Whether to ping now: the last one is so long ago.
    fn wanted(&mut self, now: Instant, pause: Duration) -> bool {
        let wanted = self.pinged.is_none_or(|at| now.saturating_duration_since(at) >= pause);
        if wanted {
            self.pinged = Some(now);
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::registry::DaemonType;
    use crate::platform::peers::LONGEST_CALL;

    /// A machine that is busy itself may wake a process late, and give its work less than it wants.
    const SLACK: Duration = Duration::from_secs(2);

    /// The longest time between two pings when idle waits, events at any time, and the longest handler with a hub that
    /// is silent at its end follow each other, from each state in which the loop can be.
    fn longest_gap(allowed: Duration, work: Duration) -> Duration {
        let mut longest = Duration::ZERO;
        for step in [10, 900, 999, 1000, 1001, 2500, 7777] {
            let mut pulse = Pulse::within(Some(allowed));
            let (mut now, mut last) = (Instant::now(), None);
            let mut ping = |now: Instant, sent: bool| {
                if sent {
                    longest = longest.max(last.map_or(Duration::ZERO, |at| now - at));
                    last = Some(now);
                }
            };
            for round in 0..200u64 {
                ping(now, pulse.wanted(now, pulse.turn.saturating_sub(PACE)));
                if round % 7 == 6 {
                    ping(now, pulse.wanted(now, PACE));
                    now += work;
                    continue;
                }
                let rest = pulse.due(now).saturating_duration_since(now);
                now += if round % 3 == 0 { rest } else { rest.min(Duration::from_millis(step)) };
            }
        }
        longest
    }

    #[test]
    fn the_longest_handler_of_each_daemon_ends_before_its_watchdog() {
        for daemon in DaemonType::ALL {
            let spec = daemon.spec();
            let allowed = Duration::from_secs(spec.watchdog_seconds().into());
            let work = Duration::from_secs(spec.longest_handler.into()) + LONGEST_CALL;
            let gap = longest_gap(allowed, work);
            assert!(gap + SLACK <= allowed, "{}: {gap:?} between two pings, WatchdogSec is {allowed:?}", daemon.name());
            assert!(gap >= work, "the model has the work in it");
        }
    }
}
