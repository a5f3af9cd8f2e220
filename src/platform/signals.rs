//! Signals as messages: SIGTERM and SIGINT stop, SIGHUP reloads.
use nix::sys::signal::{SigSet, Signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// SIGTERM or SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

/// Signals that are blocked in every thread and read by one.
#[derive(Debug, Clone, Copy)]
pub struct Signals(SigSet);

impl Signals {
    /// Blocks them. Call it before any thread is started: threads inherit the mask.
    pub fn block() -> std::io::Result<Signals> {
        let mut set = SigSet::empty();
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
            set.add(signal);
        }
        set.thread_block()?;
        Ok(Signals(set))
    }

    /// Waits for the next one.
    pub fn wait(&self) -> std::io::Result<Asked> {
        loop {
            match self.0.wait() {
                Ok(Signal::SIGHUP) => return Ok(Asked::Reload),
                Ok(_) => return Ok(Asked::Stop),
                Err(nix::errno::Errno::EINTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
}
