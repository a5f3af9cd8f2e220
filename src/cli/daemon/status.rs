//! `ringrift daemon status`.
use super::select::Select;
use crate::cli::look::{Row, Seen};
use crate::cli::out::{Out, Tone};
use crate::cli::world::World;
use crate::cli::{Done, text};
use crate::contract::error::Exit;
use crate::contract::health::{HealthStatus, State};
use crate::contract::registry::DaemonType;
use clap::Args;

/// Show daemons in detail. Exits with 3 if one of them does not run.
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    select: Select,
}

impl Status {
    /// Prints it.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let seen = Seen::look(world)?;
        let rows: Vec<Row> = self.select.any(out)?.into_iter().map(|d| seen.daemon(d)).collect();
        let runs = |r: &Row| matches!(r.state, State::Running | State::Paused | State::Stale);
        let exit = if rows.iter().all(runs) { Exit::Ok } else { Exit::NotRunning };
        out.either("daemons", &rows, || {
            rows.iter().map(|r| page(r, &seen, world, out)).collect::<Vec<_>>().join("\n")
        })?;
        Ok(exit)
    }
}

fn page(row: &Row, seen: &Seen, world: &World, out: &Out) -> String {
    let spec = DaemonType::parse(&row.name).map(|d| d.spec());
    let purpose = spec.as_ref().map_or("", |s| s.purpose);
    let mut lines =
        vec![format!("{} {} - {purpose}", out.paint(row.tone(), row.dot()), out.paint(Tone::Bold, &row.name))];
    let mut add = |key: &str, value: String| {
        if !value.is_empty() {
            lines.push(format!("{key:>12}: {value}"));
        }
    };
    add("State", out.paint(row.tone(), &row.words()));
    // Of others the message stands beside the state.
    let is_well = row.health.status == HealthStatus::Healthy;
    let says = if is_well { row.health.message.as_str() } else { "" };
    add("Says", says.to_owned());
    add("Reason", row.reason.clone());
    add("Last error", row.last_error.clone().unwrap_or_default());
    add(
        "Since",
        row.since_us
            .map(|t| format!("{} ({} ago)", text::time(t, world.now_us), text::age(t, world.now_us)))
            .unwrap_or_default(),
    );
    add("Last", if says.ends_with(&row.last) { String::new() } else { row.last.clone() });
    for (key, value) in &row.health.details {
        add("Detail", format!("{key} = {value}"));
    }
    add("Restarts", row.restarts.map(|n| n.to_string()).unwrap_or_default());
    add("Memory", row.memory_bytes.map(text::bytes).unwrap_or_default());
    add("Main PID", row.main_pid.map(|p| p.to_string()).unwrap_or_default());
    add("Unit", row.unit.clone().unwrap_or_default());
    if let Ok(spec) = spec {
        let needs: Vec<&str> = spec.depends_on.iter().map(|d| d.name()).collect();
        add("Depends on", needs.join(", "));
        let wanted = if row.wanted { "in the applied profile" } else { "not in the applied profile" };
        add("Profile", format!("{wanted}{}", if row.critical { ", critical" } else { "" }));
    }
    // The same steps as `ringrift status` shows.
    if let Some(problem) = seen.problem(&row.name) {
        add("Problem", format!("{}: {}", problem.code, problem.title));
        problem.next.iter().for_each(|step| add("Next", step.command.clone()));
    }
    lines.join("\n") + "\n"
}
