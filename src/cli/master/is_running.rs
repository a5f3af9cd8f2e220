//! `ringrift master is-running`: whether a master runs, as an exit code; `is_master_loop_running` of the earlier
//! implementation.
use crate::cli::Done;
use crate::cli::out::{Out, Tone};
use crate::cli::world::World;
use crate::contract::error::Exit;
use clap::Args;

/// Check whether the master runs: exit with 0 if it does, else with 3.
#[derive(Debug, Args)]
pub struct IsRunning {
    /// Print nothing
    #[arg(short, long)]
    quiet: bool,
}

impl IsRunning {
    /// Says it.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let running = running(world);
        if !self.quiet {
            out.either("running", &running, || match running {
                true => format!("{}\n", out.paint(Tone::Good, "Master loop is active - full automation enabled")),
                false => format!("{}\n", out.paint(Tone::Warn, "Master loop is NOT running - limited automation")),
            })?;
        }
        Ok(if running { Exit::Ok } else { Exit::NotRunning })
    }
}

/// Whether the master runs: its lock, its name on the bus. Never a pid alone.
pub fn running(world: &World) -> bool {
    crate::master::guard::is_running_at(&world.run.join("master_loop.pid"), None)
}
