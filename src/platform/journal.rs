//! Logging: to journald with fields when stderr is the journal, else plain lines on stderr. Never both.
use std::io::Write;
use std::os::fd::AsFd;
use tracing::{Level, Metadata};
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging under a program's name. `RINGRIFT_LOG` sets the level: off, error, warn, info, debug or trace, and
/// `module=level` for single modules of the program, with commas between; what it does not name is at info. A second
/// call does nothing.
pub fn init(name: &str) {
    let (level, wrong) = filter(&std::env::var("RINGRIFT_LOG").unwrap_or_default());
    // Without a prefix a field MESSAGE_ID is the journal's own; daemons do not name fields as the journal does.
    let journal =
        stderr_is_journal().then(tracing_journald::layer).and_then(Result::ok).map(|layer| {
            layer.with_field_prefix(None).with_syslog_identifier(name.to_owned()).with_priority_mappings(
                PriorityMappings { info: Priority::Informational, debug: Priority::Debug, ..PriorityMappings::new() },
            )
        });
    // An error means that logging was started before, by a test say.
    let _ = match journal {
        Some(journal) => tracing_subscriber::registry().with(level).with(journal).try_init(),
        // A job's unit hides the journal's socket.
        None if stderr_is_journal() => {
            let lines =
                tracing_subscriber::fmt::layer().with_writer(Levels).without_time().with_target(false).with_ansi(false);
            tracing_subscriber::registry()
                .with(level)
                .with(lines.with_level(false).log_internal_errors(false))
                .try_init()
        }
        None => {
            let lines = tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .without_time()
                .with_target(false)
                .with_ansi(false);
            // A reader of stderr that went away is no reason to panic.
            let lines = lines.log_internal_errors(false);
            tracing_subscriber::registry().with(level).with(lines).try_init()
        }
    };
    for part in wrong {
        tracing::warn!(
            "RINGRIFT_LOG: {part:?} has no effect; a part is a level (off, error, warn, info, debug, trace) or \
                module=level"
        );
    }
}

/// What a value lets pass, and its parts that are neither a level nor a module with one.
fn filter(value: &str) -> (Targets, Vec<String>) {
    let (mut filter, mut wrong) = (Targets::new().with_default(LevelFilter::INFO), Vec::new());
    for part in value.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (module, level) =
            part.split_once('=').map_or((None, part), |(module, level)| (Some(module.trim()), level.trim()));
        match (module, level.parse::<LevelFilter>()) {
            (None, Ok(level)) => filter = filter.with_default(level),
            (Some(module), Ok(level)) if !module.is_empty() => filter = filter.with_target(module, level),
            _ => wrong.push(part.to_owned()),
        }
    }
    (filter, wrong)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("sound").write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What passes of two modules at three levels: `r` is ringrift::router, `z` another crate; in the order debug,
    /// info, warn.
    fn passes(value: &str) -> String {
        let lines = Lines::default();
        let kept = lines.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(move || kept.clone())
            .without_time()
            .with_level(false)
            .with_target(false);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(filter(value).0).with(layer), || {
            tracing::debug!(target: "ringrift::router::writer", "rd");
            tracing::info!(target: "ringrift::router::writer", "ri");
            tracing::warn!(target: "ringrift::router::writer", "rw");
            tracing::debug!(target: "zbus", "zd");
            tracing::info!(target: "zbus", "zi");
            tracing::warn!(target: "zbus", "zw");
        });
        let bytes = lines.0.lock().expect("sound").clone();
        String::from_utf8(bytes).expect("text").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_level_is_for_all_and_a_module_may_have_its_own() {
        let table = [
            ("", "ri rw zi zw"),
            ("debug", "rd ri rw zd zi zw"),
            ("WARN", "rw zw"),
            ("off", ""),
            ("ringrift::router=debug", "rd ri rw zi zw"),
            ("warn, ringrift::router = debug", "rd ri rw zw"),
            ("zbus=off,debug", "rd ri rw"),
            ("debg", "ri rw zi zw"),
            ("debg,ringrift=warn", "rw zi zw"),
        ];
        for (value, passed) in table {
            assert_eq!(passes(value), passed, "{value:?}");
        }
    }

    #[test]
    fn what_has_no_effect_is_named() {
        assert_eq!(filter("debg, info,ringrift=loud,=warn").1, ["debg", "ringrift=loud", "=warn"]);
        assert_eq!(filter("trace,ringrift::runtime=error").1, Vec::<String>::new());
    }
}
