//! The coordinator: work queue, leases, limits. One thread owns the database and decides; everybody else asks it.
//!
//! `writer` runs every change in a savepoint of one IMMEDIATE transaction, lets `grant` fill the free slots, commits,
//! and only then answers, sends orders and wakes the publisher of the outbox.
mod agenda;
mod args;
mod bandwidth;
mod calls;
mod cancel;
mod change;
mod conditions;
mod decisions;
mod durations;
mod emergency;
mod enqueue;
mod expire;
mod failing;
mod fence;
mod finish;
mod flags;
mod folders;
mod gates;
mod grant;
mod guard;
mod halt;
mod interruptions;
mod jobs;
mod mailbox;
mod optimizer;
mod orders;
mod outbox;
mod outbox_signal;
mod pressure;
mod publisher;
mod purge;
mod query;
mod refusal;
mod reports;
mod rows;
mod run;
mod schedule;
mod schema;
mod service;
mod slots;
mod sockets;
mod speakers;
mod state;
mod status;
mod take;
#[cfg(test)]
mod tests;
mod tokens;
mod transition;
mod uids;
mod writer;

pub use run::main;
