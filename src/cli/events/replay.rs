//! `ringrift events replay`: reads the log; nothing is delivered to anybody.
use super::filter::Filter;
use super::line::line;
use crate::cli::Done;
use crate::cli::hub;
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::contract::error::Exit;
use crate::contract::registry::Hub;
use crate::contract::router::{self, Delivery};
use clap::Args;
use serde_json::json;

/// Print a range of the log. Nothing is delivered to daemons.
#[derive(Debug, Args)]
pub struct Replay {
    #[command(flatten)]
    filter: Filter,
    /// First position in the log
    #[arg(long, default_value_t = 0, value_name = "SEQ")]
    from: u64,
    /// Last position in the log
    #[arg(long, value_name = "SEQ")]
    to: Option<u64>,
}

impl Replay {
    /// Prints it.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let ask = router::Replay {
            from: self.from,
            to: self.to,
            interest: self.filter.interest()?,
            key: self.filter.key,
            ..router::Replay::default()
        };
        print(world, out, &ask)
    }
}

/// Prints the events of a Replay as they come; as JSON one object a line.
pub fn print(world: &World, out: &Out, ask: &router::Replay) -> Done {
    let mut router = hub::ask(world, Hub::Router)?;
    router.stream("Replay", ask, ask.follow, |delivery: Delivery| match delivery.event {
        None => Ok(()),
        Some(event) if out.json => {
            out.line(&json!({ "schema": crate::cli::out::SCHEMA, "seq": delivery.seq, "event": event }))
        }
        Some(event) => out.text(&line(delivery.seq, &event, world, out)),
    })?;
    Ok(Exit::Ok)
}
