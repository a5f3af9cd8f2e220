//! A service that does nothing: says READY, waits for SIGTERM. What `scripts/bench suite` holds the daemons' starts
//! against.
use std::os::unix::net::UnixDatagram;

fn main() -> std::io::Result<()> {
    if let Some(manager) = std::env::var_os("NOTIFY_SOCKET") {
        UnixDatagram::unbound()?.send_to(b"READY=1", manager)?;
    }
    loop {
        std::thread::park();
    }
}
