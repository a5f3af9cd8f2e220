//! Logging: to journald with fields when stderr is the journal, else plain lines on stderr. Never both.
use std::io::Write;
use std::os::fd::AsFd;
use tracing::{Level, Metadata};
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging under a program's name. `RINGRIFT_LOG` sets the level (error, warn, info, debug, trace; info when absent).
/// A second call does nothing.
pub fn init(name: &str) {
    let level = std::env::var("RINGRIFT_LOG").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    // Without a prefix a field MESSAGE_ID is the journal's own; daemons do not name fields as the journal does.
    let journal = stderr_is_journal().then(tracing_journald::layer).and_then(Result::ok).map(|layer| {
        layer.with_field_prefix(None).with_syslog_identifier(name.to_owned()).with_priority_mappings(PriorityMappings {
            info: Priority::Informational,
            debug: Priority::Debug,
            ..PriorityMappings::new()
        })
    });
    // An error means that logging was started before, by a test say.
    let _ = match journal {
        Some(journal) => tracing_subscriber::registry().with(level).with(journal).try_init(),
        // A job's unit hides the journal's socket.
        None if stderr_is_journal() => {
            let lines = tracing_subscriber::fmt::layer().with_writer(Levels).without_time().with_target(false).with_ansi(false);
            tracing_subscriber::registry().with(level).with(lines.with_level(false).log_internal_errors(false)).try_init()
        }
        None => {
            let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).without_time().with_target(false).with_ansi(false);
            // A reader of stderr that went away is no reason to panic.
            let lines = lines.log_internal_errors(false);
            tracing_subscriber::registry().with(level).with(lines).try_init()
        }
    };
}

/// Lines for the journal over stderr: each begins with its level, as systemd reads it.
struct Levels;

struct AtLevel(u8);

impl MakeWriter<'_> for Levels {
    type Writer = AtLevel;
    fn make_writer(&self) -> AtLevel {
        AtLevel(6)
    }
    fn make_writer_for(&self, meta: &Metadata<'_>) -> AtLevel {
        AtLevel(match *meta.level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        })
    }
}

impl Write for AtLevel {
    /// A whole line, in one call of the system's: lines of threads are not mixed.
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = [format!("<{}>", self.0).as_bytes(), line].concat();
        let mut journal = std::io::stderr();
        journal.write_all(&text).map(|()| line.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// `$JOURNAL_STREAM` names the device and inode of the stream that systemd connected to the journal.
fn stderr_is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Some((device, inode)) = stream.split_once(':') else { return false };
    let Ok(stat) = nix::sys::stat::fstat(std::io::stderr().as_fd()) else { return false };
    device.parse() == Ok(stat.st_dev) && inode.parse() == Ok(stat.st_ino)
}
