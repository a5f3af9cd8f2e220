//! The listening socket: systemd's, or one of our own for tests and for looking around.
use super::settings::Args;
use crate::contract::error::{Exit, Failure};
use crate::platform::notify;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

/// The name of the socket's file descriptor in `ringrift-event-router.socket`.
const NAME: &str = "router";

/// The socket, not blocking.
pub fn listen(args: &Args) -> Result<UnixListener, Failure> {
    let listener = match passed()? {
        Some(listener) => listener,
        None => match &args.socket {
            Some(path) => bind(path)?,
            None => {
                return Err(Failure::new(Exit::Config, "no socket: systemd passed none and --socket is not given")
                    .hint("start it through ringrift-router.socket, or give --socket PATH"));
            }
        },
    };
    listener.set_nonblocking(true).map_err(|e| Failure::new(Exit::Failure, "setting up the socket").caused_by(e))?;
    Ok(listener)
}

fn passed() -> Result<Option<UnixListener>, Failure> {
    let sockets = notify::passed_sockets();
    let mut sockets =
        sockets.map_err(|e| Failure::new(Exit::Config, "reading the sockets that systemd passes").caused_by(e))?;
    if sockets.is_empty() {
        return Ok(None);
    }
    let ours = sockets.iter().position(|(name, _)| name == NAME).unwrap_or(0);
    Ok(Some(UnixListener::from(sockets.swap_remove(ours).1)))
}

fn bind(path: &Path) -> Result<UnixListener, Failure> {
    let fail =
        |what: &str, e: std::io::Error| Failure::new(Exit::Failure, format!("{what} {}", path.display())).caused_by(e);
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(Failure::new(Exit::TempFail, format!("another process already listens on {}", path.display())));
    }
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(fail("removing the stale socket", e)),
    }
    let listener = UnixListener::bind(path).map_err(|e| fail("listening on", e))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))
        .map_err(|e| fail("setting the mode of", e))?;
    Ok(listener)
}
