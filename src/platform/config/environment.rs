//! The legacy environment variables: which key each one sets, and how `/etc/ringrift/environment` is read.
use crate::contract::text::is_harmless;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Clone, Copy)]
enum Kind {
    Whole,
    Number,
    Switch,
    Text,
}

/// A variable and the keys that it sets.
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The keys.
    pub keys: &'static [&'static str],
    kind: Kind,
}

const fn variable(name: &'static str, keys: &'static [&'static str], kind: Kind) -> Variable {
    Variable { name, keys, kind }
}

/// All variables that configure something.
pub const VARIABLES: &[Variable] = &[
    variable("RINGRIFT_DAEMON_INTERVAL", &["runtime.default_interval"], Kind::Whole),
    variable("RINGRIFT_SYNC_INTERVAL", &["daemons.auto_sync.interval"], Kind::Whole),
    variable("RINGRIFT_EPHEMERAL_INTERVAL", &["daemons.ephemeral_sync.interval"], Kind::Whole),
    variable("RINGRIFT_DAEMON_HEALTH_PORT", &["daemons.health_server.port"], Kind::Whole),
    variable("RINGRIFT_DAEMON_HEALTH_INTERVAL", &["runtime.health_interval"], Kind::Whole),
    variable("RINGRIFT_DAEMON_RESTART_MAX", &["runtime.restart_max"], Kind::Whole),
    variable("RINGRIFT_DAEMON_SHUTDOWN_TIMEOUT", &["runtime.shutdown_timeout"], Kind::Whole),
    variable("RINGRIFT_TARGET_UTIL_MIN", &["resource_targets.cpu_min", "resource_targets.gpu_min"], Kind::Number),
    variable("RINGRIFT_TARGET_UTIL_MAX", &["resource_targets.cpu_max", "resource_targets.gpu_max"], Kind::Number),
    variable("RINGRIFT_PID_KP", &["resource_targets.pid.kp"], Kind::Number),
    variable("RINGRIFT_PID_KI", &["resource_targets.pid.ki"], Kind::Number),
    variable("RINGRIFT_PID_KD", &["resource_targets.pid.kd"], Kind::Number),
    variable("RINGRIFT_COORDINATOR_DIR", &["runtime.coordinator_dir"], Kind::Text),
    variable("RINGRIFT_TRAINING_ACTIVITY_ENABLED", &["daemons.training_node_watcher.enabled"], Kind::Switch),
    variable("RINGRIFT_TRAINING_ACTIVITY_INTERVAL", &["daemons.training_node_watcher.interval"], Kind::Whole),
    variable(
        "RINGRIFT_TRAINING_ACTIVITY_HANDLE_SIGNALS",
        &["daemons.training_node_watcher.handle_signals"],
        Kind::Switch,
    ),
    variable("RINGRIFT_TRAINING_ACTIVITY_TRIGGER_SYNC", &["daemons.training_node_watcher.trigger_sync"], Kind::Switch),
    variable("RINGRIFT_SKIP_MASTER_LOOP_CHECK", &["master.skip_check"], Kind::Switch),
];

/// Variables of ours that are no configuration: where things are, how much is logged, what the units say, what tests
/// inject.
pub const OTHERS: &[&str] = &[
    "RINGRIFT_RUN",
    "RINGRIFT_STATE",
    "RINGRIFT_ETC",
    "RINGRIFT_SHARE",
    "RINGRIFT_LOG",
    "RINGRIFT_INSTANCE",
    "RINGRIFT_BACKOFF",
    "RINGRIFT_CRASH_AT",
];

impl Variable {
    /// The value in the type of its keys; the error says what is allowed.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let text = text.trim();
        if let Some(c) = text.chars().find(|c| !is_harmless(*c)) {
            return Err(format!("contains the control character U+{:04X}", u32::from(c)));
        }
        match self.kind {
            Kind::Whole => text
                .parse::<u32>()
                .map(Value::from)
                .map_err(|_| format!("{text:?} is not an integer; must be 0 or greater")),
            Kind::Number => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Value::from(number)),
                _ => Err(format!("{text:?} is not a number")),
            },
            Kind::Switch => match text.to_lowercase().as_str() {
                "1" | "true" | "yes" | "on" => Ok(Value::Bool(true)),
                "0" | "false" | "no" | "off" | "" => Ok(Value::Bool(false)),
                _ => Err(format!("{text:?} is not a boolean; must be 1, true, yes or on, or 0, false, no or off")),
            },
            Kind::Text => Ok(Value::from(text)),
        }
    }
}

/// Reads a file in the manner of systemd's EnvironmentFile=: NAME=VALUE, quotes, `#` and `;` comments. Name → value and
/// line. An absent file is empty.
pub fn read_file(path: &Path) -> std::io::Result<BTreeMap<String, (String, usize)>> {
    let text = match super::files::read(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(e),
    };
    let mut found = BTreeMap::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some((name, value)) = line.split_once('=') {
            let value = value.trim();
            let bare = ['"', '\''].iter().find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q)).unwrap_or(value);
            found.insert(name.trim().to_owned(), (bare.to_owned(), n + 1));
        }
    }
    Ok(found)
}
