//! The daemons that bring more than a handler: the one place that knows both a daemon and its adapters.
use crate::contract::config::Config;
use crate::contract::{catalog, paths};
use crate::daemons::event::cross_process_poller::CrossProcessPoller;
use crate::daemons::health::health_server::HealthServer;
use crate::daemons::pipeline::data_pipeline::DataPipeline;
use crate::daemons::recovery::disk_space_manager::DiskSpaceManager;
use crate::daemons::sync::training_node_watcher::TrainingNodeWatcher;
use crate::platform::catalog::CatalogDb;
use crate::platform::foreign::ForeignDb;
use crate::platform::space;
use crate::platform::store::{self, Keep};
use crate::platform::systemd::SystemdView;
use crate::runtime::{Extras, Places, Socket, run};
use std::process::ExitCode;

/// The catalog's interface in Varlink's language.
const CATALOG: &str = include_str!("contract/interfaces/org.ringrift.Catalog.varlink");

/// DATA_PIPELINE, with the catalog's database and socket.
pub fn data_pipeline() -> ExitCode {
    run::<DataPipeline>(Extras {
        store: Some(Box::new(|places: &Places, config: &Config| {
            let below = |path: &'static str| places.all_state.join(std::path::Path::new(path).file_name().unwrap_or_default());
            let (store, jobs, keep) = (below(paths::ARTEFACTS), below(paths::JOBS), Keep::from(&config.databases));
            store::own(&CatalogDb::path(&places.state));
            let catalog = CatalogDb::open(&places.state, &store, &jobs, keep)?;
            Ok(Box::new(catalog))
        })),
        socket: Some(Socket { name: "catalog", interfaces: vec![(catalog::INTERFACE, CATALOG)] }),
        ..Extras::default()
    })
}

fn watching() -> Extras {
    Extras { units: Some(Box::new(|places: &Places, _: &Config| Ok(Box::new(SystemdView::at(None, &places.run))))), ..Extras::default() }
}

/// DISK_SPACE_MANAGER, which looks at once when somebody meets a full file system.
pub fn disk_space_manager() -> ExitCode {
    run::<DiskSpaceManager>(Extras { early_tick: Some((paths::SPACE, space::MARK)), ..Extras::default() })
}

/// CROSS_PROCESS_POLLER, with the original's queue.
pub fn cross_process_poller() -> ExitCode {
    run::<CrossProcessPoller>(Extras { foreign: Some(Box::new(ForeignDb)), ..Extras::default() })
}

/// HEALTH_SERVER, with a view of systemd.
pub fn health_server() -> ExitCode {
    run::<HealthServer>(watching())
}

/// TRAINING_NODE_WATCHER, with a view of systemd.
pub fn training_node_watcher() -> ExitCode {
    run::<TrainingNodeWatcher>(watching())
}
