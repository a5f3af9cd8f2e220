//! `ringrift status`: what is wrong first, then hubs, daemons and jobs as a tree.
use super::look::{JobRow, MASTER, Row, Seen, WATCH};
use super::out::{Out, Text, Tone};
use super::world::World;
use super::{Done, hub, text};
use crate::contract::catalog::StageState;
use crate::contract::error::Exit;
use crate::contract::health::{HealthStatus, Idle, State};
use crate::contract::registry::{Category, Hub};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

/// Show the whole suite: what is wrong first, then every daemon and job. Starts nothing.
///
/// Exits with 3 when the master does not run.
#[derive(Debug, Args)]
pub struct Status {
    /// Also daemons that neither run nor are wanted, and planned ones
    #[arg(short, long)]
    all: bool,
}

#[derive(Serialize)]
struct Overview {
    master_running: bool,
    profile: Option<&'static str>,
    /// Why the loop stands still, by the daemons that wait for work; empty while it turns.
    standing: Vec<Idle>,
    problems: Vec<Problem>,
    /// What is no fault and an operator wants to know: configurations that began anew.
    notes: Vec<String>,
    hubs: Vec<Row>,
    daemons: Vec<Row>,
    jobs: Vec<JobRow>,
}

/// Longest wait for the catalog's notes; DATA_PIPELINE may be busy with a large file.
const CATALOG_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Listed {
    stages: Vec<StageState>,
}

#[derive(Serialize)]
struct Problem {
    name: String,
    what: String,
    next: String,
}

impl Status {
    /// Prints it.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let seen = Seen::look(world)?;
        let overview = overview(&seen, world);
        let exit = if overview.master_running { Exit::Ok } else { Exit::NotRunning };
        if out.json {
            out.value("status", &overview)?;
        } else {
            out.text(&self.render(&overview, &seen, world, out))?;
        }
        Ok(exit)
    }

    fn render(&self, o: &Overview, seen: &Seen, world: &World, out: &Out) -> String {
        let mut page = headline(o, seen, out);
        let sentences = o.problems.iter().flat_map(|p| {
            let what = vec![Text::new(Tone::Bad, "!"), Text::plain(format!("{}: {}", p.name, p.what))];
            [what, vec![Text::dim("→"), Text::new(Tone::Busy, &p.next)]]
        });
        let standing = o.standing.iter().flat_map(|idle| {
            let what = vec![Text::new(Tone::Warn, "!"), Text::plain(idle.to_string())];
            [what, vec![Text::dim("→"), Text::new(Tone::Busy, "ringrift queue")]]
        });
        page += &out.sentences(standing.collect());
        page += &out.sentences(sentences.collect());
        page += &out.sentences(o.notes.iter().map(|n| vec![Text::new(Tone::Busy, "i"), Text::plain(n.clone())]).collect());
        page.push('\n');
        let mut rows = Vec::new();
        branch(&mut rows, "hubs", o.hubs.iter().collect(), world);
        for category in Category::ALL {
            let members: Vec<&Row> = o.daemons.iter().filter(|r| r.category == category.name() && (self.all || r.is_shown())).collect();
            branch(&mut rows, category.name(), members, world);
        }
        jobs(&mut rows, &o.jobs, world);
        page += &out.table(&["", "STATE", "↻", "MEMORY", "SINCE", "LAST"], rows);
        if !self.all {
            let planned = o.daemons.iter().filter(|r| r.state == State::Planned).count();
            let idle = o.daemons.iter().filter(|r| !r.is_shown()).count() - planned;
            let note = format!("\nnot shown: {idle} that never ran here, {planned} planned; --all shows them");
            page += &format!("{}\n", out.paint(Tone::Dim, &note));
        }
        page
    }
}

