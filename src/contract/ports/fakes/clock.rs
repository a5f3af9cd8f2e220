//! The clock, at the time that a test sets.
use super::{Fake, Held, NOW};
use crate::contract::ports::{Clock, Port};
use crate::contract::time::{Span, Wall};

/// The time.
#[derive(Debug)]
pub struct Time {
    pub now: Wall,
    /// What passes until it is asked again.
    pub passes: Span,
}

impl Default for Time {
    fn default() -> Time {
        Time { now: Wall::of_us(NOW), passes: Span::ZERO }
    }
}

impl Held for Time {
    const PORT: Port = Port::Clock;
}

impl Clock for Fake<Time> {
    fn now(&self) -> Wall {
        let time = &mut *self.asked();
        let now = time.now;
        time.now = now + time.passes;
        now
    }
}
