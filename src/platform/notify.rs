//! Talking to the service manager: readiness, status, watchdog, timeouts, and the sockets that it passes.
use crate::contract::text::Line;
use sd_notify::NotifyState;
use std::os::fd::{FromRawFd, OwnedFd};
use std::time::Duration;

/// Sends states; outside systemd nothing happens, and a manager that does not read loses only a status line.
fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "cannot notify the service manager");
    }
}

/// `STATUS=`: one line for `systemctl status`. The service manager ignores a whole message for one NUL in it, so only
/// clean text is sent.
pub fn status(line: impl Into<Line>) {
    send(&[NotifyState::Status(&line.into())]);
}

/// Startup or reload is finished.
pub fn ready(line: impl Into<Line>) {
    send(&[NotifyState::Ready, NotifyState::Status(&line.into())]);
}

/// The configuration is being read again. `ready` ends it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "cannot read the monotonic clock"),
    }
}

/// The process drains and ends.
pub fn stopping(line: impl Into<Line>) {
    send(&[NotifyState::Stopping, NotifyState::Status(&line.into())]);
}

/// The main loop turns.
pub fn watchdog() {
    send(&[NotifyState::Watchdog]);
}

/// Startup or stop takes so much longer, counted from now.
pub fn extend(time: Duration) {
    send(&[NotifyState::ExtendTimeoutUsec(u32::try_from(time.as_micros()).unwrap_or(u32::MAX))]);
}

/// How often the watchdog must be pinged at least, if it is on.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

/// The sockets that systemd passed, with their names. Call it once: each descriptor is delivered as owned.
pub fn passed_sockets() -> std::io::Result<Vec<(String, OwnedFd)>> {
    let passed = sd_notify::listen_fds_with_names()?;
    // SAFETY: the manager opened these descriptors for this process (LISTEN_PID was checked) and nothing else owns
    // them.
    Ok(passed.map(|(fd, name)| (name, unsafe { OwnedFd::from_raw_fd(fd) })).collect())
}