fn overview(seen: &Seen, world: &World) -> Overview {
    let (hubs, daemons) = (seen.hubs(world), seen.daemons(world));
    let master_running = seen.is_active(MASTER);
    let mut problems = Vec::new();
    if !master_running {
        let row = hubs.iter().find(|h| h.name == "master");
        let (what, next) = match row.map(|r| (r.state, &r.reason)) {
            Some((State::Failed | State::CannotStart, reason)) => (
                format!("FAILED: {reason}; `journalctl -u {MASTER} -n 50` says why"),
                "systemctl restart ringrift-master.target".to_owned(),
            ),
            Some((State::Initializing, reason)) => {
                (format!("it is being started: {reason}"), "ringrift status, again in a moment".to_owned())
            }
            _ => {
                let what = "the master loop is not running: nothing is reconciled, no job starts";
                (what.to_owned(), "systemctl start ringrift-master.target".to_owned())
            }
        };
        problems.push(Problem { name: "master".into(), what: what.trim_end_matches(": ").to_owned(), next });
    }
    if let Some(why) = &seen.silent {
        problems.push(Problem {
            name: "master".into(),
            what: format!("it runs and does not answer: {why}"),
            next: format!("journalctl -u {MASTER} -n 50"),
        });
    }
    if master_running && !seen.is_active(WATCH) {
        problems.push(Problem {
            name: WATCH.into(),
            what: "the watch over the emergency flags does not run; the coordinator looks at them itself, once a second".into(),
            next: format!("systemctl restart {WATCH}"),
        });
    }
    for socket in seen.failed_sockets() {
        problems.push(Problem {
            name: socket.name.clone(),
            what: "failed: nobody can reach its hub".into(),
            next: format!("systemctl reset-failed {0}; systemctl start {0}", socket.name),
        });
    }
    problems.extend(hubs.iter().chain(&daemons).filter(|r| r.name != "master" && r.is_wrong()).map(problem));
    let notices = world.notices.read();
    problems.extend(notices.iter().map(|n| Problem { name: n.id.clone(), what: n.what.clone(), next: n.next.clone() }));
    // What the master says beyond single daemons: subscriptions, a hub it cannot bring back.
    for said in seen
        .master
        .iter()
        .flat_map(|m| &m.problems)
        .filter(|said| !daemons.iter().any(|r| said.starts_with(&r.name)) && !notices.iter().any(|n| said.starts_with(&n.what)))
    {
        problems.push(Problem { name: "master".into(), what: said.clone(), next: format!("journalctl -u {MASTER} -n 50") });
    }
    let profile = seen.profile.map(|p| p.name());
    let standing: BTreeSet<Idle> = daemons.iter().filter_map(|r| r.idle.clone()).collect();
    let standing = standing.into_iter().collect();
    Overview { master_running, profile, standing, problems, notes: begun_anew(world), hubs, daemons, jobs: seen.jobs() }
}

/// Configurations that began anew, from the catalog if it is there: no answer is no fault of theirs, and is shown with its daemon.
fn begun_anew(world: &World) -> Vec<String> {
    let asked = hub::ask_within(world, Hub::Catalog, CATALOG_TIMEOUT).and_then(|mut catalog| catalog.call::<Listed>("Stages", &json!({})));
    let stages = asked.map(|listed| listed.stages).unwrap_or_default();
    stages.iter().filter_map(|s| s.began_anew().map(|why| format!("{} {why}", s.config_key))).collect()
}

fn problem(row: &Row) -> Problem {
    let reason = if row.reason.is_empty() { String::new() } else { format!(": {}", row.reason) };
    let unit = row.unit.as_deref().unwrap_or_default();
    let next = match row.state {
        State::CannotStart if row.refused => "ringrift config check".to_owned(),
        State::Failed if row.category == "hub" => format!("systemctl restart {unit}"),
        State::Stopped | State::Failed => format!("ringrift daemon start {}", row.name),
        State::Blocked => "ringrift status again in a moment; it starts when what it waits for is there".to_owned(),
        _ if row.category == "hub" => format!("journalctl -u {unit} -n 50"),
        _ => format!("ringrift daemon logs {}", row.name),
    };
    Problem { name: row.name.clone(), what: format!("{}{reason}", row.words()), next }
}

