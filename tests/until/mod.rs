//! The one way for a test to wait: for a state, with a deadline, and with the last state that was seen when it never
//! came about.
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// Looks again and again until `look` gives a value. Fails after `limit` with what was waited for and the last state.
#[track_caller]
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<T, String>) -> T {
    let begun = Instant::now();
    loop {
        match look() {
            Ok(value) => return value,
            Err(state) if begun.elapsed() > limit => panic!("waited {limit:?} for {what}; last state: {state}"),
            // Leaves the processor to what is waited for.
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// The end of a child process.
#[track_caller]
#[allow(dead_code)]
pub fn end(what: &str, limit: Duration, child: &mut Child) -> ExitStatus {
    until(&format!("the end of {what}"), limit, || {
        child.try_wait().expect("its state").ok_or_else(|| "it runs".to_owned())
    })
}
