//! `ringrift status`: the one judgement of the suite, causes first, on one screen.
mod page;
mod tree;

use super::Done;
use super::out::Out;
use super::world::World;
use crate::contract::error::Exit;
use crate::contract::overview::{Overview, Verdict};
use crate::coordination::judge;
use clap::Args;

/// Show how the suite is: what is wrong and what to do first, then the loop, jobs, events and daemons. Starts nothing.
///
/// Exits with 0 when nothing is broken, 3 when the suite is not running, 4 when something is broken, 69 when systemd
/// cannot be asked.
#[derive(Debug, Args)]
pub struct Status {
    /// Also every process as a tree, every step and every consequence
    #[arg(short, long)]
    verbose: bool,
    /// With -v, also daemons that neither run nor are wanted, and planned ones
    #[arg(short, long)]
    all: bool,
    /// Print only the first line
    #[arg(long, conflicts_with_all = ["verbose", "all"])]
    check: bool,
}

impl Status {
    /// Prints it.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let overview = judge::overview(&world.facts(), env!("CARGO_PKG_VERSION"));
        if out.json {
            out.object(&overview)?;
        } else if self.check {
            out.text(&page::headline(&overview, out))?;
        } else {
            let mut text = page::page(&overview, self.verbose || self.all, out);
            if self.verbose || self.all {
                text += &tree::tree(&overview, self.all, out);
            }
            out.text(&text)?;
        }
        Ok(exit(&overview))
    }
}

/// How it ends, for scripts.
fn exit(overview: &Overview) -> Exit {
    match overview.verdict {
        Verdict::Unknown => Exit::Unavailable,
        _ if !overview.master.running => Exit::NotRunning,
        _ if overview.is_broken() => Exit::Broken,
        _ => Exit::Ok,
    }
}
