//! The clock, at the time that a test sets.
use super::{Fake, Held, NOW};
use crate::contract::ports::{Clock, Port};

/// The time.
#[derive(Debug)]
pub struct Time {
    pub now_us: i64,
}

impl Default for Time {
    fn default() -> Time {
        Time { now_us: NOW }
    }
}

impl Held for Time {
    const PORT: Port = Port::Clock;
}

impl Clock for Fake<Time> {
    fn now_us(&self) -> i64 {
        self.asked().now_us
    }
}
