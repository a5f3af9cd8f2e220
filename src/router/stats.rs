//! The router's figures, its health, and the status file that others read while it is away.
use super::hub::Hub;
use super::refusal::Refusal;
use crate::contract::config::Taken;
use crate::contract::health::{Health, State, StatusFile};
use crate::contract::router::Stats;
use crate::platform::clock::now_us;
use crate::platform::replace::{Outlives, replace};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The figures now.
pub async fn stats(hub: &Rc<Hub>) -> Result<Stats, Refusal> {
    let (first_seq, dead_letters) = hub.reader.figures().await?;
    let counters = &hub.counters;
    let by_kind = counters.by_kind.borrow();
    let by_type =
        hub.kinds.borrow().iter().filter_map(|kind| Some((kind.name.to_string(), *by_kind.get(&kind.id)?))).collect();
    Ok(Stats {
        last_seq: hub.last(),
        first_seq,
        events: counters.events.get(),
        published: counters.published.get(),
        duplicates: counters.duplicates.get(),
        delivered: counters.delivered.get(),
        acked: counters.acked.get(),
        dead_letters,
        subscribers: hub.subs.borrow().len() as u64,
        database_bytes: hub.database_bytes(),
        uptime_seconds: hub.meter.borrow().uptime().as_secs(),
        rates: hub.meter.borrow().rates(),
        publish_latency: hub.meter.borrow().latency(),
        refusing: counters.refusing.borrow().clone(),
        lag: hub
            .subs
            .borrow()
            .values()
            .filter(|sub| sub.stream.is_some())
            .map(|sub| sub.delivery.open() as u64)
            .max()
            .unwrap_or(0),
        troubles: counters.trouble.borrow().iter().map(|(topic, text)| ((*topic).to_owned(), text.clone())).collect(),
        standing: counters.standing.borrow().clone(),
        by_type,
    })
}

/// How well it works.
pub fn health(hub: &Hub, stats: &Stats) -> Health {
    if let Some(why) = &stats.refusing {
        return Health::unhealthy(format!("new events are rejected: {why}"));
    }
    let trouble = hub.counters.trouble.borrow();
    match trouble.values().next() {
        Some(why) => Health::degraded(why.clone()),
        None => Health::healthy(format!("{} events, {} subscriptions", stats.events, stats.subscribers)),
    }
}

/// The status file.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
}

impl Writer {
    /// In `$RUNTIME_DIRECTORY`, if there is one.
    pub fn from_environment() -> Option<Writer> {
        let directory = std::env::var_os("RUNTIME_DIRECTORY")?;
        Some(Writer { path: Path::new(&directory).join("status.json") })
    }

    /// Replaces the file as a whole.
    pub fn write(
        &self,
        state: State,
        health: Health,
        last: String,
        (valid_for, config): (u32, Taken),
        stats: &Stats,
    ) -> std::io::Result<()> {
        let snapshot = serde_json::to_value(stats)?;
        let (daemon, config) = ("EVENT_ROUTER".into(), Some(config));
        let file =
            StatusFile { daemon, state, health, last, time_us: now_us(), valid_for, config, idle: None, snapshot };
        replace(&self.path, &serde_json::to_vec(&file)?, 0o644, Outlives::Kill)
    }
}
