//! The runner's sign of life. A job has its runner's user, so it can stop it with SIGSTOP, and nobody would watch over its time and its
//! disk any more: systemd then ends the unit (WatchdogSec=). A thread of its own, because taking a job and verifying its output take
//! what they take; a signal stops all threads of a process or none.
use crate::platform::notify;
use std::time::Duration;

/// Signs in the time that systemd waits for one: two may be late on a machine that is busy.
const SIGNS: u32 = 3;

/// Gives signs of life until the process ends, if systemd waits for them, which it does from the start of the process on.
pub fn start() {
    let Some(limit) = notify::watchdog_interval() else { return };
    let spawned = std::thread::Builder::new().name("heart".into()).spawn(move || {
        loop {
            notify::watchdog();
            std::thread::sleep(pause(limit));
        }
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "starting the thread that tells systemd that the runner lives; systemd will end the job");
    }
}

/// Between two signs.
fn pause(limit: Duration) -> Duration {
    limit / SIGNS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::job::LONGEST_SILENCE;

    #[test]
    fn two_signs_may_be_late_by_as_much_as_a_pause() {
        let limit = Duration::from_secs(LONGEST_SILENCE);
        assert!(pause(limit) * SIGNS <= limit && pause(limit) >= Duration::from_secs(15), "{:?}", pause(limit));
    }
}
