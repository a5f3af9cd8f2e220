//! What runs beside the calls: the writer's news, marks written back, retention, status file, watchdog, reload.
use super::absent;
use super::command::{Command, WriterMessage};
use super::delivery::Seq;
use super::hub::Hub;
use super::kinds::{Kind, KindId, retain_days};
use super::settings::{self, Args, Settings};
use super::standing::Lanes;
use super::stats::{self, health, stats};
use super::store::retain::{Allowance, Plan};
use crate::contract::config::Taken;
use crate::contract::error::chain;
use crate::contract::health::State;
use crate::contract::messages;
use crate::contract::router::Stats;
use crate::contract::time::Span;
use crate::platform::age::clocks;
use crate::platform::clock::now_us;
use crate::platform::notify;
use crate::platform::socket_file::SocketFile;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::spawn_local;
use tokio::time::{MissedTickBehavior, interval_at};

/// How often marks are written back and the status is looked at.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);
/// The status file is never older.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);
/// After this many seconds without a new one, the status file is stale.
const STATUS_VALID_SECONDS: u32 = 30;
/// The first run of retention after start, and the time between two.
const RETAIN_FIRST_DELAY: Duration = Duration::from_secs(60);
const RETAIN_INTERVAL: Duration = Duration::from_secs(3600);
/// A log larger than allowed is looked at this often.
const RETAIN_RETRY_DELAY: Duration = Duration::from_secs(60);

/// Takes in what the writer tells; something comes back when nothing can be written any more.
pub fn heard(hub: &Hub, told: WriterMessage) -> Option<String> {
    match told {
        WriterMessage::Committed(rows) => hub.committed(rows),
        WriterMessage::Refusing(why) => {
            match &why {
                Some(why) => tracing::error!(
                    MESSAGE_ID = messages::OUT_OF_SPACE,
                    "new events are rejected: {why}; they are accepted again when there is space"
                ),
                None => tracing::info!("there is space again; new events are accepted"),
            }
            *hub.counters.refusing.borrow_mut() = why;
        }
        WriterMessage::Retained(outcome) => {
            let events = &hub.counters.events;
            events.set(events.get().saturating_sub(outcome.deleted));
            if outcome.deleted > 0 {
                tracing::info!(deleted = outcome.deleted, "deleted old events");
            }
            let mut trouble = hub.counters.trouble.borrow_mut();
            if outcome.over {
                trouble.insert(
                    "size",
                    "the event log is larger than router.max_bytes and holds only unhandled events".into(),
                );
            } else {
                trouble.remove("size");
            }
        }
        WriterMessage::Fatal(why) => return Some(why),
    }
    None
}

/// The status of the process, kept for the end.
pub struct Status {
    file: Option<stats::Writer>,
    written: RefCell<Option<(Instant, Stats, Taken)>>,
}

/// Starts all that runs beside the calls.
pub fn start(hub: &Rc<Hub>) -> Rc<Status> {
    let status = Rc::new(Status { file: stats::Writer::from_environment(), written: RefCell::default() });
    spawn_local(beat(hub.clone(), status.clone()));
    spawn_local(retain(hub.clone()));
    if let Some(limit) = notify::watchdog_interval() {
        spawn_local(watchdog(hub.clone(), limit));
    }
    let hub = hub.clone();
    spawn_local(async move {
        let before = hub.last();
        match hub.reader.count_to(before).await {
            Ok(count) => hub.counters.events.set(hub.counters.events.get() + count),
            Err(refusal) => tracing::warn!(why = %refusal.parameters.message, "cannot count the events"),
        }
    });
    status
}

async fn beat(hub: Rc<Hub>, status: Rc<Status>) {
    let mut beat = interval_at(tokio::time::Instant::now(), UPKEEP_INTERVAL);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lanes = Lanes::default();
    loop {
        beat.tick().await;
        hub.write_back_all();
        hub.meter.borrow_mut().beat(&hub.counters);
        hub.age.look(clocks());
        absent::look(&hub).await;
        lanes.look(&hub, Instant::now());
        match stats(&hub).await {
            Ok(stats) => status.show(&hub, State::Running, stats, false),
            Err(refusal) => tracing::warn!(why = %refusal.parameters.message, "cannot read the statistics"),
        }
    }
}

/// Looks whether the router's own socket can be reached.
pub async fn watch_socket(hub: Rc<Hub>, file: Option<SocketFile>) {
    let Some(file) = file else { return };
    let mut beat = interval_at(tokio::time::Instant::now(), UPKEEP_INTERVAL);
    loop {
        beat.tick().await;
        let mut troubles = hub.counters.trouble.borrow_mut();
        match file.trouble() {
            Some(why) => {
                if troubles.insert("socket", why.clone()).is_none() {
                    tracing::error!(MESSAGE_ID = messages::SOCKET_GONE, "{why}");
                }
            }
            None => drop(troubles.remove("socket")),
        }
    }
}

