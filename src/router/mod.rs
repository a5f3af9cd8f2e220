//! The event router (EVENT_ROUTER): the event log, subscriber state, dead letters.
//!
//! An event comes in over a connection (`connection`, `publish`), is checked and brought into its stored form
//! (`prepare`), and is committed with others by the one writing thread (`writer`, `store`), which answers only then.
//! The hub (`hub`) keeps the newest events at hand and wakes streams (`stream`); each subscription's state machine
//! (`delivery`) decides what goes out.
mod absent;
mod age;
mod authority;
mod canonical;
mod checkpoint;
mod command;
mod connection;
pub mod delivery;
mod frames;
#[cfg(test)]
mod fuzz;
mod hub;
mod ids;
mod incoming;
mod kinds;
mod meter;
mod methods;
mod outbox;
mod prepare;
mod publish;
mod reader;
mod refusal;
mod replay;
mod run;
mod settings;
mod socket;
mod standing;
mod stats;
mod store;
mod stream;
mod subscriptions;
mod tail;
mod upkeep;
mod writer;

use crate::contract::error::{Exit, chain};
use crate::contract::messages;
use crate::platform::journal;
use clap::Parser;
use std::process::ExitCode;

pub use settings::Args;

/// The process.
pub fn main() -> ExitCode {
    let args = Args::parse();
    journal::init("ringrift-event-router");
    let Err(failure) = run::run(&args) else { return Exit::Ok.into() };
    let hint = failure.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    if failure.exit == Exit::Config {
        tracing::error!(MESSAGE_ID = messages::CONFIG_REFUSED, "{}{hint}", chain(&failure));
    } else {
        tracing::error!("{}{hint}", chain(&failure));
    }
    failure.exit.into()
}
