//! `ringrift profile apply`.
use super::diff::plan_now;
use super::plan::{Tense, find, render};
use crate::cli::bar::Bar;
use crate::cli::control::Master;
use crate::cli::look::Row;
use crate::cli::out::{Out, Tone};
use crate::cli::settle::{self, TargetState};
use crate::cli::world::World;
use crate::cli::{Done, consent, text};
use crate::contract::error::{Exit, Failure};
use crate::contract::master::Plan;
use crate::contract::registry::DaemonType;
use crate::platform::interrupt;
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

/// Apply a profile: the master starts its members and stops all other daemons, also after reboots. Waits until they
/// have started and stopped, and exits with 1 if a daemon does not start. `ringrift profile undo` goes back.
#[derive(Debug, Args)]
pub struct Apply {
    /// The profile
    profile: String,
    #[command(flatten)]
    how: How,
}

/// How a change of what runs is carried out.
#[derive(Debug, Args)]
pub struct How {
    /// Only print what would change
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Do not wait until the daemons have started and stopped
    #[arg(long)]
    pub no_wait: bool,
    /// Do not ask before several daemons are stopped
    #[arg(short, long)]
    pub yes: bool,
}

impl Apply {
    /// Applies it and prints what was done.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let wanted = find(&self.profile)?;
        let how = self.how;
        if how.dry_run {
            let plan = plan_now(world, wanted)?;
            return out.either("plan", &plan, || render(&plan, Tense::Would, out));
        }
        let master = Master::connect(world, "applying a profile")?;
        consent::to_stop(how.yes, || Ok(master.plan(wanted)?.stop))?;
        carry_out(world, out, how.no_wait, || master.apply(wanted))
    }
}

/// What was done of a plan: all but what is not as it should be.
fn without(plan: &Plan, missing: &[Row]) -> Plan {
    let mut done = plan.clone();
    for names in [&mut done.start, &mut done.stop, &mut done.stay] {
        names.retain(|name| missing.iter().all(|row| row.name != *name));
    }
    done
}

/// Has a plan carried out, waits for its end and prints what became of it.
pub fn carry_out(world: &World, out: &Out, no_wait: bool, ask: impl FnOnce() -> Result<Plan, Failure>) -> Done {
    let plan = ask()?;
    interrupt::tell(
        "The master continues with the profile; `ringrift status` shows it, `ringrift profile undo` goes back.",
    );
    if no_wait {
        return out.either("applied", &plan, || render(&plan, Tense::Begun, out));
    }
    let wanted = find(&plan.profile)?;
    let known = |names: &[String], wish| {
        names.iter().filter_map(|n| Some((DaemonType::parse(n).ok()?, wish))).collect::<Vec<_>>()
    };
    let up = [known(&plan.start, TargetState::Up), known(&plan.stay, TargetState::Up)].concat();
    let wishes = [up.clone(), known(&plan.stop, TargetState::Down)].concat();
    let bar = Bar::new("daemons are as the profile wants them");
    let mut progress = |done, all| bar.at(done, all);
    let seen = settle::settle(
        world,
        &wishes,
        APPLY_TIMEOUT,
        |seen| seen.profile.is_none_or(|now| now == wanted),
        &mut progress,
    )?;
    drop(bar);
    let Some(missing) = seen else {
        return Err(Failure::new(
            Exit::Failure,
            format!("another profile was applied while {wanted} was being applied"),
        )
        .hint("`ringrift profile show` shows the applied profile"));
    };
    let value = Applied { plan: &plan, missing: &missing };
    out.either("applied", &value, || {
        let mut page = render(&without(&plan, &missing), Tense::Done, out);
        for row in &missing {
            let why = if row.reason.is_empty() { String::new() } else { format!(": {}", row.reason) };
            page += &format!("{} {} is {}{why}\n", out.paint(Tone::Bad, "×"), row.name, row.words());
        }
        let running = up.iter().filter(|(daemon, _)| missing.iter().all(|row| row.name != daemon.name())).count();
        page += &format!("{running} of {} run\n", text::count(up.len(), "daemon"));
        if !plan.start.is_empty() || !plan.stop.is_empty() {
            page += &out.paint(Tone::Dim, "back: ringrift profile undo\n");
        }
        page
    })?;
    Ok(if missing.is_empty() { Exit::Ok } else { Exit::Failure })
}
