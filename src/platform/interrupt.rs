//! Ctrl-C while a verb waits: the change goes on in the master and in systemd, and the person is told so.
use crate::platform::{terminal, threads};
use nix::sys::signal::{SigSet, Signal};
use std::process::exit;

/// As shells report a command that SIGINT ended.
const INTERRUPTED: i32 = 128 + Signal::SIGINT as i32;

/// From now on Ctrl-C ends the command with this word about what goes on. Called before other threads start, which then
/// leave the signal to this one.
pub fn tell(goes_on: &'static str) {
    let mut set = SigSet::empty();
    set.add(Signal::SIGINT);
    if set.thread_block().is_err() {
        return;
    }
    let wait = move || {
        if set.wait().is_ok() {
            terminal::error_line(&format!("\n{goes_on}"));
            exit(INTERRUPTED);
        }
    };
    // Without the thread Ctrl-C does what it always does.
    if threads::small_part("interrupt", wait).is_err() {
        let _ = set.thread_unblock();
    }
}
