//! The one channel into the main loop: whatever happens outside becomes a message here.
use crate::contract::daemon::{HttpRequest, HttpResponse};
use crate::contract::router::Delivery;
use crate::contract::wire::{Call, Reply};
use crate::platform::signals::Asked;
use std::sync::mpsc::Sender;

/// The channel's sending end.
pub type Inbox = Sender<Message>;

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
