//! The master's way to its configuration and its log: one place.
use crate::contract::config::Config;

/// Loads and checks the configuration; the error names key and reason, one line each.
pub fn load() -> Result<Config, String> {
    let config = Config::default();
    let problems: Vec<String> = config.check().into_iter().map(|p| format!("{}: {}", p.key, p.why)).collect();
    if problems.is_empty() { Ok(config) } else { Err(problems.join("\n")) }
}

/// Where log lines go.
pub fn log() {
    // A second call (tests) keeps the first's.
    drop(tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).without_time().try_init());
}
