//! `ringrift emergency halt`.
use super::page::page;
use crate::cli::out::{Out, Tone};
use crate::cli::world::World;
use crate::cli::{Done, hub};
use crate::contract::coordinator::Emergency;
use crate::contract::coordinator::method;
use crate::contract::error::{Exit, Failure};
use crate::contract::registry::Hub;
use crate::platform::systemd::SystemdView;
use clap::Args;
use serde_json::json;
use std::io::Write;

/// Kill every job and start no more, at once. Persists across restarts and reboots until cleared by hand.
#[derive(Debug, Args)]
pub struct Halt {
    /// Reason, shown while the halt is in effect
    reason: String,
}

impl Halt {
    /// Asks the coordinator, which is started if it is away; where that does not help, does what can be done without
    /// it.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let asked = hub::reach(world, Hub::Coordinator)
            .and_then(|mut c| c.ask(method::Halt, &json!({ "reason": self.reason })));
        match asked {
            Ok(Emergency { emergency }) => out.either("emergency", &emergency, || page(&emergency, world, out)),
            Err(why) => self.alone(world, out, why),
        }
    }

    fn alone(&self, world: &World, out: &Out, why: Failure) -> Done {
        let flag = world.run.join("EMERGENCY_HALT");
        // The coordinator takes the flag for a halt as soon as it is back.
        let written = match std::fs::File::create_new(&flag) {
            Ok(mut file) => file.write_all(format!("{}\n", self.reason).as_bytes()),
            // It is set already.
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(e) => Err(e),
        };
        written.map_err(|e| {
            Failure::new(why.exit, format!("halting without the coordinator: writing {}: {e}", flag.display()))
                .hint("run it as root, or kill the jobs with `systemctl kill --signal=KILL ringrift-jobs.slice`")
                .caused_by(why)
        })?;
        let systemd = SystemdView::at(None, world.run.clone());
        let slice = "ringrift-jobs.slice";
        let killed = systemd.kill(&[slice.to_owned()]).and_then(|()| systemd.stop(slice));
        killed.map_err(|e| {
            Failure::new(Exit::Unavailable, "the flag is set, but the jobs could not be killed").caused_by(e)
        })?;
        out.either("emergency", &json!({ "halted": true, "coordinator": false }), || {
            let dot = out.paint(Tone::Warn, "●");
            format!(
                "{dot} HALTED without the coordinator: flag set, {slice} killed; the coordinator stores the halt \
                when it runs again\n"
            )
        })
    }
}
