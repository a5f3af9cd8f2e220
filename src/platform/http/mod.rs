//! A small HTTP/1 server: each GET becomes a request of the contract and is answered by a function. Nobody who connects
//! can end it.
mod connection;
mod guests;
mod house;
mod names;
mod taken;
#[cfg(test)]
mod tests;

use crate::contract::coalesce::Coalesced;
use crate::platform::threads;
use guests::{Admission, Guests, Room};
pub use house::Answer;
use house::{House, Seat, Times, lock};
pub use names::Names;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};

/// `serve`, as a value: a program that does not name it has no HTTP server in it.
pub type Serve = fn(&[SocketAddr], Names, &Answer) -> io::Result<()>;

/// Longest time from a request's headers to its answer, and for its answer to be taken.
pub const DEADLINE: Duration = Duration::from_secs(15);
/// Longest time from a connection, or from the answer before, to the end of a request's headers.
const HEAD: Duration = Duration::from_secs(10);
/// Connections at once, of all ports together.
const ROOM: Room = Room { all: 256, each: 64 };
/// Requests that are asked of the daemon at once, which does one after the other anyway.
const TURNS: usize = 8;
/// Newcomers without a place who are told so at once; more are closed without a word.
const TURNED_AWAY: usize = 32;
/// Between two messages about the same trouble.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Between two tries to accept while descriptors or memory are short.
const SHORT: Duration = Duration::from_millis(100);

impl House {
    fn new(answer: &Answer, names: Names, times: Times, room: Room) -> Arc<House> {
        Arc::new(House {
            answer: Arc::clone(answer),
            names,
            times,
            turns: Arc::new(Semaphore::new(TURNS)),
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY)),
            guests: Arc::new(Mutex::new(Guests::new(room))),
            full: Mutex::new(Coalesced::new(TELL_EVERY)),
            refused: Mutex::new(Coalesced::new(TELL_EVERY)),
        })
    }

    /// Gives a newcomer a place, or tells him that there is none.
    fn seat(self: &Arc<Self>, stream: TcpStream, peer: IpAddr, port: u16) {
        let (end, ended) = oneshot::channel();
        // Bound first: the lock is not held when the connection that gives way is ended.
        let admission = lock(&self.guests).arrive(peer, end, Instant::now());
        let id = match admission {
            Admission::Seated(id) | Admission::InPlaceOf(id, _) => id,
            Admission::Full => return self.turn_away(stream, peer),
        };
        let seat = Seat { id, guests: Arc::clone(&self.guests) };
        let talk = connection::talk(stream, port, seat, Arc::clone(self));
        tokio::spawn(async move {
            tokio::select! {
                _ = ended => {}
                () = talk => {}
            }
        });
    }

    fn turn_away(&self, stream: TcpStream, peer: IpAddr) {
        if let Some(left_out) = lock(&self.full).admit(Instant::now()) {
            tracing::warn!(%peer, "too many active HTTP connections; answered with 503{left_out}");
        }
        if let Ok(turn) = Arc::clone(&self.turned_away).try_acquire_owned() {
            tokio::spawn(async move {
                connection::turn_away(stream).await;
                drop(turn);
            });
        }
    }

    /// Waits out what keeps us from accepting. A place becomes free, because what is short is most likely descriptors.
    async fn short(&self, error: &io::Error, port: u16) {
        drop(lock(&self.guests).give_way());
        if let Some(left_out) = lock(&self.refused).admit(Instant::now()) {
            tracing::warn!(%error, port, connections = lock(&self.guests).count(), "cannot accept an HTTP \
                connection{left_out}");
        }
        tokio::time::sleep(SHORT).await;
    }
}

/// Opens the sockets, then serves them on one thread. An address that cannot be opened is an error that names it.
pub fn serve(addresses: &[SocketAddr], names: Names, answer: &Answer) -> io::Result<()> {
    open(addresses, House::new(answer, names, Times { head: HEAD, answer: DEADLINE }, ROOM))
}

fn open(addresses: &[SocketAddr], house: Arc<House>) -> io::Result<()> {
    let named = |a: &SocketAddr, e: io::Error| io::Error::new(e.kind(), format!("listening on {a}: {e}"));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().max_blocking_threads(TURNS).build()?;
    let mut listeners = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(address).map_err(|e| named(address, e))?;
        listener.set_nonblocking(true).map_err(|e| named(address, e))?;
        let _inside = runtime.enter();
        listeners.push((address.port(), tokio::net::TcpListener::from_std(listener).map_err(|e| named(address, e))?));
    }
    threads::part("http", move || {
        runtime.block_on(async move {
            let mut accepting = tokio::task::JoinSet::new();
            for (port, listener) in listeners {
                accepting.spawn(accept(port, listener, Arc::clone(&house)));
            }
            // They accept for ever: what ends one is a panic, which ends the thread too.
            while let Some(ended) = accepting.join_next().await {
                if let Err(error) = ended {
                    std::panic::resume_unwind(error.into_panic());
                }
            }
        });
    })?;
    Ok(())
}

async fn accept(port: u16, listener: tokio::net::TcpListener, house: Arc<House>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => house.seat(stream, peer.ip(), port),
            Err(error) if of_the_newcomer(&error) => {}
            Err(error) => house.short(&error, port).await,
        }
    }
}

/// Whether an error of accept() is the end of the one connection that was to be accepted, and no shortage here.
fn of_the_newcomer(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::Interrupted
            | Kind::NetworkUnreachable
            | Kind::HostUnreachable
    )
}
