//! What a program does at its beginning and end that is not started by Rust but by a few lines which call a shared
//! library; and how the C library is told to spend little memory.
use nix::libc;
use nix::sys::signal::{SigHandler, Signal, signal};
use std::panic::{UnwindSafe, catch_unwind};
use std::process::ExitCode;

/// The exit code of a program that panicked, as Rust has it.
const PANICKED: i32 = 101;

/// Runs `main` as Rust's own start does: descriptors 0 to 2 are open, a write to a closed pipe or socket is an error
/// and not the end, and a panic is an exit code. Every program has one heap.
pub fn run(main: impl FnOnce() -> ExitCode + UnwindSafe) -> i32 {
    small_heap();
    open_standard();
    // SAFETY: no handler is installed, the signal is ignored.
    if let Err(error) = unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) } {
        super::terminal::error_line(&format!("ignoring SIGPIPE: {error}"));
    }
    // The panic hook has printed what happened.
    catch_unwind(main).map_or(PANICKED, number)
}

/// Opens `/dev/null` where a standard descriptor is closed. The next file or socket would get its number else, and what
/// is meant for standard error would be written into it, by this process or by its children.
fn open_standard() {
    for fd in 0..=2 {
        // SAFETY: only asks for a flag of the number, whether it is open or not.
        let closed = unsafe { libc::fcntl(fd, libc::F_GETFD) } == -1;
        // SAFETY: the path is a C string. The lowest free number is this one, as those below are open; nobody owns it.
        if closed && unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) } != fd {
            // Nothing can be said without standard error.
            std::process::abort();
        }
    }
}

/// An exit code as a number; the standard library gives it to the system only.
fn number(code: ExitCode) -> i32 {
    (0..=u8::MAX).find(|n| ExitCode::from(*n) == code).map_or(PANICKED, i32::from)
}

/// All threads share one heap: a daemon has few and they wait most of the time, and an arena each costs memory that is
/// never given back.
fn small_heap() {
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
    use std::path::Path;
    use std::process::Command;

    #[test]
    fn the_process_ends_with_the_code_of_main() {
        for code in [0, 1, 78, 255] {
            assert_eq!(run(|| ExitCode::from(code)), i32::from(code));
        }
        assert_eq!(run(|| std::panic::resume_unwind(Box::new("a panic"))), PANICKED);
    }

    /// Set where this test runs itself as a process with closed descriptors.
    const CHILD: &str = "RINGRIFT_TEST_CLOSED_DESCRIPTORS";

    #[test]
    fn closed_standard_descriptors_are_open_on_nothing() {
        if std::env::var_os(CHILD).is_some() {
            for fd in 0..=2 {
                // SAFETY: nothing in this process uses them until it ends.
                unsafe { libc::close(fd) };
            }
            let nothing = |fd: i32| {
                std::fs::read_link(format!("/proc/self/fd/{fd}")).is_ok_and(|to| to == Path::new("/dev/null"))
            };
            let all = run(|| ExitCode::from(if (0..=2).all(nothing) { 7 } else { 8 }));
            std::process::exit(all);
        }
        let name = "platform::process::tests::closed_standard_descriptors_are_open_on_nothing";
        let this = std::env::current_exe().expect("this program");
        let ended = Command::new(this).args(["--exact", name]).env(CHILD, "1").status().expect("runs");
        assert_eq!(ended.code(), Some(7));
    }
}
