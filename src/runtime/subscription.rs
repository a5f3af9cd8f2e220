//! The daemon's subscription: a thread that keeps a Subscribe stream to the router and forwards what it delivers.
use super::inbox::{Inbox, Message};
use crate::contract::backoff::Backoff;
use crate::contract::router::{self, Delivery, Subscribe};
use crate::contract::wire::CallError;
use crate::platform::threads;
use crate::platform::varlink::Client;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Delay before the first new try; doubles.
const FIRST: Duration = Duration::from_millis(100);
/// Longest delay between tries.
const LAST: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Wanted {
    open: bool,
    stream: Option<UnixStream>,
}

/// Opens and closes the stream.
pub struct Subscription {
    shared: Arc<(Mutex<Wanted>, Condvar)>,
}

impl Subscription {
    /// Starts the thread; closed at first.
    pub fn start(socket: PathBuf, subscribe: Subscribe, inbox: Inbox) -> std::io::Result<Subscription> {
        let shared = Arc::new((Mutex::new(Wanted::default()), Condvar::new()));
        let worker = Worker { socket, subscribe, inbox, shared: Arc::clone(&shared), generation: 0 };
        threads::small_part("subscription", move || worker.run())?;
        Ok(Subscription { shared })
    }
    /// Wants deliveries.
    pub fn open(&self) {
        lock(&self.shared.0).open = true;
        self.shared.1.notify_all();
    }
    /// Wants no deliveries; the stream is closed at once.
    pub fn close(&self) {
        let mut wanted = lock(&self.shared.0);
        wanted.open = false;
        if let Some(stream) = wanted.stream.take() {
            // The other end may be gone already, then there is nothing to close.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.shared.1.notify_all();
    }
}

fn lock(mutex: &Mutex<Wanted>) -> MutexGuard<'_, Wanted> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Worker {
    socket: PathBuf,
    subscribe: Subscribe,
    inbox: Inbox,
    shared: Arc<(Mutex<Wanted>, Condvar)>,
    generation: u64,
}

impl Worker {
    fn run(mut self) {
        let mut backoff = Backoff::new(FIRST, LAST);
        loop {
            let (mutex, changed) = &*self.shared;
            let closed = changed.wait_while(lock(mutex), |w| !w.open).unwrap_or_else(PoisonError::into_inner);
            drop(closed);
            self.generation += 1;
            let mut served = false;
            let Err(error) = self.stream(&mut served);
            if served {
                backoff.reset();
            }
            let still = lock(&self.shared.0).open;
            if still && self.inbox.send(Message::Unsubscribed { why: error.to_string() }).is_err() {
                return;
            }
            let (mutex, changed) = &*self.shared;
            // Waits for the delay, or shorter when the subscription is closed meanwhile.
            drop(
                changed
                    .wait_timeout_while(lock(mutex), backoff.wait(), |w| w.open)
                    .unwrap_or_else(PoisonError::into_inner),
            );
        }
    }

    fn stream(&self, served: &mut bool) -> Result<std::convert::Infallible, CallError> {
        let method = format!("{}.Subscribe", router::INTERFACE);
        let mut client = Client::connect(&self.socket, None)?;
        {
            let mut wanted = lock(&self.shared.0);
            if !wanted.open {
                return Err(self.ended(&method, "closed"));
            }
            // Without it the stream could not be closed.
            wanted.stream = Some(client.stream().try_clone().map_err(|e| self.ended(&method, &e.to_string()))?);
        }
        client.start(&method, &self.subscribe)?;
        loop {
            let (delivery, more): (Delivery, bool) = client.receive(&method)?;
            let generation = self.generation;
            if let Some(token) = delivery.token.clone() {
                *served = true;
                self.forward(Message::Subscribed { generation, token })?;
            }
            if delivery.event.is_some() {
                self.forward(Message::Delivered { generation, delivery: Box::new(delivery) })?;
            }
            if !more {
                return Err(self.ended(&method, "the router ended the subscription"));
            }
        }
    }

    fn forward(&self, message: Message) -> Result<(), CallError> {
        self.inbox.send(message).map_err(|_| self.ended("Subscribe", "the daemon ends"))
    }

    fn ended(&self, method: &str, why: &str) -> CallError {
        let (socket, kind) = (self.socket.display().to_string(), ErrorKind::ConnectionAborted);
        CallError::Transport { method: method.to_owned(), socket, kind, why: why.to_owned() }
    }
}
