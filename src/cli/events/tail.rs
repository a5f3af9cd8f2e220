//! `ringrift events tail`.
use super::filter::Filter;
use super::replay::print;
use crate::cli::Done;
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::contract::router::Replay;
use clap::Args;

/// Show the last events, and with -f those that come.
#[derive(Debug, Args)]
pub struct Tail {
    #[command(flatten)]
    filter: Filter,
    /// Go on with new events
    #[arg(short, long)]
    follow: bool,
    /// How many old ones
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
