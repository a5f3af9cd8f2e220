//! What a connection has still to send, in order; answers that wait for the disk keep their place.
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{Notify, mpsc};

/// Calls of one connection that may wait for their answer.
pub const MAX_CALLS: usize = 1024;
/// Bytes in the box from which on streams and readers wait.
const MAX_BYTES: usize = 256 * 1024;
/// Bytes of publishes on their way to the disk from which on no more calls are read.
const MAX_HELD: usize = 8 << 20;
/// Bytes written at once.
const CHUNK: usize = 64 * 1024;

type PendingReply = Pin<Box<dyn Future<Output = Vec<u8>>>>;

enum Item {
    Now(Vec<u8>),
    /// Of this many calls, which hold this many bytes until then.
    PendingReply(PendingReply, usize, usize),
}

/// The box. Clones put into the same one.
#[derive(Clone)]
pub struct Outbox {
    items: mpsc::UnboundedSender<Item>,
    load: Rc<Load>,
}

#[derive(Default)]
struct Load {
    calls: Cell<usize>,
    held: Cell<usize>,
    bytes: Cell<usize>,
    less: Notify,
}

/// The task's end: sends until the box is dropped and empty, or the caller is gone.
pub struct Sending {
    items: mpsc::UnboundedReceiver<Item>,
    load: Rc<Load>,
    stream: OwnedWriteHalf,
}

/// A box for a socket's writing half.
pub fn new(stream: OwnedWriteHalf) -> (Outbox, Sending) {
    let (sender, items) = mpsc::unbounded_channel();
    let load = Rc::new(Load::default());
    (Outbox { items: sender, load: load.clone() }, Sending { items, load, stream })
}

impl Outbox {
    /// Sends bytes after all that is in the box. False: the caller is gone.
    pub fn now(&self, bytes: Vec<u8>) -> bool {
        self.load.bytes.set(self.load.bytes.get() + bytes.len());
        self.items.send(Item::Now(bytes)).is_ok()
    }
    /// Sends the answers of this many calls in their turn, when they are there; until then the calls hold this many
    /// bytes.
    pub fn later(&self, calls: usize, held: usize, answers: impl Future<Output = Vec<u8>> + 'static) {
        self.load.calls.set(self.load.calls.get() + calls);
        self.load.held.set(self.load.held.get() + held);
        // The receiver is gone when the caller is: nobody waits for the answer.
        let _ = self.items.send(Item::PendingReply(Box::pin(answers), calls, held));
    }
    /// Whether one more call may wait for its answer beside this many that are not in the box yet.
    pub fn may_wait(&self, coming: usize) -> bool {
        self.load.calls.get() + coming < MAX_CALLS
    }
    /// Bytes that wait: publishes for the disk, answers for their reader.
    pub fn held(&self) -> usize {
        self.load.held.get() + self.load.bytes.get()
    }
    /// Waits until there is room; false: the caller is gone.
    pub async fn room(&self) -> bool {
        while (self.load.bytes.get() >= MAX_BYTES || self.load.held.get() >= MAX_HELD) && !self.items.is_closed() {
            self.load.less.notified().await;
        }
        !self.items.is_closed()
    }
    /// Waits until all calls are answered; false: the caller is gone.
    pub async fn quiet(&self) -> bool {
        while self.load.calls.get() > 0 && !self.items.is_closed() {
            self.load.less.notified().await;
        }
        !self.items.is_closed()
    }
    /// Waits until the caller is gone.
    pub async fn gone(&self) {
        self.items.closed().await;
    }
}

impl Sending {
    /// Sends.
    pub async fn run(mut self) {
        let mut buffer = Vec::new();
        while let Some(item) = self.items.recv().await {
            let mut next = Some(item);
            while let Some(item) = next.take() {
                if !self.take(item, &mut buffer).await {
                    self.end();
                    return;
                }
                if buffer.len() < CHUNK {
                    next = self.items.try_recv().ok();
                }
            }
            if !self.flush(&mut buffer).await {
                self.end();
                return;
            }
        }
    }

    async fn take(&mut self, item: Item, buffer: &mut Vec<u8>) -> bool {
        match item {
            Item::Now(bytes) => buffer.extend_from_slice(&bytes),
            Item::PendingReply(mut answer, calls, held) => {
                let early = std::future::poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await;
                let bytes = match early {
                    Poll::Ready(bytes) => bytes,
                    Poll::Pending => {
                        // What is answered already need not wait for what is not.
                        if !self.flush(buffer).await {
                            return false;
                        }
                        answer.await
                    }
                };
                self.load.calls.set(self.load.calls.get() - calls);
                self.load.held.set(self.load.held.get() - held);
                self.load.bytes.set(self.load.bytes.get() + bytes.len());
                buffer.extend_from_slice(&bytes);
            }
        }
        true
    }

    async fn flush(&mut self, buffer: &mut Vec<u8>) -> bool {
        let sent = buffer.is_empty() || self.stream.write_all(buffer).await.is_ok();
        self.load.bytes.set(self.load.bytes.get().saturating_sub(buffer.len()));
        buffer.clear();
        self.load.less.notify_waiters();
        self.load.less.notify_one();
        sent
    }

    fn end(mut self) {
        self.items.close();
        self.load.less.notify_waiters();
        self.load.less.notify_one();
    }
}
