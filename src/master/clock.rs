//! Watches the wall clock against the one that never jumps.
use crate::contract::master::ClockJump;

/// A smaller difference is drift that a time service corrects, microseconds.
const JUMP_US: i64 = 2_000_000;
/// A jump is told for so long, microseconds.
const TOLD_US: i64 = 3_600_000_000;

/// What the clocks showed before.
#[derive(Debug, Default)]
pub struct ClockWatch {
    offset_us: Option<i64>,
    jump: Option<ClockJump>,
}

impl ClockWatch {
    /// Compares: microseconds since 1970 and since the machine's boot.
    pub fn look(&mut self, wall_us: i64, boot_us: i64) {
        let offset = wall_us - boot_us;
        let by_us = self.offset_us.map_or(0, |before| offset - before);
        if by_us.abs() > JUMP_US {
            tracing::warn!("the wall clock jumped by {} s", by_us / 1_000_000);
            self.jump = Some(ClockJump { by_us, at_us: wall_us });
        }
        self.offset_us = Some(offset);
    }

    /// The last jump, while it is worth telling.
    pub fn jump(&self, now_us: i64) -> Option<ClockJump> {
        self.jump.filter(|jump| now_us - jump.at_us < TOLD_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_told_for_an_hour_and_drift_is_not() {
        let mut watch = ClockWatch::default();
        watch.look(10_000_000, 0);
        watch.look(12_500_000, 1_000_000);
        assert_eq!(watch.jump(12_500_000), None, "a second and a half");
        watch.look(20_000_000, 2_000_000);
        let jump = watch.jump(20_000_000).expect("six and a half seconds");
        assert_eq!(jump.by_us, 6_500_000);
        watch.look(21_000_000, 3_000_000);
        assert_eq!(watch.jump(21_000_000), Some(jump));
        assert_eq!(watch.jump(20_000_000 + TOLD_US), None);
    }
}
