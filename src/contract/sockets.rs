//! The suite's listening sockets as they are declared: their units, and what their files have to be.
use super::paths;
use super::registry::Hub;

/// A socket that a unit of the suite listens at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// Its unit.
    pub unit: &'static str,
    /// The service behind it, which holds it while it runs.
    pub service: &'static str,
    /// Its file.
    pub path: &'static str,
    /// The file's group.
    pub group: &'static str,
    /// The file's mode.
    pub mode: u32,
}

/// All of them.
pub static SOCKETS: [Socket; 4] = [
    Socket {
        unit: Hub::Router.socket_unit(),
        service: "ringrift-event-router.service",
        path: paths::ROUTER_SOCKET,
        group: "ringrift",
        mode: 0o666,
    },
    Socket {
        unit: Hub::Coordinator.socket_unit(),
        service: "ringrift-coordinator.service",
        path: paths::COORDINATOR_SOCKET,
        group: "ringrift",
        mode: 0o666,
    },
    Socket {
        unit: "ringrift-job.socket",
        service: "ringrift-coordinator.service",
        path: paths::JOB_SOCKET,
        group: "ringrift-job",
        mode: 0o660,
    },
    Socket {
        unit: Hub::Catalog.socket_unit(),
        service: "ringrift-data-pipeline.service",
        path: paths::CATALOG_SOCKET,
        group: "ringrift",
        mode: 0o666,
    },
];

impl Socket {
    /// The name of its file in /run/ringrift.
    pub fn file(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }
}
