//! Orders on their way to one connected master: the writer puts them in, the connection's thread takes them out.
use crate::contract::coordinator::Order;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

/// Orders for one connected master, and a way to wake its thread.
pub struct Mailbox {
    letters: Mutex<Letters>,
    wake: UnixStream,
}

#[derive(Default)]
struct Letters {
    orders: VecDeque<Order>,
    closed: bool,
}

impl Mailbox {
    /// An empty one, and the end at which its thread waits.
    pub fn new() -> io::Result<(Arc<Mailbox>, UnixStream)> {
        let (wake, woken) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        Ok((Arc::new(Mailbox { letters: Mutex::default(), wake }), woken))
    }
    /// Puts an order in.
    pub fn put(&self, order: Order) {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).orders.push_back(order);
        self.wake();
    }
    /// No more orders: another connection has taken over.
    pub fn close(&self) {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.wake();
    }
    fn wake(&self) {
        // A full buffer means that it has been woken already.
        let _ = (&self.wake).write(&[1]);
    }
    /// All orders that are in it, and whether there will be no more.
    pub fn take(&self) -> (VecDeque<Order>, bool) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut letters.orders), letters.closed)
    }
}
