//! `ringrift events tail`.
use super::filter::Filter;
use super::replay::print;
use crate::cli::Done;
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::contract::router::Replay;
use clap::Args;

/// Show the last events; -f follows new ones.
#[derive(Debug, Args)]
pub struct Tail {
    #[command(flatten)]
    filter: Filter,
    /// Follow new events
    #[arg(short, long)]
    follow: bool,
    /// Number of past events to show
    #[arg(short = 'n', long, default_value_t = 10, value_name = "N")]
    lines: u64,
}

impl Tail {
    /// Prints them.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let ask = Replay {
            interest: self.filter.interest()?,
            key: self.filter.key,
            last: Some(self.lines),
            follow: self.follow,
            ..Replay::default()
        };
        print(world, out, &ask)
    }
}
