//! What a daemon's program brings along beside its handler.
use super::places::Places;
use crate::contract::config::Config;
use crate::contract::error::Failure;
use crate::contract::foreign::ForeignQueue;
use crate::contract::ports::{CatalogStore, Units};
use crate::platform::http::Serve;

/// Makes a port when the daemon starts; the error is shown and the process ends with its exit code.
pub type Open<T> = Box<dyn FnOnce(&Places, &Config) -> Result<Box<T>, Failure>>;

/// A Varlink socket of the daemon's own.
#[derive(Debug, Clone)]
pub struct Socket {
    /// The name of systemd's descriptor, and of the file `<name>.sock` without systemd.
    pub name: &'static str,
    /// Interfaces: name and description in Varlink's language.
    pub interfaces: Vec<(&'static str, &'static str)>,
}

/// What special daemons bring along.
#[derive(Default)]
pub struct Extras {
    /// DATA_PIPELINE's database.
    pub store: Option<Open<dyn CatalogStore>>,
    /// A view of systemd; without one only status files are seen.
    pub units: Option<Open<dyn Units>>,
    /// The earlier implementation's event queue.
    pub foreign: Option<Box<dyn ForeignQueue>>,
    /// A Varlink socket.
    pub socket: Option<Socket>,
    /// Serves HTTP on the ports that the configuration gives the daemon.
    pub http: Option<Serve>,
    /// A file whose changes bring the next tick forward: folder and name.
    pub early_tick: Option<(&'static str, &'static str)>,
}
