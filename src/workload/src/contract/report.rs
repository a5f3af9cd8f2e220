//! Progress: JSON lines on the descriptor that the job-runner gives, or text on stderr when run by hand.

use std::fs::File;
use std::io::Write;
use std::os::fd::FromRawFd;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// Where progress goes.
#[derive(Debug)]
pub struct Reporter {
    out: Option<File>,
    last: Option<Instant>,
}

impl Reporter {
    /// Takes RINGRIFT_REPORT_FD over, if it is set.
    pub fn from_environment() -> Result<Self, Failure> {
        let Some(text) = std::env::var_os("RINGRIFT_REPORT_FD") else { return Ok(Self { out: None, last: None }) };
        let bad = || {
            Failure::Usage(format!(
                "RINGRIFT_REPORT_FD={}: not an open file descriptor; unset it to get text",
                text.display()
            ))
        };
        let fd: i32 = text.to_str().and_then(|t| t.parse().ok()).filter(|&fd| fd > 2).ok_or_else(bad)?;
        if !std::path::Path::new(&format!("/proc/self/fd/{fd}")).exists() {
            return Err(bad());
        }
        // SAFETY: the contract hands this open descriptor to us alone, and it is taken once, at the start.
        let out = unsafe { File::from_raw_fd(fd) };
        Ok(Self { out: Some(out), last: None })
    }

    /// A reporter that says nothing, for tests and measurements.
    pub fn silent() -> Self {
        Self { out: File::options().write(true).open("/dev/null").ok(), last: None }
    }

    /// Reports progress; a reader that has gone away is not an error, the work goes on.
    pub fn progress(&mut self, done: u64, total: u64, unit: &str, message: &str, metrics: Map<String, Value>) {
        self.last = Some(Instant::now());
        let Some(out) = &mut self.out else {
            let extra = if metrics.is_empty() { String::new() } else { format!(" {}", Value::Object(metrics)) };
            crate::say::note(format_args!("{done}/{total} {unit}: {message}{extra}"));
            return;
        };
        let line =
            json!({"progress": {"done": done, "total": total, "unit": unit, "message": message, "metrics": metrics}});
        let _ = out.write_all(format!("{line}\n").as_bytes());
    }

    /// True at most once in a second, for stages with many small steps.
    pub fn due(&self) -> bool {
        self.last.is_none_or(|t| t.elapsed() >= Duration::from_secs(1))
    }
}
