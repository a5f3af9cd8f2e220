//! The system's clock and randomness.
use crate::contract::envelope;
use crate::contract::ids::EventId;
use crate::contract::ports::Clock;
use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_us(&self) -> i64 {
        now_us()
    }
}

/// Microseconds since 1970.
pub fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
}

/// Microseconds since the machine's boot, time asleep included: a clock that only runs.
pub fn boot_us() -> i64 {
    read(nix::time::ClockId::CLOCK_BOOTTIME)
}

/// Microseconds that the machine has been awake for since its boot: a clock that stands while everybody is suspended.
pub fn awake_us() -> i64 {
    read(nix::time::ClockId::CLOCK_MONOTONIC)
}

fn read(clock: nix::time::ClockId) -> i64 {
    let now = nix::time::clock_gettime(clock);
    now.map_or(0, |t| t.tv_sec() * 1_000_000 + t.tv_nsec() / 1_000)
}

/// 128 random bits from the kernel (through the UUID library's generator).
pub fn random() -> u128 {
    uuid::Uuid::now_v7().as_u128() ^ uuid::Uuid::now_v7().as_u128().rotate_left(64)
}

/// The bytes of a fresh event id, for those who store bytes.
pub fn new_event_id_bytes() -> [u8; 16] {
    uuid::Uuid::now_v7().into_bytes()
}

/// A fresh event id.
pub fn new_event_id() -> EventId {
    let id = uuid::Uuid::now_v7().hyphenated().to_string();
    EventId::new(id).unwrap_or_else(|_| envelope::event_id(now_us(), random()))
}
