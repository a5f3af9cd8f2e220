//! `ringrift master ensure`: makes sure that a master runs before an operation, or warns; the earlier implementation's
//! `ensure_master_loop_running` and `check_or_warn`.
use super::is_running::running;
use crate::cli::Done;
use crate::cli::out::{Out, Tone};
use crate::cli::world::World;
use crate::contract::error::{Exit, Failure};
use crate::master::guard;
use clap::Args;

/// Exit with 3 if the master does not run; RINGRIFT_SKIP_MASTER_LOOP_CHECK=1 disables the check.
///
/// For scripts: `ringrift master ensure --operation "nightly tournament" && …`
#[derive(Debug, Args)]
pub struct Ensure {
    /// Name of the operation, for the message
    #[arg(short, long, default_value = "this operation")]
    operation: String,
    /// Only warn
    #[arg(short, long, conflicts_with = "require_for_automation")]
    warn: bool,
    /// Fail even if master.required is false; without --warn and --require, master.required decides
    #[arg(long)]
    require_for_automation: bool,
}

impl Ensure {
    /// Fails, warns, or says nothing.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let config = world.config().map(|l| l.config.master).unwrap_or_default();
        if guard::is_skipped() || config.skip_check || running(world) {
            return Ok(Exit::Ok);
        }
        let message = format!("{} needs the master, which is not running", self.operation);
        if self.require_for_automation || (config.required && !self.warn) {
            let hint = "start it with `systemctl start ringrift-master.target`, or set \
                RINGRIFT_SKIP_MASTER_LOOP_CHECK=1 for a test";
            return Err(Failure::new(Exit::NotRunning, message).hint(hint));
        }
        out.aside(Tone::Warn, "warning:", &format!("{message}; continuing with limited automation"));
        out.aside(Tone::Dim, "  →", "systemctl start ringrift-master.target");
        Ok(Exit::Ok)
    }
}
