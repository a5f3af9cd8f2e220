//! What stands behind a daemon's ports. Each is made when the daemon's ports are filled in, and only if it is among
//! them.
use super::extras::{Extras, Open};
use super::places::Places;
use super::units::StatusFiles;
use crate::contract::config::Config;
use crate::contract::error::Failure;
use crate::contract::foreign::ForeignQueue;
use crate::contract::ports::{CatalogStore, Missing, Port, Units, World, kinds};
use crate::platform::clock::SystemClock;
use crate::platform::host::{Machine, node_id};
use crate::platform::models::CurrentModels;
use crate::platform::peers::{CatalogPeer, LettersPeer, Peer, QueuePeer};
use std::cell::OnceCell;
use std::path::PathBuf;

/// The hubs' sockets, the machine, and what the daemon's program brought along.
pub(super) struct Backing {
    run: PathBuf,
    disk: PathBuf,
    models_at: PathBuf,
    configured_node: String,
    queue: OnceCell<QueuePeer>,
    letters: OnceCell<LettersPeer>,
    catalog: OnceCell<CatalogPeer>,
    host: OnceCell<Machine>,
    models: OnceCell<CurrentModels>,
    units: Box<dyn Units>,
    store: Option<Box<dyn CatalogStore>>,
    foreign: Option<Box<dyn ForeignQueue>>,
}

fn opened<T: ?Sized>(open: Option<Open<T>>, places: &Places, config: &Config) -> Result<Option<Box<T>>, Failure> {
    open.map(|open| open(places, config)).transpose()
}

impl Backing {
    /// Opens what the program brought along; of the rest nothing is made yet.
    pub fn new(places: &Places, config: &Config, with: &mut Extras) -> Result<Backing, Failure> {
        let disk = if places.all_state.exists() { &places.all_state } else { &places.state };
        Ok(Backing {
            run: places.run.clone(),
            disk: disk.clone(),
            models_at: places.all_state.join("current"),
            configured_node: config.node_id.clone(),
            queue: OnceCell::new(),
            letters: OnceCell::new(),
            catalog: OnceCell::new(),
            host: OnceCell::new(),
            models: OnceCell::new(),
            units: opened(with.units.take(), places, config)?
                .unwrap_or_else(|| Box::new(StatusFiles::new(&places.run))),
            store: opened(with.store.take(), places, config)?,
            foreign: with.foreign.take(),
        })
    }

    /// The runtime's own look at others.
    pub fn others(&self) -> &dyn Units {
        &*self.units
    }

    fn peer(&self) -> &QueuePeer {
        self.queue.get_or_init(|| QueuePeer(Peer::coordinator(&self.run)))
    }
    fn machine(&self) -> &Machine {
        self.host.get_or_init(|| Machine::new(node_id(&self.configured_node), &self.disk))
    }
    fn link(&self) -> &CurrentModels {
        self.models.get_or_init(|| CurrentModels::new(&self.models_at))
    }
}

impl World for Backing {
    fn clock(&self) -> Result<&kinds::clock, Missing> {
        Ok(&SystemClock)
    }
    fn queue(&self) -> Result<&kinds::queue, Missing> {
        Ok(self.peer())
    }
    fn managers(&self) -> Result<&kinds::managers, Missing> {
        Ok(self.peer())
    }
    fn catalog(&self) -> Result<&kinds::catalog, Missing> {
        Ok(self.catalog.get_or_init(|| CatalogPeer(Peer::catalog(&self.run))))
    }
    fn node(&self) -> Result<&kinds::node, Missing> {
        Ok(self.machine())
    }
    fn host(&self) -> Result<&kinds::host, Missing> {
        Ok(self.machine())
    }
    fn units(&self) -> Result<&kinds::units, Missing> {
        Ok(&*self.units)
    }
    fn letters(&self) -> Result<&kinds::letters, Missing> {
        Ok(self.letters.get_or_init(|| LettersPeer(Peer::router(&self.run))))
    }
    fn current(&self) -> Result<&kinds::current, Missing> {
        Ok(self.link())
    }
    fn models(&self) -> Result<&kinds::models, Missing> {
        Ok(self.link())
    }
    fn store(&self) -> Result<&kinds::store, Missing> {
        self.store.as_deref().ok_or(Missing(Port::Store))
    }
    fn foreign(&self) -> Result<&kinds::foreign, Missing> {
        self.foreign.as_deref().ok_or(Missing(Port::Foreign))
    }
}
