//! Crashes on demand, for the tests that kill a daemon between any two steps. Release builds have none of it.

/// Aborts here if `RINGRIFT_CRASH_AT` is `<name>` or `<name>:<n>` (the n-th time).
#[cfg(debug_assertions)]
pub fn point(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static SEEN: AtomicU32 = AtomicU32::new(0);
    let Ok(wanted) = std::env::var("RINGRIFT_CRASH_AT") else { return };
    let (at, times) = wanted.split_once(':').map_or((wanted.as_str(), 1), |(at, n)| (at, n.parse().unwrap_or(1)));
    if at == name && SEEN.fetch_add(1, Ordering::Relaxed) + 1 == times {
        std::process::abort();
    }
}

/// Release builds have no crash points.
#[cfg(not(debug_assertions))]
pub fn point(_name: &str) {}
