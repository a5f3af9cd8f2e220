//! The clock, at the time that a test sets.
use super::{Fake, Held, NOW};
use crate::contract::ports::{Clock, Port};
use crate::contract::time::Wall;

/// The time.
#[derive(Debug)]
pub struct Time {
    pub now: Wall,
}

impl Default for Time {
    fn default() -> Time {
        Time { now: Wall::of_us(NOW) }
    }
}

impl Held for Time {
    const PORT: Port = Port::Clock;
}

impl Clock for Fake<Time> {
    fn now(&self) -> Wall {
        self.asked().now
    }
}
