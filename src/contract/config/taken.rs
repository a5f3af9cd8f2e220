//! What a process has made of its configuration: when it read it, whether it refused it, and which values wait for its
//! next start.
use super::Config;
use crate::contract::registry::DaemonType;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A process that reads the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A daemon; EVENT_ROUTER is one.
    Daemon(DaemonType),
    /// The coordinator.
    Coordinator,
    /// The master.
    Master,
}

impl Reader {
    /// It has a database of its own, and is what others rest on.
    fn is_hub(self) -> bool {
        matches!(self, Reader::Coordinator | Reader::Master | Reader::Daemon(DaemonType::EventRouter))
    }
}

/// Whether a process takes a value.
type Takes = fn(Reader) -> bool;

/// Values that a process takes at its start and keeps until its next one, with those who do.
const PINNED: [(&str, Takes); 8] = [
    ("node_id", |_| true),
    ("master.reset_after", Reader::is_hub),
    ("databases.keep_snapshots", keeps_database),
    ("databases.snapshot_hours", keeps_database),
    ("daemons.health_server.port", serves_http),
    ("daemons.health_server.status_port", serves_http),
    ("daemons.health_server.address", serves_http),
    ("daemons.health_server.hosts", serves_http),
];

fn keeps_database(reader: Reader) -> bool {
    reader.is_hub() || reader == Reader::Daemon(DaemonType::DataPipeline)
}

fn serves_http(reader: Reader) -> bool {
    reader == Reader::Daemon(DaemonType::HealthServer)
}

/// What a process said last about its configuration; part of its status file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Taken {
    /// When it was last read, microseconds since 1970.
    pub read_us: i64,
    /// It was refused; an older one is in force.
    #[serde(default)]
    pub refused: bool,
    /// Keys whose new value is taken over at the next start only, as in `daemons.health_server.port`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at_next_start: Vec<String>,
}

/// Remembers what a process began with.
#[derive(Debug, Clone)]
pub struct Begun {
    pinned: Vec<(&'static str, Value)>,
    taken: Taken,
}

impl Begun {
    /// With this configuration, at this time in microseconds since 1970.
    pub fn with(config: &Config, reader: Reader, now_us: i64) -> Begun {
        let mine = PINNED.iter().filter(|(_, takes)| takes(reader)).map(|(key, _)| *key);
        Begun {
            pinned: mine.map(|key| (key, value(config, key))).collect(),
            taken: Taken { read_us: now_us, ..Taken::default() },
        }
    }
    /// A new one was taken over, but for what waits.
    pub fn taken(&mut self, config: &Config, now_us: i64) {
        let waits =
            self.pinned.iter().filter(|(key, begun)| value(config, key) != *begun).map(|(key, _)| (*key).to_owned());
        self.taken = Taken { read_us: now_us, refused: false, at_next_start: waits.collect() };
    }
    /// A new one was refused.
    pub fn refused(&mut self, now_us: i64) {
        (self.taken.read_us, self.taken.refused) = (now_us, true);
    }
    /// For the status file.
    pub fn said(&self) -> &Taken {
        &self.taken
    }
}

fn value(config: &Config, key: &str) -> Value {
    let whole = serde_json::to_value(config).unwrap_or_default();
    whole.pointer(&format!("/{}", key.replace('.', "/"))).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::config::Scalar;

    #[test]
    fn every_pinned_key_is_one() {
        for (key, _) in PINNED {
            assert_ne!(value(&Config::default(), key), Value::Null, "{key}");
        }
    }

    #[test]
    fn a_value_that_waits_is_named_by_those_whom_it_concerns_until_it_is_back() {
        let old = Config::default();
        let mut new = old.clone();
        new.daemons.of_mut(DaemonType::HealthServer).set("port", Scalar::Whole(9000));
        let mut server = Begun::with(&old, Reader::Daemon(DaemonType::HealthServer), 1);
        let mut hub = Begun::with(&old, Reader::Coordinator, 1);
        server.taken(&new, 2);
        hub.taken(&new, 2);
        assert_eq!(server.said().at_next_start, ["daemons.health_server.port"]);
        assert_eq!(*hub.said(), Taken { read_us: 2, ..Taken::default() });
        server.refused(3);
        assert!(server.said().refused && !server.said().at_next_start.is_empty(), "it still waits");
        server.taken(&old, 4);
        assert_eq!(*server.said(), Taken { read_us: 4, ..Taken::default() });
    }
}
