//! `ringrift jobs queue`: queued jobs and why they are queued; pausing and resuming the queue.
use super::out::{Out, Text, Tone};
use super::world::World;
use super::{Done, hub, text};
use crate::contract::coordinator::method;
use crate::contract::coordinator::{Accepted, WorkSelection, WorkStatus};
use crate::contract::error::Exit;
use crate::contract::reason;
use crate::contract::registry::Hub;
use clap::{Args, Subcommand};
use serde_json::json;
use std::collections::BTreeMap;

/// Show queued jobs and every reason why they are queued.
#[derive(Debug, Args)]
pub struct Queue {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show queued jobs and why (the default)
    Show,
    /// Start no jobs until resumed; running ones continue
    Pause {
        /// Reason
        reason: String,
    },
    /// Start jobs again
    Resume,
}

impl Queue {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        match self.verb {
            None | Some(Verb::Show) => show(world, out),
            Some(Verb::Pause { reason }) => {
                set(world, out, "Pause", &reason, "paused: no job starts", "was already paused")
            }
            Some(Verb::Resume) => set(world, out, "Resume", "", "resumed", "was not paused"),
        }
    }
}

fn set(world: &World, out: &Out, method: &str, reason: &str, done: &str, was: &str) -> Done {
    let answer: Accepted = hub::ask(world, Hub::Coordinator)?.call(method, &json!({ "reason": reason }))?;
    out.either("queue", &json!({ "changed": answer.accepted }), || match answer.accepted {
        true => format!("{} {done}\n", out.paint(Tone::Good, "●")),
        false => format!("{} {was}\n", out.paint(Tone::Dim, "○")),
    })?;
    Ok(if answer.accepted { Exit::Ok } else { Exit::Failure })
}

fn show(world: &World, out: &Out) -> Done {
    let mut coordinator = hub::ask(world, Hub::Coordinator)?;
    let status = coordinator.ask(method::Status, &json!({}))?;
    let safeguards = coordinator.ask(method::Safeguards, &json!({}))?;
    let waiting = WorkSelection::of(&[WorkStatus::Pending]).all(|page| coordinator.ask(method::List, page))?;
    let value = json!({
        "state": status.state, "counts": status.queue, "blocked": status.blocked, "signal": safeguards.signal,
        "waiting": waiting.iter().map(|i| json!({ "work_id": i.work_id, "work_type": i.work.work_type, "priority": i.work.priority,
            "config_key": i.work.config_key, "created_us": i.created_us, "why": i.waiting_for,
            "waits_for": reason::leading(&i.waiting_for, &i.waiting_codes) })).collect::<Vec<_>>(),
    });
    out.either("queue", &value, || {
        let [pending, claimed, running] =
            [WorkStatus::Pending, WorkStatus::Claimed, WorkStatus::Running].map(|s| status.count(s));
        let signal = &safeguards.signal;
        let mut page = format!(
            "{} {running} running, {claimed} starting, {pending} queued; back-pressure {} ({:.2}, self-play at {:.0} \
                %)\n",
            out.paint(if status.blocked.is_empty() { Tone::Good } else { Tone::Warn }, "●"),
            signal.level,
            signal.value,
            signal.multiplier * 100.0
        );
        for why in &status.blocked {
            page += &format!("  {} {why}\n", out.paint(Tone::Warn, "→"));
        }
        // Many wait for the same: each reason once, with how many it holds up.
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for why in waiting.iter().flat_map(|i| &i.waiting_for) {
            *reasons.entry(why.clone()).or_default() += 1;
        }
        page += &out
            .sentences(reasons.iter().map(|(why, n)| vec![Text::number(n.to_string()), Text::plain(why)]).collect());
        let rows = waiting.iter().take(30).map(|i| {
            vec![
                Text::plain(i.work_id.as_str()),
                Text::plain(i.work.work_type.name()),
                Text::plain(i.work.config_key.as_str()),
                Text::number(i.work.priority.to_string()),
                Text::number(text::age(i.created_us.us(), world.now_us)),
                Text::plain(reason::leading(&i.waiting_for, &i.waiting_codes).unwrap_or_default()),
            ]
        });
        let rows: Vec<_> = rows.collect();
        if !rows.is_empty() {
            page += &out.wrapped_table(&["ID", "TYPE", "CONFIG", "PRIO", "AGE", "QUEUED FOR"], rows);
        }
        page
    })
}
