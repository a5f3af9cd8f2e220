//! The process's own peak of memory, as the kernel counts it.

/// Peak resident memory in bytes, from /proc/self/status.
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Prints the peak, or that it is unknown.
pub fn print_peak() {
    match peak() {
        Some(bytes) => crate::say::line(format_args!("  peak memory {:.1} MB", bytes as f64 / 1e6)),
        None => crate::say::line(format_args!("  peak memory unknown")),
    }
}
