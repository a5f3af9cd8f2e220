//! The one way into the main loop: signals, changed files and what other threads send become messages here, and one
//! poll(2) waits for all of them.
use crate::contract::daemon::{HttpRequest, HttpResponse};
use crate::contract::router::Delivery;
use crate::contract::wire::{Call, Reply};
use crate::platform::poll;
use crate::platform::signals::{Asked, Signals};
use crate::platform::watch::Watch;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// The sending end, for other threads.
#[derive(Debug, Clone)]
pub struct Inbox {
    messages: Sender<Message>,
    wake: Arc<UnixStream>,
}

impl Inbox {
    /// Sends, and wakes the main loop. Fails when the loop has ended.
    pub fn send(&self, message: Message) -> Result<(), Ended> {
        self.messages.send(message).map_err(|_| Ended)?;
        match (&*self.wake).write(&[0]) {
            // A full buffer wakes as well.
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(Ended),
        }
    }
}

/// The main loop has ended.
#[derive(Debug)]
pub struct Ended;

/// What the main loop waits for.
pub struct Outside {
    messages: Receiver<Message>,
    woken: UnixStream,
    signals: Signals,
    /// The control file; None when its folder cannot be watched.
    pub control: Option<Watch>,
    /// The file whose changes bring the next tick forward.
    pub early: Option<Watch>,
}

impl Outside {
    /// Both ends.
    pub fn new(signals: Signals) -> io::Result<(Inbox, Outside)> {
        let ((messages, received), (wake, woken)) = (channel(), UnixStream::pair()?);
        wake.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let inbox = Inbox { messages, wake: Arc::new(wake) };
        Ok((inbox, Outside { messages: received, woken, signals, control: None, early: None }))
    }

    /// Waits until something has happened, at most so long, and hands it out; signals first, which do not queue behind
    /// a row of events.
    pub fn wait(&mut self, limit: Duration) -> io::Result<Vec<Message>> {
        let mut waiting: Vec<BorrowedFd<'_>> = vec![self.woken.as_fd(), self.signals.as_fd()];
        waiting.extend([&self.control, &self.early].into_iter().flatten().map(Watch::as_fd));
        if !poll::readable(&waiting, limit)? {
            return Ok(Vec::new());
        }
        // Emptied before the messages are taken: a message that comes in between wakes once more.
        let mut wakes = [0; 64];
        while matches!((&self.woken).read(&mut wakes), Ok(64)) {}
        let mut happened = Vec::new();
        while let Some(asked) = self.signals.next()? {
            happened.push(Message::Signal(asked));
        }
        if self.control.as_ref().is_some_and(Watch::changed) {
            happened.push(Message::Control);
        }
        if self.early.as_ref().is_some_and(Watch::changed) {
            happened.push(Message::Early);
        }
        happened.extend(self.messages.try_iter());
        Ok(happened)
    }
}

/// What happened.
#[derive(Debug)]
pub enum Message {
    /// A signal came.
    Signal(Asked),
    /// The control file changed.
    Control,
    /// The next tick is wanted now.
    Early,
    /// The router knows the subscription; deliveries of the same generation follow.
    Subscribed {
        /// Counts connections.
        generation: u64,
        /// For Ack and Nack.
        token: String,
    },
    /// An event.
    Delivered {
        /// Of the connection.
        generation: u64,
        /// The delivery.
        delivery: Box<Delivery>,
    },
    /// The subscription's connection is gone or could not be made; it is tried again.
    Unsubscribed {
        /// What the system or the router said.
        why: String,
    },
    /// A Varlink call on the daemon's own socket.
    Call {
        /// The call.
        call: Call,
        /// Where its answer goes.
        answer: Sender<Reply>,
    },
    /// An HTTP request.
    Http {
        /// The request.
        request: HttpRequest,
        /// Where its answer goes.
        answer: Sender<HttpResponse>,
    },
}
