//! The two listening sockets, passed by systemd by name or made here, and a thread for each connection.
use crate::contract::error::{Exit, Failure};
use crate::platform::notify;
use crate::platform::threads;
use crate::platform::varlink::{self, Budget, Service};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// What systemd passed, each socket once.
pub struct Passed(Vec<(String, OwnedFd)>);

impl Passed {
    /// Asks the environment; once a process.
    pub fn look() -> Result<Passed, Failure> {
        notify::passed_sockets()
            .map(Passed)
            .map_err(|e| Failure::new(Exit::Failure, "taking the sockets that the service manager passes").caused_by(e))
    }

    /// The socket at `path` if one is given, else the one that was passed by this name.
    pub fn listener(&mut self, path: Option<&Path>, name: &str) -> Result<UnixListener, Failure> {
        if let Some(path) = path {
            // A file left by a process that was killed; a living one would be reported by its clients.
            let _ = std::fs::remove_file(path);
            return UnixListener::bind(path)
                .map_err(|e| Failure::new(Exit::Failure, format!("listening on {}", path.display())).caused_by(e));
        }
        let Some(at) = self.0.iter().position(|(n, _)| n == name) else {
            let message = format!("no socket {name:?} was passed");
            return Err(Failure::new(Exit::Usage, message)
                .hint("start the socket unit, or give the paths with --socket and --job-socket"));
        };
        Ok(UnixListener::from(self.0.swap_remove(at).1))
    }
}

/// Serves connections in threads, as far as each user's budget goes; `make` builds the service that one connection
/// sees.
pub fn serve<S, M>(name: &'static str, listener: UnixListener, make: M) -> std::io::Result<()>
where
    S: Service,
    M: Fn(&UnixStream) -> std::io::Result<S> + Send + Sync + 'static,
{
    // Each socket has a budget of its own: what jobs do on theirs keeps no daemon out.
    threads::part(name, move || varlink::serve(name, &listener, &Budget::new(), make)).map(drop)
}
