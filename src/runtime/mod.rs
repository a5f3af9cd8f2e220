//! The one harness that runs every daemon: configuration, readiness, events, ticks, pause, reload, drain, health.
pub mod backoff;
mod control;
mod crash;
mod dependency;
mod doors;
mod engine;
mod extras;
mod face;
mod handled;
mod inbox;
mod intervals;
mod job;
mod life;
mod lifecycle;
mod outbound;
mod places;
mod pulse;
mod receive;
mod reporter;
mod requests;
mod state;
mod steps;
mod subscription;
mod units;
mod world;

pub use extras::{Extras, Open, Socket};
pub use places::Places;
pub use units::StatusFiles;

use crate::contract::config::{Begun, Config, Reader};
use crate::contract::daemon::Build;
use crate::contract::error::{Exit, Failure, chain};
use crate::contract::ids::SubscriberName;
use crate::contract::messages;
use crate::contract::registry::{DaemonSpec, DaemonType};
use crate::contract::router::{Interest, Start, Subscribe};
use crate::coordination::plan::disabled;
use crate::platform::clock::now_us;
use crate::platform::config::{self, Dirs};
use crate::platform::host::node_id;
use crate::platform::signals::Signals;
use crate::platform::{journal, notify};
use engine::Engine;
use handled::Handled;
use inbox::Outside;
use life::Life;
use std::time::{Duration, Instant};
use subscription::Subscription;
use world::Backing;

/// Events that may be under way to a daemon that handles one at a time.
const IN_FLIGHT: u32 = 16;

/// Runs a daemon to its end. The exit code is 0 after SIGTERM or when the configuration disables it, 78 for a bad
/// configuration, 1 for what a restart may mend.
pub fn run(daemon: DaemonType, build: Build, with: Extras) -> Exit {
    let places = Places::of(daemon);
    journal::init(&format!("ringrift-{}", places.name));
    let restarts = backoff::wait_if_restarted();
    notify::status("INITIALIZING");
    let loaded = match config::load(&Dirs::daemon()) {
        Ok(loaded) => loaded,
        Err(refused) => {
            for error in &refused.0 {
                tracing::error!(MESSAGE_ID = messages::CONFIG_REFUSED, "configuration rejected: {error}");
            }
            let first = refused.0.first().map(ToString::to_string).unwrap_or_default();
            notify::status(format!("configuration refused: {first}"));
            return Exit::Config;
        }
    };
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    // Units want what they depend on, so systemd starts a disabled daemon with its dependents; it ends as one that has
    // nothing to do.
    if let Some(key) = disabled(&loaded.config, daemon) {
        tracing::info!("disabled by {key}");
        notify::ready(format!("disabled by {key}"));
        return Exit::Ok;
    }
    match start(build, with, places, loaded.config, restarts) {
        Ok(exit) => exit,
        Err(failure) => {
            let (why, hint) = (chain(&failure), failure.hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default());
            tracing::error!("starting: {why}{hint}");
            notify::status(format!("cannot start: {why}"));
            failure.exit
        }
    }
}

fn start(
    build: Build,
    mut with: Extras,
    places: Places,
    config: Config,
    restarts: backoff::Restarts,
) -> Result<Exit, Failure> {
    let failed = |what: &'static str| move |e: std::io::Error| format!("{what}: {e}");
    let spec = places.daemon.spec();
    let signals = Signals::block().map_err(failed("blocking signals"))?;
    let mut file = state::StateFile::open(&places.state)
        .inspect_err(|why| tracing::error!(MESSAGE_ID = messages::STATE_UNREADABLE, "{why}"))?;

    let world = Backing::new(&places, &config, &mut with)?;
    let mut daemon = build(&config, &world).map_err(|e| e.to_string())?;
    let unreadable = file.stored.state.clone().and_then(|state| daemon.restore(state).err());
    let forgotten = unreadable.map(|error| file.set_aside(&error)).transpose()?;
    if let Some(why) = &forgotten {
        tracing::error!(MESSAGE_ID = messages::STATE_SET_ASIDE, "{why}");
        // Half of it may have been taken over.
        daemon = build(&config, &world).map_err(|e| e.to_string())?;
    }
    let baseline = daemon.save();

    let (inbox, mut outside) = Outside::new(signals).map_err(failed("making the inbox"))?;
    let socket = with
        .socket
        .as_ref()
        .map(|socket| doors::open_socket(socket, &places, &inbox))
        .transpose()
        .map_err(|e| e.to_string())?;
    doors::open_ports(places.daemon, &config, with.http, &inbox).map_err(|e| e.to_string())?;
    outside.control = control::watch(&places);
    outside.early = with.early_tick.and_then(|(folder, name)| control::watch_early(std::path::Path::new(folder), name));
    let subscribe = subscribe(spec, &places)?;
    let router = places.run.join("router.sock");
    let subscription = subscribe
        .clone()
        .map(|s| Subscription::start(router, s, inbox.clone()))
        .transpose()
        .map_err(failed("starting a thread"))?;
    let reporter = reporter::Reporter::new(&places, node_id(&config.node_id));
    let pulse = pulse::Pulse::new();
    let begun = Begun::with(&config, Reader::Daemon(places.daemon), now_us());
    let mut face = face::Face::new(&places, reporter, intervals::health(spec, &config), pulse.turn(), begun);
    face.troubles.state = forgotten;
    let outbound = outbound::Outbound::new(&places.run);
    let handled = Handled::of(&file.stored.handled);
    let engine = Engine {
        daemon,
        spec,
        others: world.others(),
        places,
        config,
        outside,
        outbound,
        file,
        baseline,
        subscribe,
        subscription,
        face,
        restarts,
        socket: socket.flatten(),
        generation: 0,
        token: None,
        streaming: false,
        router_away: None,
        deliveries: Default::default(),
        parked: Vec::new(),
        handled,
        interval: Duration::MAX,
        tick_due: Instant::now(),
        pulse,
        looked: None,
        life: Life::Registering { paused: false },
    };
    Ok(engine.run())
}

fn subscribe(spec: &DaemonSpec, places: &Places) -> Result<Option<Subscribe>, String> {
    if spec.subscribes.is_empty() {
        return Ok(None);
    }
    let types = spec.subscribes.iter().map(|t| t.info().wire.to_owned()).collect();
    let name = SubscriberName::new(places.name.clone()).map_err(|e| e.to_string())?;
    let interest = Interest { types, categories: Vec::new() };
    Ok(Some(Subscribe { name, interest, start: Start::Now, max_in_flight: IN_FLIGHT }))
}
