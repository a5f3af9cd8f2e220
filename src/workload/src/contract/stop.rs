//! SIGTERM and SIGINT as a flag that the work looks at between games, batches and matches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::failure::Failure;

/// Whether the process was told to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Catches SIGTERM and SIGINT from now on.
    pub fn on_signals() -> Result<Self, Failure> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            signal_hook::flag::register(signal, flag.clone()).map_err(|e| Failure::internal("catching signals", e))?;
        }
        Ok(Self(flag))
    }

    /// True once told to stop.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// An error (exit 75) once told to stop.
    pub fn check(&self, what_is_kept: &str) -> Result<(), Failure> {
        if self.requested() {
            return Err(Failure::Interrupted(format!("told to stop; {what_is_kept}")));
        }
        Ok(())
    }
}