fn headline(o: &Overview, seen: &Seen, out: &Out) -> String {
    let wanted: Vec<&Row> = o.daemons.iter().filter(|r| r.wanted && r.state != State::Planned).collect();
    let up = |rows: &[&Row]| rows.iter().filter(|r| matches!(r.state, State::Running | State::Paused | State::Stale)).count();
    let all: Vec<&Row> = o.daemons.iter().collect();
    let running =
        if wanted.is_empty() { format!("{} daemons run", up(&all)) } else { format!("{} of {} daemons run", up(&wanted), wanted.len()) };
    let profile = o.profile.map_or_else(|| "no profile known".to_owned(), |p| format!("profile {p}"));
    let (tone, verdict) = match (o.master_running, o.problems.len()) {
        (true, 0) if o.standing.is_empty() => (Tone::Good, "all is well".to_owned()),
        (true, 0) => (Tone::Warn, "the loop stands still".to_owned()),
        (true, n) if o.standing.is_empty() => (Tone::Warn, text::count(n, "problem")),
        (true, n) => (Tone::Warn, format!("the loop stands still, {}", text::count(n, "problem"))),
        (false, _) if up(&all) == 0 => (Tone::Dim, "the suite is not running".to_owned()),
        (false, _) => (Tone::Bad, "no master".to_owned()),
    };
    let beat = seen.master.as_ref().map(|m| format!(", turn {}, {:.0} s ago", m.loop_iteration, m.age_seconds));
    let line = format!("{profile}, {running}, {} run{}", text::count(o.jobs.len(), "job"), beat.unwrap_or_default());
    let dot = if o.master_running { "●" } else { "○" };
    format!("{} {} {}\n  {}\n", out.paint(tone, dot), out.paint(Tone::Bold, "ringrift:"), out.paint(tone, &verdict), line)
}

/// Adds a heading and its members.
fn branch(rows: &mut Vec<Vec<Text>>, heading: &str, members: Vec<&Row>, world: &World) {
    if members.is_empty() {
        return;
    }
    rows.push(vec![Text::new(Tone::Bold, heading)]);
    let last = members.len() - 1;
    for (at, row) in members.into_iter().enumerate() {
        rows.push(line(row, if at == last { "└─" } else { "├─" }, world));
    }
}

fn line(row: &Row, twig: &str, world: &World) -> Vec<Text> {
    // A green dot says healthy; everything else is said in words.
    let health = match (row.state, row.health.status) {
        (State::Running, HealthStatus::Healthy) => String::new(),
        (State::Running | State::Stale, status) => format!(" {status}"),
        _ => String::new(),
    };
    let says = match (row.state, row.reason.is_empty(), row.health.is_healthy()) {
        (_, false, _) => row.reason.clone(),
        (State::Running, true, false) if !row.health.message.is_empty() => row.health.message.clone(),
        _ => row.last.clone(),
    };
    vec![
        Text::new(row.tone(), format!("{twig}{} {}", row.dot(), row.name)),
        Text::new(row.tone(), format!("{}{health}", row.state)),
        Text::number(row.restarts.map(|n| n.to_string()).unwrap_or_default()),
        Text::number(row.memory_bytes.map(text::bytes).unwrap_or_default()),
        Text::number(row.since_us.filter(|_| row.state != State::NeverRan).map(|t| text::age(t, world.now_us)).unwrap_or_default()),
        Text::plain(says),
    ]
}

fn jobs(rows: &mut Vec<Vec<Text>>, jobs: &[JobRow], world: &World) {
    if jobs.is_empty() {
        return;
    }
    rows.push(vec![Text::new(Tone::Bold, "jobs")]);
    for (at, job) in jobs.iter().enumerate() {
        let twig = if at + 1 == jobs.len() { "└─" } else { "├─" };
        let tone = if job.active_state == "failed" { Tone::Bad } else { Tone::Good };
        rows.push(vec![
            Text::new(tone, format!("{twig}● {}", job.job_id)),
            Text::new(tone, job.job_type.name()),
            Text::plain(""),
            Text::number(job.memory_bytes.map(text::bytes).unwrap_or_default()),
            Text::number(job.since_us.map(|t| text::age(t, world.now_us)).unwrap_or_default()),
            Text::plain(&job.status),
        ]);
    }
}
