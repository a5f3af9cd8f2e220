//! The event router as a process over its socket: protocol, delivery, trouble, and being killed.
mod delivery;
mod killed;
mod protocol;
mod trouble;
mod world;
