//! The system's clock and randomness.
use crate::contract::envelope;
use crate::contract::ids::EventId;
use crate::contract::ports::Clock;
use crate::contract::time::{Boot, Mono, Span, Wall};
use std::time::{Duration, SystemTime};

/// The wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Wall {
        now()
    }
}

/// The time by the wall clock.
pub fn now() -> Wall {
    SystemTime::now().into()
}

/// The same as a number, microseconds since 1970.
pub fn now_us() -> i64 {
    now().us()
}

/// The time by the clock that only runs, also while the machine sleeps.
pub fn boot() -> Boot {
    Boot::default() + read(nix::time::ClockId::CLOCK_BOOTTIME)
}

/// The time by the clock that runs while the machine is awake, and stands while everybody is suspended.
pub fn awake() -> Mono {
    Mono::default() + read(nix::time::ClockId::CLOCK_MONOTONIC)
}

/// What the clock has run since the machine's boot.
fn read(clock: nix::time::ClockId) -> Span {
    nix::time::clock_gettime(clock).map_or(Span::ZERO, |now| Duration::from(now).into())
}

/// 128 random bits from the kernel (through the UUID library's generator).
pub fn random() -> u128 {
    uuid::Uuid::now_v7().as_u128() ^ uuid::Uuid::now_v7().as_u128().rotate_left(64)
}

/// A fresh event id.
pub fn new_event_id() -> EventId {
    let id = uuid::Uuid::now_v7().hyphenated().to_string();
    EventId::new(id).unwrap_or_else(|_| envelope::event_id(now_us(), random()))
}
