//! Delay between restarts where systemd does not know it (before 254): 1, 2, 4, 8, 16 s, counted in
//! `$RUNTIME_DIRECTORY`, which systemd keeps over restarts; `ringrift-starts stopped` forgets the count after an end in
//! order.
use super::places;
use crate::contract::{messages, paths};
use crate::platform::notify;
use std::path::PathBuf;
use std::time::Duration;

/// Longest delay, seconds.
const LONGEST: u64 = 16;
/// systemd itself waits so long before each restart (RestartSec=), seconds.
const BY_SYSTEMD: u64 = 1;
/// Time to become ready that is left after the wait.
const START: Duration = Duration::from_secs(30);

/// The counter of this unit's restarts.
#[derive(Debug)]
pub struct Restarts {
    file: Option<PathBuf>,
}

/// Call it first in `main`, before signals are blocked and before anything is opened. Waits if this start is a restart
/// and systemd does not delay them itself (RINGRIFT_BACKOFF=systemd in its drop-in says that it does).
pub fn wait_if_restarted() -> Restarts {
    let by_systemd = std::env::var("RINGRIFT_BACKOFF").is_ok_and(|v| v == "systemd");
    let Some(file) = places::given("RUNTIME_DIRECTORY").filter(|_| !by_systemd).map(|d| d.join(paths::RESTARTS_FILE))
    else {
        return Restarts { file: None };
    };
    let before = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u32>().ok());
    let restart = before.map_or(0, |n| n.saturating_add(1));
    if let Err(error) = std::fs::write(&file, format!("{restart}\n")) {
        tracing::warn!(%error, file = %file.display(), "counting restarts");
    }
    let wait = Duration::from_secs(delay(restart).saturating_sub(BY_SYSTEMD));
    if !wait.is_zero() {
        // A hub is never given up, so its restarts are not this many of five.
        let of = if restart <= 5 { "/5" } else { "" };
        let status = format!("backing off {}s (restart {restart}{of})", delay(restart));
        tracing::warn!(MESSAGE_ID = messages::BACKING_OFF, "{status}");
        notify::status(&status);
        notify::extend(wait + START);
        std::thread::sleep(wait);
    }
    Restarts { file: Some(file) }
}

/// Seconds before the n-th restart; 0 before the first start.
fn delay(restart: u32) -> u64 {
    if restart == 0 { 0 } else { 2u64.saturating_pow(restart - 1).min(LONGEST) }
}

impl Restarts {
    /// The process has been ready long enough (`master.reset_after`): the next failure waits 1 s again.
    pub fn settle(&mut self) {
        if let Some(file) = self.file.take()
            && let Err(error) = std::fs::remove_file(&file)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, file = %file.display(), "clearing the count of restarts");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::delay;

    #[test]
    fn delays_double_up_to_sixteen() {
        assert_eq!((0..=7).map(delay).collect::<Vec<_>>(), [0, 1, 2, 4, 8, 16, 16, 16]);
    }
}
