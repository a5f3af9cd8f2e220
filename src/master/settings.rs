//! Where the master keeps and finds things; a test gives it other places.
use crate::contract::paths;
use std::path::PathBuf;

/// The unit that the master runs as.
pub const OWN_UNIT: &str = "ringrift-master.service";

/// Places.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The directory of `master.db`.
    pub state: PathBuf,
    /// The directory of sockets, status files and control files.
    pub run: PathBuf,
    /// The locked pid file.
    pub pid_file: PathBuf,
    /// Events that the failure handler could not publish.
    pub spool: PathBuf,
    /// What was lost or is held back, until somebody has confirmed it.
    pub notices: PathBuf,
    /// The router's socket.
    pub router: PathBuf,
    /// The coordinator's socket.
    pub coordinator: PathBuf,
    /// Address of the bus; the system bus when absent.
    pub bus: Option<String>,
}

impl Settings {
    /// As installed: `$STATE_DIRECTORY` from the unit, else the suite's.
    pub fn installed() -> Settings {
        let state = std::env::var("STATE_DIRECTORY").ok().and_then(|list| list.split(':').next().map(PathBuf::from));
        Settings {
            state: state.unwrap_or_else(|| PathBuf::from(paths::STATE).join("master")),
            run: paths::RUN.into(),
            pid_file: paths::MASTER_PID.into(),
            spool: paths::FAILURES.into(),
            notices: paths::NOTICES.into(),
            router: paths::ROUTER_SOCKET.into(),
            coordinator: paths::COORDINATOR_SOCKET.into(),
            bus: None,
        }
    }

    /// Everything below one directory.
    pub fn below(root: &std::path::Path) -> Settings {
        Settings {
            state: root.join("state"),
            run: root.join("run"),
            pid_file: root.join("run/master_loop.pid"),
            spool: root.join("spool/failures"),
            notices: root.join("notices"),
            router: root.join("run/router.sock"),
            coordinator: root.join("run/coordinator.sock"),
            bus: None,
        }
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.state.join("master.db")
    }

    /// The directory of control files.
    pub fn control(&self) -> PathBuf {
        self.run.join("control")
    }
}
