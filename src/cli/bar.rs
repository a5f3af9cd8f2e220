//! How far a verb is, on a terminal's stderr; where no person looks there is none.
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// What is done within this time shows no bar.
const FIRST_DRAW_DELAY: Duration = Duration::from_millis(300);

/// A bar; it is gone when it is dropped.
pub struct Bar {
    bar: ProgressBar,
    begun: std::time::Instant,
}

impl Bar {
    /// `what` follows the numbers, as in "12 of 16 daemons as wanted".
    pub fn new(what: &'static str) -> Bar {
        let style =
            ProgressStyle::with_template("▕{bar:24}▏ {pos} of {len} {msg}, {elapsed}").expect("a valid template");
        // Drawn by `at` alone, once it took long enough.
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr())
            .with_style(style.progress_chars("██ "))
            .with_message(what);
        Bar { bar, begun: std::time::Instant::now() }
    }

    /// Whether anybody sees it.
    pub fn is_seen(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// So many are done.
    pub fn at(&self, done: usize, all: usize) {
        if self.begun.elapsed() >= FIRST_DRAW_DELAY {
            self.bar.set_length(all as u64);
            self.bar.set_position(done as u64);
            self.bar.tick();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
