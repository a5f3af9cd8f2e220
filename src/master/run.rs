//! The master's process: takes the lock and the name, then turns the loop until it is asked to stop.
use super::bus::{self, Bus, Current, OwnedName};
use super::calls::Call;
use super::engine::{Engine, Note, Parts, sockets};
use super::lock::{LockError, MasterLock};
use super::settings::Settings;
use super::store::{Standing, Store};
use super::world::World;
use super::{control, link};
use crate::contract::config::Config;
use crate::contract::error::{Exit, Failure};
use crate::contract::master::BUS_NAME;
use crate::contract::messages;
use crate::contract::registry::Profile;
use crate::platform::host::node_id;
use crate::platform::notify;
use crate::platform::store::Keep;
use crate::platform::systemd::{Change, Systemd, connect};
use crate::runtime::backoff::Restarts;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Longest time between two turns; the watchdog is fed from the turn.
const MAX_LOOP_INTERVAL: Duration = Duration::from_secs(5);
/// Longest wait for the bus at the end.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);
/// STATUS= is renewed at most this often.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);
/// Spooled failure reports are looked for this often.
const SPOOL_INTERVAL: Duration = Duration::from_secs(10);

fn failed(exit: Exit, what: &str, error: impl std::fmt::Display) -> Failure {
    Failure::new(exit, format!("{what}: {error}"))
}

/// What `--dry-run` prints: the plan for the profile that a start would apply. Changes nothing, needs no lock.
pub async fn dry_run(settings: &Settings, config: &Config) -> Result<crate::contract::master::Plan, Failure> {
    let connection =
        connect(settings.bus.as_deref()).await.map_err(|e| Failure::new(Exit::Unavailable, e.to_string()))?;
    let systemd = Systemd::looking(connection).await.map_err(|e| Failure::new(Exit::Unavailable, e.to_string()))?;
    let names: Vec<String> = crate::contract::registry::built().map(|s| s.daemon.unit()).collect();
    let patterns: Vec<&str> = names.iter().map(String::as_str).collect();
    let units = crate::platform::systemd::ServiceManager::list(&systemd, &patterns).await;
    let units = units.map_err(|e| Failure::new(Exit::Unavailable, e.to_string()))?;
    let saved = Store::saved_profile(&settings.database());
    Ok(crate::coordination::plan::plan(saved.unwrap_or(first_profile(config)?), config, &units))
}

fn first_profile(config: &Config) -> Result<Profile, Failure> {
    Profile::find(&config.master.profile).map_err(|e| failed(Exit::Config, "master.profile", e))
}

/// Runs to the end. `load` loads and checks the configuration, at start and at each reload.
pub async fn run(
    settings: Settings,
    load: fn() -> Result<Config, String>,
    restarts: Option<Restarts>,
) -> Result<(), Failure> {
    let config = load().map_err(|e| Failure::new(Exit::Config, e).hint("`ringrift config check` explains each key"))?;
    tokio::task::spawn_local(settle(restarts, Duration::from_secs(config.master.reset_after.into())));
    let node = node_id(&config.node_id);
    for dir in [&settings.state, &settings.run] {
        std::fs::create_dir_all(dir).map_err(|e| failed(Exit::Failure, &format!("making {}", dir.display()), e))?;
    }
    let _lock = MasterLock::take(&settings.pid_file).map_err(|e| match &e {
        LockError::Held { .. } => Failure::new(Exit::Failure, e.to_string()),
        LockError::Io { .. } => Failure::new(Exit::Failure, crate::contract::error::chain(&e)),
    })?;
    crate::platform::store::own(&settings.database());
    let store = Store::open(&settings.database(), Keep::from(&config.databases))?;
    let profile = match store.profile().map_err(|e| failed(Exit::Failure, "reading master.db", e))? {
        Some(saved) => saved,
        None => first_profile(&config)?,
    };
    let world = Arc::new(Mutex::new(World::new(config, profile, settings.run.clone())));

    let unavailable = |e: crate::platform::systemd::ServiceError| Failure::new(Exit::Unavailable, e.to_string());
    let (calls, asked) = mpsc::channel(64);
    let bus = Bus { address: settings.bus.clone(), world: world.clone(), calls };
    let OwnedName { systemd, changes } = bus.join().await?;
    let current: Current = Rc::new(RefCell::new(systemd.connection().clone()));

    let (notes, noted) = mpsc::unbounded_channel();
    let (signals, told) = mpsc::unbounded_channel();
    let (reports, to_coordinator) = std::sync::mpsc::channel();
    link::deliver_reports(settings.coordinator.clone(), to_coordinator)
        .map_err(|e| failed(Exit::Failure, "starting a thread", e))?;
    tokio::task::spawn_local(bus::forward(current.clone(), told));
    let parts = Parts {
        services: Rc::new(systemd),
        settings: settings.clone(),
        node: node.clone(),
        load: Box::new(load),
        store,
        world: world.clone(),
        notes,
        signals,
        reports,
    };
    sockets::watch_folder(settings.run.clone(), parts.notes.clone())
        .map_err(|e| failed(Exit::Failure, "starting a thread", e))?;
    let mut engine = Engine::new(parts).map_err(|e| failed(Exit::Failure, "reading master.db", e))?;
    let paused = engine.world().paused.clone();
    if let Err(error) = control::rewrite(&settings.control(), &paused) {
        tracing::warn!("cannot write the control files ({error}); paused daemons run until then");
    }
    if engine.store.profile().ok().flatten().is_none() {
        // The first start: from now on the configuration's profile is no longer asked for.
        let kept =
            engine.store.set_profile(&Standing::of(profile), None, "configuration", crate::platform::clock::now());
        kept.map_err(|e| failed(Exit::Failure, "writing master.db", e))?;
    }
    engine.look().await.map_err(unavailable)?;
    let plan = engine.world().plan(profile);
    tracing::info!(
        "applying profile {profile} again: {} already running, to start: {}",
        plan.stay.len(),
        plan.start.join(" ")
    );
    engine.welcome(&plan.start).await;
    let ended = turn_until_told(&mut engine, &bus, &current, EventSources { changes, asked, noted }).await;
    engine.drain();
    notify::stopping("stopping");
    // The router may be on its way down as well; the last word is short.
    let (router, node) = (settings.router.clone(), node.clone());
    let last = tokio::task::spawn_blocking(move || link::say_offline(&router, &node)).await;
    if let Ok(Err(error)) = last {
        tracing::info!("cannot publish HOST_OFFLINE: {error}");
    }
    let connection = current.borrow().clone();
    drop(tokio::time::timeout(RELEASE_TIMEOUT, connection.release_name(BUS_NAME)).await);
    ended
}

