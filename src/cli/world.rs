//! What the command line can see: systemd over D-Bus, the files in /run/ringrift, the configuration, the hubs' sockets.
use crate::contract::error::{Exit, Failure};
use crate::contract::facts::Facts;
use crate::contract::health::StatusFile;
use crate::contract::host::UnitView;
use crate::contract::paths;
use crate::contract::ports::Units;
use crate::platform::clock;
use crate::platform::config::{self, Dirs, Loaded, Reader};
use crate::platform::facts::{Collector, Places};
use crate::platform::notices::Notices;
use crate::platform::systemd::SystemdView;
use std::path::PathBuf;

/// The world, or a test's stand-in of it.
pub struct World {
    /// systemd; asking starts nothing.
    pub units: Box<dyn Units>,
    /// `/run/ringrift`.
    pub run: PathBuf,
    /// What was lost or is held back.
    pub notices: Notices,
    /// Where the configuration is.
    pub dirs: Dirs,
    /// Collects all that is judged.
    collector: Collector,
    /// Now, microseconds since 1970.
    pub now_us: i64,
}

impl World {
    /// The machine we are on. RINGRIFT_RUN moves `/run/ringrift`.
    pub fn real() -> World {
        let run = std::env::var_os("RINGRIFT_RUN").map_or_else(|| PathBuf::from(paths::RUN), PathBuf::from);
        let places =
            Places { run: run.clone(), notices: paths::NOTICES.into(), dirs: Dirs::command(), readers: Reader::all() };
        World {
            collector: Collector::new(places),
            units: Box::new(SystemdView::at(None, run.clone())),
            run,
            notices: Notices::at(paths::NOTICES),
            dirs: Dirs::command(),
            now_us: clock::now_us(),
        }
    }

    /// Everything, to be judged.
    pub fn facts(&self) -> Facts {
        self.collector.collect(&*self.units)
    }

    /// Units by names and globs.
    pub fn look(&self, patterns: &[&str]) -> Result<Vec<UnitView>, Failure> {
        self.units.list(patterns).map_err(World::unseen)
    }

    /// systemd could not be asked.
    pub fn unseen(why: String) -> Failure {
        Failure::new(Exit::Unavailable, format!("asking systemd about the suite's units: {why}")).hint(
            "the system bus must run: `systemctl status dbus`; inside a container without systemd there is \
                nothing to see",
        )
    }

    /// One unit.
    pub fn unit(&self, name: &str) -> Result<Option<UnitView>, Failure> {
        Ok(self.look(&[name])?.into_iter().find(|u| u.name == name))
    }

    /// What a process last said about itself.
    pub fn report(&self, kebab: &str) -> Option<StatusFile> {
        self.units.status_file(kebab)
    }

    /// The valid configuration; its errors, each on a line, with exit code 78.
    pub fn config(&self) -> Result<Loaded, Failure> {
        config::load(&self.dirs).map_err(|errors| {
            Failure::new(Exit::Config, "reading the configuration")
                .caused_by(errors)
                .hint("`ringrift config check` shows each error; running processes keep their configuration")
        })
    }
}
