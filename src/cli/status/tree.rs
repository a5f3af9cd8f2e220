//! `ringrift status -v`: every process by category, and the jobs.
use crate::cli::look::{dot, tone};
use crate::cli::out::{Out, Text, Tone};
use crate::cli::text;
use crate::contract::health::{HealthStatus, State};
use crate::contract::overview::{Overview, Process};
use crate::contract::registry::Category;

/// The tree.
pub fn tree(o: &Overview, all: bool, out: &Out) -> String {
    let mut rows = Vec::new();
    let categories = std::iter::once("hub").chain(Category::ALL.into_iter().map(Category::name));
    for category in categories {
        let members: Vec<&Process> =
            o.processes.iter().filter(|p| p.category == category && (all || is_shown(p))).collect();
        branch(&mut rows, category, &members, o);
    }
    let mut page = format!("\n{}", out.table(&["", "STATE", "RESTARTS", "MEMORY", "SINCE", "ACTIVITY"], rows));
    if !all {
        let planned = o.processes.iter().filter(|p| p.state == State::Planned).count();
        let idle = o.processes.iter().filter(|p| !is_shown(p)).count() - planned;
        let note = format!("not shown: {idle} that never ran here, {planned} planned; --all shows them");
        page += &format!("{}\n", out.paint(Tone::Dim, &note));
    }
    page
}

fn is_shown(p: &Process) -> bool {
    p.state != State::Planned && (p.member || p.wanted || !matches!(p.state, State::NeverRan | State::CannotStart))
}

/// Adds a heading and its members.
fn branch(rows: &mut Vec<Vec<Text>>, heading: &str, members: &[&Process], o: &Overview) {
    let Some(last) = members.len().checked_sub(1) else { return };
    rows.push(vec![Text::new(Tone::Bold, if heading == "hub" { "hubs" } else { heading })]);
    for (at, process) in members.iter().enumerate() {
        rows.push(line(process, if at == last { "└─" } else { "├─" }, o));
    }
}

fn line(p: &Process, twig: &str, o: &Overview) -> Vec<Text> {
    let tone = tone(p.state, p.health.status, p.wanted);
    // A green dot says healthy; everything else is said in words.
    let health = match (p.state, p.health.status) {
        (State::Running, HealthStatus::Healthy) => String::new(),
        (State::Running | State::Stale, status) => format!(" {status}"),
        _ => String::new(),
    };
    let says = match (p.state, p.reason.is_empty(), p.health.is_healthy()) {
        (_, false, _) => p.reason.clone(),
        (State::Running, true, false) if !p.health.message.is_empty() => p.health.message.clone(),
        _ => p.last.clone(),
    };
    vec![
        Text::new(tone, format!("{twig}{} {}", dot(p.state), p.name)),
        Text::new(tone, format!("{}{health}", p.state)),
        Text::number(p.restarts.map(|n| n.to_string()).unwrap_or_default()),
        Text::number(p.memory_bytes.map(text::bytes).unwrap_or_default()),
        Text::number(
            p.since_us.filter(|_| p.state != State::NeverRan).map(|t| text::age(t, o.time_us)).unwrap_or_default(),
        ),
        Text::plain(says),
    ]
}
