//! The event router (EVENT_ROUTER): the event log, subscriber state, dead letters.
//!
//! An event comes in over a connection (`connection`, `methods`), is checked and brought into its stored form (`prepare`), and is
//! committed with others by the one writing thread (`writer`, `store`), which answers only then. The hub (`hub`) keeps the newest
//! events at hand and wakes streams (`stream`); each subscription's state machine (`delivery`) decides what goes out.
mod canonical;
mod checkpoint;
mod connection;
pub mod delivery;
mod frames;
mod hub;
mod kinds;
mod methods;
mod outbox;
mod prepare;
mod reader;
mod refusal;
mod replay;
mod run;
mod settings;
mod socket;
mod stats;
mod store;
mod stream;
mod subscriptions;
mod tail;
mod upkeep;
mod writer;

use crate::contract::config::Config;
use crate::contract::error::{Exit, Failure, chain};
use clap::Parser;
use std::process::ExitCode;

pub use settings::Args;

/// The process.
pub fn main() -> ExitCode {
    let args = Args::parse();
    init_log();
    match run::run(&args) {
        Ok(()) => Exit::Ok.into(),
        Err(failure) => {
            tracing::error!("{}", chain(&failure));
            if let Some(hint) = &failure.hint {
                tracing::error!("{hint}");
            }
            failure.exit.into()
        }
    }
}

/// Lines on stderr, which systemd takes to the journal.
fn init_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("RINGRIFT_LOG").unwrap_or_else(|_| "info".into());
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).without_time().with_target(false);
    // A second call in one process keeps the first.
    let _ = lines.try_init();
}

/// The configuration in force.
fn load_config() -> Result<Config, Failure> {
    Ok(Config::default())
}
