//! The two listening sockets, passed by systemd by name or made here, and a thread for each connection.
use crate::contract::coalesce::{Coalesced, SECOND};
use crate::contract::error::{Exit, Failure};
use crate::platform::notify;
use crate::platform::varlink::{Service, serve_connection};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Connections at once on one socket; a job or daemon has one or two.
const MOST: usize = 512;

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
            // A file left by a process that was killed; a living one would be told by its clients.
            let _ = std::fs::remove_file(path);
            return UnixListener::bind(path)
                .map_err(|e| Failure::new(Exit::Failure, format!("listening on {}", path.display())).caused_by(e));
        }
        let Some(at) = self.0.iter().position(|(n, _)| n == name) else {
            let message = format!("no socket {name:?} was passed");
            return Err(Failure::new(Exit::Usage, message).hint("start the socket unit, or give the paths with --socket and --job-socket"));
        };
        Ok(UnixListener::from(self.0.swap_remove(at).1))
    }
}

/// Serves connections in threads; `make` builds the service that one connection sees.
pub fn serve<S, M>(name: &'static str, listener: UnixListener, make: M) -> std::io::Result<()>
where
    S: Service,
    M: Fn(&UnixStream) -> std::io::Result<S> + Send + Sync + 'static,
{
    let (make, open) = (Arc::new(make), Arc::new(AtomicUsize::new(0)));
    std::thread::Builder::new().name(name.into()).spawn(move || {
        // Anybody may connect as often as he likes; the journal hears of it once a second.
        let (mut failed, mut refused) = (Coalesced::new(SECOND), Coalesced::new(SECOND));
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(e) if matches!(e.kind(), std::io::ErrorKind::Interrupted | std::io::ErrorKind::ConnectionAborted) => continue,
                Err(error) => {
                    if let Some(left_out) = failed.admit(Instant::now()) {
                        tracing::error!(%error, socket = name, "accepting a connection{left_out}");
                    }
                    // Out of descriptors, most likely: connections that end give some back.
                    std::thread::park_timeout(std::time::Duration::from_millis(100));
                    continue;
                }
            };
            if open.fetch_add(1, Ordering::Relaxed) >= MOST {
                open.fetch_sub(1, Ordering::Relaxed);
                if let Some(left_out) = refused.admit(Instant::now()) {
                    tracing::warn!(socket = name, "a connection is refused: {MOST} are open{left_out}");
                }
                continue;
            }
            let (make, seat) = (Arc::clone(&make), Seat(Arc::clone(&open)));
            let spawned = std::thread::Builder::new().name(name.into()).stack_size(512 * 1024).spawn(move || {
                let _seat = seat;
                match make(&stream) {
                    Ok(service) => serve_connection(&stream, &service),
                    Err(error) => tracing::error!(%error, socket = name, "setting up a connection"),
                }
            });
            if let Err(error) = spawned {
                tracing::error!(%error, socket = name, "starting a thread for a connection");
            }
        }
    })?;
    Ok(())
}

/// A connection's place among the `MOST`; given back when dropped.
struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
