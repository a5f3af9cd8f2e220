//! The tree on a page: what caused what, with a job's own events drawn together into one line.
use super::found::{Found, Placed};
use super::gather::work_id;
use crate::cli::out::Tone;
use crate::cli::text;
use crate::contract::coordinator::{WorkItem, WorkStatus};
use crate::contract::events::Category;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A line: when, the branches before it, what.
#[derive(Debug, PartialEq)]
pub struct Line {
    pub time_us: Option<i64>,
    pub branch: String,
    pub text: String,
    pub tone: Tone,
}

/// What stands in the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    /// By its place among the events found.
    Event(usize),
    /// By its id, with all its events of category work.
    Job(String),
}

struct Tree<'a> {
    found: &'a Found,
    /// The events of category work of each job, oldest first.
    of_job: BTreeMap<String, Vec<usize>>,
    below: BTreeMap<Option<Node>, Vec<Node>>,
}

/// The page.
pub fn lines(found: &Found) -> Vec<Line> {
    let tree = Tree::new(found);
    let mut lines = Vec::new();
    let top = tree.below.get(&None).cloned().unwrap_or_default();
    for node in top {
        tree.draw(&node, ("", ""), None, &mut lines, &mut BTreeSet::new());
    }
    lines
}

impl<'a> Tree<'a> {
    fn new(found: &'a Found) -> Tree<'a> {
        let mut order: Vec<usize> = (0..found.events.len()).collect();
        order.sort_by_key(|at| found.events[*at].seq);
        let mut of_job: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut node_of: BTreeMap<&str, Node> = BTreeMap::new();
        for at in &order {
            let event = &found.events[*at].event;
            let work = event.event_type().is_some_and(|t| t.info().category == Category::Work);
            let node = match work_id(event).filter(|_| work) {
                Some(id) => {
                    of_job.entry(id.to_owned()).or_default().push(*at);
                    Node::Job(id.to_owned())
                }
                None => Node::Event(*at),
            };
            node_of.insert(event.id.as_str(), node);
        }
        let mut below: BTreeMap<Option<Node>, Vec<Node>> = BTreeMap::new();
        let mut placed = BTreeSet::new();
        for at in order {
            let event = &found.events[at].event;
            let node = node_of[event.id.as_str()].clone();
            if placed.insert(node.clone()) {
                let above = event
                    .cause
                    .as_ref()
                    .and_then(|cause| node_of.get(cause.as_str()))
                    .filter(|above| **above != node)
                    .cloned();
                below.entry(above).or_default().push(node);
            }
        }
        for job in &found.jobs {
            // A job of which no event is kept is still known to the queue.
            if !of_job.contains_key(job.work_id.as_str()) {
                let above = job.work.cause.as_ref().and_then(|cause| node_of.get(cause.as_str())).cloned();
                below.entry(above).or_default().push(Node::Job(job.work_id.to_string()));
            }
        }
        Tree { found, of_job, below }
    }

    /// `branch` stands before the node, `indent` before what is below it; `around` is the configuration that needs no
    /// word.
    fn draw(
        &self,
        node: &Node,
        (branch, indent): (&str, &str),
        around: Option<&str>,
        lines: &mut Vec<Line>,
        seen: &mut BTreeSet<Node>,
    ) {
        if !seen.insert(node.clone()) {
            return;
        }
        let key = self.key(node);
        lines.push(self.line(node, branch, key.filter(|key| around != Some(key))));
        let around = key.or(around);
        let below = self.below.get(&Some(node.clone())).map_or(&[][..], |b| b);
        for (at, child) in below.iter().enumerate() {
            let (turn, bar) = if at + 1 == below.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.draw(child, (&format!("{indent}{turn}"), &format!("{indent}{bar}")), around, lines, seen);
        }
    }

    /// The configuration that a node is about.
    fn key(&self, node: &Node) -> Option<&str> {
        let at = match node {
            Node::Event(at) => *at,
            Node::Job(id) => match self.found.jobs.iter().find(|job| job.work_id.as_str() == id) {
                Some(job) => return Some(job.work.config_key.as_str()),
                None => *self.of_job.get(id)?.first()?,
            },
        };
        self.found.events[at].event.key.as_ref().map(|key| key.as_str())
    }

    fn line(&self, node: &Node, branch: &str, key: Option<&str>) -> Line {
        let key = key.map(|key| format!(" {key}")).unwrap_or_default();
        let branch = branch.to_owned();
        match node {
            Node::Event(at) => {
                let Placed { event, .. } = &self.found.events[*at];
                let name = event.event_type().map_or(event.kind.as_str(), |t| t.info().name);
                let asked = self.found.entry.as_deref() == Some(event.id.as_str());
                let tone = if asked { Tone::Bold } else { tone(name) };
                Line {
                    time_us: Some(event.time_us),
                    branch,
                    text: format!("{name}{key}{} ({})", details(&event.payload), event.source),
                    tone,
                }
            }
            Node::Job(id) => self.job(id, branch, &key),
        }
    }

    fn job(&self, id: &str, branch: String, key: &str) -> Line {
        let events: Vec<&Placed> =
            self.of_job.get(id).into_iter().flatten().map(|at| &self.found.events[*at]).collect();
        let time_us = events.first().map(|placed| placed.event.time_us);
        if let Some(item) = self.found.jobs.iter().find(|job| job.work_id.as_str() == id) {
            return Line {
                time_us: time_us.or(Some(item.created_us.us())),
                branch,
                text: told(item, key),
                tone: status_tone(item.status),
            };
        }
        let kind = events
            .iter()
            .find_map(|p| p.event.payload.get("work_type").or(p.event.payload.get("task_type"))?.as_str())
            .unwrap_or("?");
        let last = events.last().and_then(|p| p.event.event_type()).map_or("", |t| t.info().name);
        Line { time_us, branch, text: format!("job {id} {kind}{key}: {last}"), tone: tone(last) }
    }
}

/// A job in a few words.
fn told(item: &WorkItem, key: &str) -> String {
    let took = match (item.started_us, item.completed_us) {
        (Some(from), Some(to)) => format!(" after {}", text::age(from.us(), to.us())),
        _ => String::new(),
    };
    let why = item.error.as_ref().map(|e| format!(": {e}")).unwrap_or_default();
    let by = if item.work.requested_by.is_empty() { String::new() } else { format!(" ({})", item.work.requested_by) };
    format!("job {} {}{key} {}{took}{why}{by}", item.work_id, item.work.work_type, item.status.name())
}

fn status_tone(status: WorkStatus) -> Tone {
    match status {
        WorkStatus::Completed => Tone::Good,
        WorkStatus::Failed => Tone::Bad,
        WorkStatus::Cancelled => Tone::Dim,
        WorkStatus::Pending | WorkStatus::Claimed | WorkStatus::Running => Tone::Busy,
    }
}

fn tone(name: &str) -> Tone {
    match name {
        "MODEL_PROMOTED" | "MODEL_DISTRIBUTION_COMPLETE" => Tone::Good,
        _ if name.ends_with("_FAILED") || name.ends_with("_TIMEOUT") => Tone::Bad,
        _ if name.ends_with("_REJECTED") => Tone::Warn,
        _ => Tone::Plain,
    }
}

/// What a reader wants to know of a payload: hashes of artefacts, counts, reasons.
fn details(payload: &serde_json::Map<String, Value>) -> String {
    const WANTED: [&str; 14] = [
        "shard_id",
        "samples_id",
        "model_id",
        "match_id",
        "games_completed",
        "new_games",
        "samples_exported",
        "epochs",
        "sprt_decision",
        "elo",
        "generation",
        "error",
        "reason",
        "count",
    ];
    let mut words = String::new();
    for name in WANTED {
        match payload.get(name) {
            Some(Value::String(s)) if s.len() == 64 => {
                words += &format!(" {}={}", name.trim_end_matches("_id"), text::short(s))
            }
            Some(Value::String(s)) => words += &format!(" {name}={s}"),
            Some(Value::Number(n)) if n.is_f64() => words += &format!(" {name}={:.1}", n.as_f64().unwrap_or_default()),
            Some(Value::Number(n)) => words += &format!(" {name}={n}"),
            _ => {}
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::envelope::event_id;
    use serde_json::json;

    fn placed(seq: u64, kind: &str, cause: Option<u64>, payload: Value) -> Placed {
        let id = |n: u64| event_id(n.cast_signed() * 1_000_000, n.into());
        let event = json!({
            "id": id(seq), "node": "n1", "type": kind, "source": "s", "time_us": seq, "payload": payload, "cause": cause.map(id),
            "correlation": id(1),
        });
        Placed { seq, event: serde_json::from_value(event).expect("an event") }
    }

    #[test]
    fn a_jobs_events_are_one_line_and_what_came_of_it_hangs_below() {
        let work = |n: &str| json!({"work_id": n, "work_type": "export"});
        let found = Found {
            events: vec![
                placed(1, "new_games", None, json!({"new_games": 7, "shard_id": "a".repeat(64)})),
                placed(2, "work_queued", Some(1), work("t-1")),
                placed(
                    6,
                    "npz_export_complete",
                    Some(5),
                    json!({"samples_exported": 9, "samples_id": "b".repeat(64), "config_key": "hex8_2p"}),
                ),
                placed(4, "work_started", Some(1), work("t-1")),
                placed(3, "external.x", Some(1), json!({})),
                placed(5, "work_completed", Some(1), work("t-1")),
                placed(7, "external.y", Some(99), json!({})),
            ],
            ..Found::default()
        };
        let lines: Vec<String> = lines(&found).into_iter().map(|l| format!("{}{}", l.branch, l.text)).collect();
        assert_eq!(
            lines,
            [
                "NEW_GAMES_AVAILABLE shard=aaaaaaaaaaaa new_games=7 (s)",
                "├─ job t-1 export: WORK_COMPLETED",
                "│  └─ NPZ_EXPORT_COMPLETE samples=bbbbbbbbbbbb samples_exported=9 (s)",
                "└─ external.x (s)",
                "external.y (s)",
            ]
        );
    }
}
