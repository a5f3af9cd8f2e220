//! What a program does at its beginning and end that is not started by Rust but by a few lines which call a shared library; and how the C
//! library is told to spend little memory.
use nix::libc;
use nix::sys::signal::{SigHandler, Signal, signal};
use std::panic::{UnwindSafe, catch_unwind};
use std::process::ExitCode;

/// The exit code of a program that panicked, as Rust has it.
const PANICKED: i32 = 101;

/// Runs `main` as Rust's own start does: a write to a closed pipe or socket is an error and not the end, and a panic is an exit code.
pub fn run(main: impl FnOnce() -> ExitCode + UnwindSafe) -> i32 {
    // SAFETY: no handler is installed, the signal is ignored.
    if let Err(error) = unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) } {
        super::terminal::error_line(&format!("ignoring SIGPIPE: {error}"));
    }
    // The panic hook has printed what happened.
    catch_unwind(main).map_or(PANICKED, number)
}

/// An exit code as a number; the standard library gives it to the system only.
fn number(code: ExitCode) -> i32 {
    (0..=u8::MAX).find(|n| ExitCode::from(*n) == code).map_or(PANICKED, i32::from)
}

/// All threads share one heap: a daemon has few and they wait most of the time, and an arena each costs memory that is never given back.
pub fn small_heap() {
    // SAFETY: only sets a parameter of the allocator.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives back what the start needed and nobody needs any more: the text of the configuration above all.
pub fn trim() {
    // SAFETY: frees pages that hold nothing.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_ends_with_the_code_of_main() {
        for code in [0, 1, 78, 255] {
            assert_eq!(run(|| ExitCode::from(code)), i32::from(code));
        }
        assert_eq!(run(|| std::panic::resume_unwind(Box::new("a panic"))), PANICKED);
    }
}
