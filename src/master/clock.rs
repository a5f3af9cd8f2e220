//! Watches the wall clock against the one that never jumps.
use crate::contract::master::ClockJump;
use crate::contract::time::{Boot, Span, Wall};

/// A smaller difference is drift that a time service corrects.
const MIN_JUMP: Span = Span::of_secs(2);
/// A jump is told for so long.
const TOLD: Span = Span::HOUR;

/// What the clocks showed before.
#[derive(Debug, Default)]
pub struct ClockWatch {
    last: Option<(Wall, Boot)>,
    jump: Option<ClockJump>,
}

impl ClockWatch {
    /// Compares the clocks with what they showed before.
    pub fn look(&mut self, wall: Wall, boot: Boot) {
        let by = self.last.map_or(Span::ZERO, |(wall_before, boot_before)| (wall - wall_before) - (boot - boot_before));
        if by.abs() > MIN_JUMP {
            tracing::warn!("the wall clock jumped by {} s", by.secs());
            self.jump = Some(ClockJump { by_us: by, at_us: wall });
        }
        self.last = Some((wall, boot));
    }

    /// The last jump, while it is worth telling.
    pub fn jump(&self, now: Wall) -> Option<ClockJump> {
        self.jump.filter(|jump| now - jump.at_us < TOLD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_told_for_an_hour_and_drift_is_not() {
        let (wall, boot) = (Wall::of_us, Boot::of_us);
        let mut watch = ClockWatch::default();
        watch.look(wall(10_000_000), boot(0));
        watch.look(wall(12_500_000), boot(1_000_000));
        assert_eq!(watch.jump(wall(12_500_000)), None, "a second and a half");
        watch.look(wall(20_000_000), boot(2_000_000));
        let jump = watch.jump(wall(20_000_000)).expect("six and a half seconds");
        assert_eq!(jump.by_us, Span::of_us(6_500_000));
        watch.look(wall(21_000_000), boot(3_000_000));
        assert_eq!(watch.jump(wall(21_000_000)), Some(jump));
        assert_eq!(watch.jump(wall(20_000_000) + TOLD), None);
    }
}
