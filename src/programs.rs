//! The daemons' programs: the one place that knows both a daemon and its adapters.
use crate::contract::config::Config;
use crate::contract::daemon::build;
use crate::contract::error::Exit;
use crate::contract::ports::Units;
use crate::contract::registry::{DaemonType, Program};
use crate::contract::{catalog, paths};
use crate::daemons::health::health_server::HealthServer;
use crate::daemons::sync::training_node_watcher::TrainingNodeWatcher;
use crate::platform::catalog::CatalogDb;
use crate::platform::facts::Lookout;
use crate::platform::foreign::ForeignDb;
use crate::platform::store::{self, Keep};
use crate::platform::systemd::SystemdView;
use crate::platform::{http, space, terminal};
use crate::runtime::{Extras, Open, Places, Socket, run};
use std::process::ExitCode;

/// Runs a daemon of the shared library, by its name as in AUTO_EXPORT.
pub fn shared(name: &str) -> Exit {
    let refused = |why: String| {
        terminal::error_line(&why);
        Exit::Usage
    };
    let daemon = match DaemonType::parse(name) {
        Ok(daemon) => daemon,
        Err(unknown) => return refused(unknown.to_string()),
    };
    match crate::daemons::build(daemon).filter(|_| daemon.spec().program == Program::Shared) {
        Some(build) => run(daemon, build, adapters(daemon)),
        None if daemon.spec().is_built() => refused(format!("{name} has a program of its own, {}", daemon.binary())),
        None => refused(format!("{name} is not built")),
    }
}

/// Runs one of the programs that are not of the ordinary daemons, by its name as in ringrift-master.
pub fn other(name: &str) -> ExitCode {
    match name {
        "ringrift" => crate::cli::main(),
        "ringrift-coordinator" => crate::coordinator::main(),
        "ringrift-event-router" => crate::router::main(),
        "ringrift-failure" => crate::failure::main(),
        "ringrift-health-server" => health_server(),
        "ringrift-job-runner" => crate::jobrunner::main(),
        "ringrift-master" => crate::master::main(),
        "ringrift-starts" => crate::starts::main(),
        "ringrift-training-node-watcher" => training_node_watcher(),
        _ => {
            terminal::error_line(&format!("no program is called {name}"));
            Exit::Usage.into()
        }
    }
}

/// Runs the daemon that the command line names: how a daemon is started from a clone.
pub fn named() -> ExitCode {
    match std::env::args().nth(1) {
        Some(name) => shared(&name).into(),
        None => {
            terminal::error_line("usage: ringrift-daemon NAME, as in: ringrift-daemon AUTO_EXPORT");
            Exit::Usage.into()
        }
    }
}

/// What daemons of the shared library have beside their handler.
fn adapters(daemon: DaemonType) -> Extras {
    match daemon {
        // The catalog's database and socket.
        DaemonType::DataPipeline => Extras {
            store: Some(Box::new(|places: &Places, config: &Config| {
                let below = |path: &'static str| {
                    places.all_state.join(std::path::Path::new(path).file_name().unwrap_or_default())
                };
                let (store, jobs, keep) = (below(paths::ARTEFACTS), below(paths::JOBS), Keep::from(&config.databases));
                store::own(&CatalogDb::path(&places.state));
                let catalog = CatalogDb::open(&places.state, &store, &jobs, keep)?;
                Ok(Box::new(catalog))
            })),
            socket: Some(Socket { name: "catalog", interfaces: vec![(catalog::INTERFACE, catalog::DESCRIPTION)] }),
            ..Extras::default()
        },
        // It looks at once when somebody meets a full file system.
        DaemonType::DiskSpaceManager => Extras { early_tick: Some((paths::SPACE, space::MARK)), ..Extras::default() },
        // The original's queue.
        DaemonType::CrossProcessPoller => Extras { foreign: Some(Box::new(ForeignDb)), ..Extras::default() },
        _ => Extras::default(),
    }
}

fn watching() -> Extras {
    Extras {
        units: Some(Box::new(|places: &Places, _: &Config| Ok(Box::new(SystemdView::at(None, &places.run))))),
        ..Extras::default()
    }
}

/// HEALTH_SERVER, with a view of the whole suite and HTTP.
pub fn health_server() -> ExitCode {
    let units: Open<dyn Units> = Box::new(|places: &Places, _: &Config| Ok(Box::new(Lookout::at(&places.run))));
    let with = Extras { units: Some(units), http: Some(http::serve), ..Extras::default() };
    run(DaemonType::HealthServer, build::<HealthServer>, with).into()
}

/// TRAINING_NODE_WATCHER, with a view of systemd.
pub fn training_node_watcher() -> ExitCode {
    run(DaemonType::TrainingNodeWatcher, build::<TrainingNodeWatcher>, watching()).into()
}