/// Up for so long: the next failure waits no longer than the first.
async fn settle(restarts: Option<Restarts>, after: Duration) {
    tokio::time::sleep(after).await;
    restarts.into_iter().for_each(|mut restarts| restarts.settle());
}

/// What the loop listens to.
struct EventSources {
    changes: mpsc::UnboundedReceiver<Change>,
    asked: mpsc::Receiver<Call>,
    noted: mpsc::UnboundedReceiver<Note>,
}

/// Told to end.
struct StopSignals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The bus is gone: nothing of ours ends for that. False when the master was asked to stop before the bus came back.
async fn rejoin(
    engine: &mut Engine<Systemd>,
    bus: &Bus,
    current: &Current,
    changes: &mut mpsc::UnboundedReceiver<Change>,
    stops: &mut StopSignals,
    why: &str,
) -> Result<bool, Failure> {
    tracing::warn!("the system bus does not answer ({why}); reconnecting");
    engine.world().problems.insert("bus", format!("the system bus does not answer: {why}"));
    notify::status("the system bus does not answer; reconnecting");
    let lost = current.borrow().clone();
    let seat = tokio::select! {
        biased;
        () = stops.next() => return Ok(false),
        seat = bus.rejoin(lost) => seat?,
    };
    *current.borrow_mut() = seat.systemd.connection().clone();
    *changes = seat.changes;
    engine.rejoined(seat.systemd);
    tracing::info!("reconnected to the system bus");
    Ok(true)
}

async fn turn_until_told(
    engine: &mut Engine<Systemd>,
    bus: &Bus,
    current: &Current,
    heard: EventSources,
) -> Result<(), Failure> {
    let EventSources { mut changes, mut asked, mut noted } = heard;
    let listen = |kind| signal(kind).map_err(|e| failed(Exit::Failure, "listening to signals", e));
    let mut stops =
        StopSignals { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? };
    let mut hangup = listen(SignalKind::hangup())?;
    let mut said: Option<Instant> = None;
    let mut spool_looked = Instant::now();
    let mut looked = Instant::now();
    loop {
        if let Err(error) = engine.turn().await {
            if !rejoin(engine, bus, current, &mut changes, &mut stops, &error.to_string()).await? {
                return Ok(());
            }
            continue;
        }
        let interval = Duration::from_secs(engine.world().config.master.interval.into());
        notify::watchdog();
        if said.is_none_or(|at| at.elapsed() >= STATUS_INTERVAL) {
            let status = status(engine);
            if said.replace(Instant::now()).is_some() {
                notify::status(&status);
            } else {
                notify::ready(&status);
            }
        }
        if spool_looked.elapsed() >= SPOOL_INTERVAL {
            spool_looked = Instant::now();
            engine.empty_spool();
            engine.tell_notices();
        }
        // Signals are hints, the list is the truth.
        if looked.elapsed() >= interval {
            looked = Instant::now();
            engine.look_at_all();
            continue;
        }
        let deadline = tokio::time::Instant::now() + (interval.saturating_sub(looked.elapsed())).min(MAX_LOOP_INTERVAL);
        let deadline = engine.registration.due().map_or(deadline, |due| deadline.min(due.into()));
        tokio::select! {
            // An end that is asked for comes before anything else that waits.
            biased;
            () = stops.next() => return Ok(()),
            change = changes.recv() => match change {
                Some(change) => engine.changed(change),
                None => {
                    if !rejoin(engine, bus, current, &mut changes, &mut stops, "the connection is closed").await? {
                        return Ok(());
                    }
                }
            },
            Some(call) = asked.recv() => engine.call(call).await,
            Some(note) = noted.recv() => engine.note(note).await,
            () = tokio::time::sleep_until(deadline) => {}
            _ = hangup.recv() => reload(engine).await,
        }
        // One turn for all that has come meanwhile.
        while let Ok(change) = changes.try_recv() {
            engine.changed(change);
        }
        while let Ok(note) = noted.try_recv() {
            engine.note(note).await;
        }
    }
}

fn status(engine: &Engine<Systemd>) -> String {
    let world = engine.world();
    let health = world.health(crate::platform::clock::now());
    let problem = health.problems.first().map(|p| format!("; {p}")).unwrap_or_default();
    format!("profile {}, jobs: {}{problem}", world.profile.name(), world.jobs.len())
}

async fn reload(engine: &mut Engine<Systemd>) {
    // Without RELOADING=1: systemd would take that for another reload, and hand it on to every daemon once more.
    notify::status("reloading");
    match engine.reload_and_answer().await {
        Ok(()) => tracing::info!("configuration reloaded"),
        Err(why) => {
            tracing::error!(
                MESSAGE_ID = messages::CONFIG_REFUSED,
                "configuration rejected, the previous one stays in effect: {why}"
            )
        }
    }
    notify::ready("reloaded");
}
