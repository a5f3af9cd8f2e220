//! The one way to a thread: none dies unseen.
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};

/// The stack of a thread that does little, bytes. Only what is used takes memory, but a core file has all of it.
pub const SMALL_STACK: usize = 256 * 1024;

/// Starts a thread that the program cannot do without: when it panics, the process ends with code 1 and systemd starts
/// it from scratch.
pub fn part<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> io::Result<JoinHandle<T>> {
    start(Builder::new(), name, work)
}

/// The same with a small stack.
pub fn small_part<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    start(Builder::new().stack_size(SMALL_STACK), name, work)
}

/// Starts a thread for one caller, who is all that a panic in it costs.
pub fn guest(name: &str, stack_bytes: usize, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let named = name.to_owned();
    let watched = move || {
        if catch_unwind(AssertUnwindSafe(work)).is_err() {
            tracing::error!(thread = named, "a connection's thread panicked; the connection is closed");
        }
    };
    Builder::new().name(name.to_owned()).stack_size(stack_bytes).spawn(watched).map(drop)
}

fn start<T: Send + 'static>(
    builder: Builder,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let named = name.to_owned();
    builder.name(name.to_owned()).spawn(move || {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            tracing::error!(thread = named, "thread {named} panicked; exiting");
            std::process::exit(1);
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Set where this test runs itself as a process that may end.
    const CHILD: &str = "RINGRIFT_TEST_PANICKING_PART";

    #[test]
    fn a_part_that_panics_ends_the_process_and_a_guest_does_not() {
        if std::env::var_os(CHILD).is_some() {
            let (held, gone) = std::sync::mpsc::channel::<()>();
            let work = move || {
                let _held = held;
                panic!("the guest")
            };
            guest("guest", SMALL_STACK, work).expect("a thread");
            // It has said so before its end of the channel is gone; the part below ends the process at any moment.
            assert!(gone.recv().is_err());
            assert_eq!(part("sound", || 7).expect("a thread").join().expect("sound"), 7);
            // The end of the process comes before the end of the thread.
            let ended = part("part", || -> () { panic!("the part") }).expect("a thread").join();
            panic!("still here: {ended:?}");
        }
        let this = std::env::current_exe().expect("this program");
        let name = "platform::threads::tests::a_part_that_panics_ends_the_process_and_a_guest_does_not";
        let ended = Command::new(this).args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().expect("runs");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains("the guest") && said.contains("the part") && !said.contains("still here"), "{said}");
    }
}
