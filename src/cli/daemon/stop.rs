//! `ringrift daemon stop`.
use super::select::Select;
use crate::cli::look::Seen;
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::cli::{Done, consent, control};
use crate::contract::registry::DaemonType;
use clap::Args;

/// Stop daemons; each has 30 seconds to finish. The master does not start them again until asked.
#[derive(Debug, Args)]
pub struct Stop {
    #[command(flatten)]
    select: Select,
    /// Do not ask before a category or all are stopped
    #[arg(short, long)]
    yes: bool,
}

/// Who would be stopped, by name: also what is only starting or waits to be restarted.
fn to_stop(daemons: &[DaemonType], seen: &Seen) -> Vec<String> {
    daemons.iter().filter(|d| !seen.is_down(**d)).map(|d| d.name().to_owned()).collect()
}

impl Stop {
    /// Asks the master, or systemd when there is no master, and prints what became of each.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let daemons = self.select.built(out)?;
        if !self.select.is_by_name() {
            consent::to_stop(self.yes, || {
                let seen = Seen::look(world)?;
                Ok(to_stop(&daemons, &seen))
            })?;
        }
        control::change(world, out, control::Change::Stop, &daemons)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::daemon::select;
    use crate::coordination::judge::planted::{of, well, wish};

    /// A stop takes down what starts, stops or is in backoff, so it is asked about; a restart of all brings it along.
    #[test]
    fn what_starts_or_waits_to_be_restarted_is_asked_about_and_restarted() {
        let with = |active: &str, sub: &str, queued: bool| {
            let mut facts = well();
            wish(&mut facts, DaemonType::FeedbackLoop, serde_json::json!({ "desired": false }));
            let unit = of(&mut facts, "ringrift-feedback-loop.service");
            (unit.active_state, unit.sub_state, unit.start_queued) = (active.into(), sub.into(), queued);
            let seen = Seen::of(facts).expect("systemd was asked");
            let daemons = [DaemonType::FeedbackLoop];
            let asked = to_stop(&daemons, &seen) == ["FEEDBACK_LOOP"];
            assert_eq!(select::wanted_of(daemons.to_vec(), &seen) == daemons, asked, "{active} {sub}");
            asked
        };
        for (active, sub) in [
            ("active", "running"),
            ("reloading", "reload"),
            ("activating", "start"),
            ("activating", "auto-restart"),
            ("deactivating", "stop-sigterm"),
        ] {
            assert!(with(active, sub, false), "{active} {sub}");
        }
        assert!(with("inactive", "dead", true), "its start is queued");
        assert!(!with("inactive", "dead", false) && !with("failed", "failed", false));
    }
}
