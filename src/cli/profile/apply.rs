//! `ringrift profile apply`.
use super::diff::plan_now;
use super::plan::{find, render};
use crate::cli::control::Master;
use crate::cli::look::Row;
use crate::cli::out::{Out, Tone};
use crate::cli::settle::{self, TargetState};
use crate::cli::world::World;
use crate::cli::{Done, text};
use crate::contract::error::{Exit, Failure};
use crate::contract::master::Plan;
use crate::contract::registry::DaemonType;
use clap::Args;
use serde::Serialize;
use std::time::Duration;

/// What was done, and what is not as it should be.
#[derive(Serialize)]
struct Applied<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    missing: &'a [Row],
}

/// Longest wait for what starts and stops.
const APPLY_TIMEOUT: Duration = Duration::from_secs(90);

/// Apply a profile: the master starts its members and stops all other daemons, also after reboots. Waits until they have started and stopped,
/// and exits with 1 if a daemon does not start.
#[derive(Debug, Args)]
pub struct Apply {
    /// The profile
    profile: String,
    /// Only print what would change
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not wait until the daemons have started and stopped
    #[arg(long)]
    no_wait: bool,
}

impl Apply {
    /// Applies it and prints what was done.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let wanted = find(&self.profile)?;
        if self.dry_run {
            let plan = plan_now(world, wanted)?;
            return out.either("plan", &plan, || render(&plan, out));
        }
        let plan = Master::connect(world, "applying a profile")?.apply(wanted)?;
        if self.no_wait {
            return out.either("applied", &plan, || render(&plan, out));
        }
        let known = |names: &[String], wish| names.iter().filter_map(|n| Some((DaemonType::parse(n).ok()?, wish))).collect::<Vec<_>>();
        let up = [known(&plan.start, TargetState::Up), known(&plan.stay, TargetState::Up)].concat();
        let wishes = [up.clone(), known(&plan.stop, TargetState::Down)].concat();
        let seen = settle::settle(world, &wishes, APPLY_TIMEOUT, |seen| seen.profile.is_none_or(|now| now == wanted))?;
        let Some(missing) = seen else {
            return Err(Failure::new(Exit::Failure, format!("another profile was applied while {wanted} was being applied"))
                .hint("`ringrift profile show` shows the applied profile"));
        };
        let value = Applied { plan: &plan, missing: &missing };
        out.either("applied", &value, || {
            let mut page = render(&plan, out);
            for row in &missing {
                let why = if row.reason.is_empty() { String::new() } else { format!(": {}", row.reason) };
                page += &format!("{} {} is {}{why}\n", out.paint(Tone::Bad, "×"), row.name, row.words());
            }
            let running = up.iter().filter(|(daemon, _)| missing.iter().all(|row| row.name != daemon.name())).count();
            page + &format!("{running} of {} run\n", text::count(up.len(), "daemon"))
        })?;
        Ok(if missing.is_empty() { Exit::Ok } else { Exit::Failure })
    }
}
