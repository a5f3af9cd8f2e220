//! The event router as a process over its socket: protocol, delivery, trouble, and being killed.
// Tests kill processes of their own that they have not waited for yet: the pid is still theirs.
#![allow(clippy::disallowed_methods)]
mod authority;
mod bridge;
mod conformance;
mod delivery;
mod first_schema;
mod killed;
mod old;
mod power;
mod protocol;
mod torture;
mod trouble;
mod world;

#[path = "../until/mod.rs"]
mod until;