/// Whether nothing has happened but time.
fn same(old: &Stats, new: &Stats) -> bool {
    *old == Stats { uptime_seconds: old.uptime_seconds, ..new.clone() }
}

impl Status {
    fn show(&self, hub: &Hub, state: State, stats: Stats, always: bool) {
        let mut written = self.written.borrow_mut();
        let taken = hub.config.borrow().said().clone();
        let old = written.as_ref();
        let due = old.is_none_or(|(at, old, read)| {
            !same(old, &stats) || *read != taken || at.elapsed() + UPKEEP_INTERVAL > STATUS_INTERVAL
        });
        if !due && !always {
            return;
        }
        let health = health(hub, &stats);
        let last = format!(
            "{} published, {} delivered, dead letters: {}",
            stats.published, stats.delivered, stats.dead_letters
        );
        notify::status(format!("{}: {last}", health.message));
        if let Some(file) = &self.file
            && let Err(error) = file.write(state, health, last, (STATUS_VALID_SECONDS, taken.clone()), &stats)
        {
            tracing::warn!(%error, "cannot write status.json");
        }
        *written = Some((Instant::now(), stats, taken));
    }

    /// The last word.
    pub async fn last(&self, hub: &Rc<Hub>) {
        if let Ok(stats) = stats(hub).await {
            self.show(hub, State::ShuttingDown, stats, true);
        }
    }
}

/// Tells systemd that all is well, as long as the writer answers.
async fn watchdog(hub: Rc<Hub>, limit: Duration) {
    let mut every = interval_at(tokio::time::Instant::now(), limit / 3);
    loop {
        every.tick().await;
        let (answer, answered) = oneshot::channel();
        hub.command(Command::Ping(answer));
        if tokio::time::timeout(limit / 3, answered).await.is_ok_and(|answer| answer.is_ok()) {
            notify::watchdog();
        } else {
            tracing::error!("the writer thread does not answer; no watchdog ping");
        }
    }
}

async fn retain(hub: Rc<Hub>) {
    let mut next = RETAIN_FIRST_DELAY;
    loop {
        tokio::time::sleep(next).await;
        let (max_bytes, of_a_type) = {
            let settings = hub.settings.borrow();
            (settings.max_bytes, settings.max_type_bytes)
        };
        let kinds: Vec<KindId> = hub.kinds.borrow().iter().map(|kind| kind.id).collect();
        match hub.reader.places_by_size(kinds.clone(), of_a_type).await {
            Ok(places) => {
                hub.command(Command::Retain(plan(&hub, max_bytes, &kinds.into_iter().zip(places).collect())));
            }
            Err(refusal) => {
                tracing::warn!(why = %refusal.parameters.message, "cannot measure the event types; retrying at the \
                    next run")
            }
        }
        next = if hub.database_bytes() > max_bytes { RETAIN_RETRY_DELAY } else { RETAIN_INTERVAL };
    }
}

/// What may go: of each type what all who want it have handled, once it is old enough or the type too large.
fn plan(hub: &Hub, max_bytes: u64, too_many: &HashMap<KindId, Seq>) -> Plan {
    let (permit, last) = (hub.age.permit(), hub.last());
    let subs = hub.subs.borrow();
    let allowance = |kind: &Kind| {
        let needed = subs.values().filter(|sub| sub.wants.kind(kind)).map(|sub| sub.delivery.floor()).min();
        Allowance {
            kind: kind.id,
            floor: needed.unwrap_or(last),
            // Without permission nothing is old enough.
            cutoff_us: permit.map_or(i64::MIN, |p| p.before(Span::DAY * retain_days(kind).into()).us()),
            too_many: too_many.get(&kind.id).copied().unwrap_or(0),
        }
    };
    let allowances = hub.kinds.borrow().iter().map(allowance).collect();
    Plan::new(allowances, max_bytes, last)
}

/// SIGHUP: reloads the configuration; a bad one changes nothing.
pub fn reload(hub: &Hub, args: &Args) {
    notify::reloading();
    match settings::load() {
        Ok(config) => {
            *hub.settings.borrow_mut() = Settings::new(&config.router, args);
            hub.config.borrow_mut().taken(&config, now_us());
            tracing::info!("configuration reloaded");
        }
        Err(failure) => {
            hub.config.borrow_mut().refused(now_us());
            tracing::error!(
                MESSAGE_ID = messages::CONFIG_REFUSED,
                "configuration rejected, the previous one stays in effect: {}",
                chain(&failure)
            );
        }
    }
    notify::ready("configuration reloaded");
}
