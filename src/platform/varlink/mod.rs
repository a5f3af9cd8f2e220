//! Varlink over Unix sockets: frames, a blocking client, and a server with a thread a connection. The event router has
//! its own, faster server; everybody else uses this one.
mod budget;
mod client;
mod frame;
mod peer;
mod server;

pub use budget::{Budget, Budgeted, ConnectionBudget, Limits, OverBudget};
pub use client::Client;
pub use frame::{FRAME_TIMEOUT, FrameError, Frames, write_frame};
pub use peer::{Caller, Peer, Suite};
pub use server::{Replies, Service, parse, parse_text, serve, serve_connection};
