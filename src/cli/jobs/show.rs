//! `ringrift jobs show`.
use super::list::{progress, tone};
use crate::cli::out::{Out, Tone};
use crate::cli::world::World;
use crate::cli::{Done, hub, text};
use crate::contract::coordinator::WorkItem;
use crate::contract::coordinator::method;
use crate::contract::ids::JobId;
use crate::contract::registry::Hub;
use crate::contract::time::Wall;
use clap::Args;
use serde_json::json;

/// Show one job in full.
#[derive(Debug, Args)]
pub struct Show {
    /// Job id
    job: JobId,
}

impl Show {
    /// Prints it.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let item = hub::ask(world, Hub::Coordinator)?.ask(method::Show, &json!({ "work_id": self.job }))?.item;
        out.either("job", &item, || page(&item, world, out))
    }
}

fn page(item: &WorkItem, world: &World, out: &Out) -> String {
    let w = &item.work;
    let mut page = format!(
        "{} {} of {}\n",
        out.paint(tone(item.status), "●"),
        out.paint(Tone::Bold, item.work_id.as_str()),
        w.config_key
    );
    let mut add = |key: &str, value: String| {
        if !value.is_empty() {
            // Further lines are indented, so that none looks like a field.
            page += &format!("{key:>12}: {}\n", value.trim_end().replace('\n', "\n              "));
        }
    };
    let time = |t: Option<Wall>| {
        t.map(Wall::us)
            .map(|t| format!("{} ({} ago)", text::time(t, world.now_us), text::age(t, world.now_us)))
            .unwrap_or_default()
    };
    add("Status", out.paint(tone(item.status), item.status.name()));
    add("Type", w.work_type.to_string());
    add("Attempt", format!("{} of {}", item.attempts, w.max_attempts));
    add("Priority", w.priority.to_string());
    add("Says", item.progress.as_ref().map(progress).unwrap_or_default());
    add("Error", item.error.clone().unwrap_or_default());
    add("Result", item.result.clone().unwrap_or_default());
    add("Queued for", item.waiting_for.join("; "));
    add("Requested by", w.requested_by.clone());
    add("About", w.subject.clone().unwrap_or_default());
    add("Queued", time(Some(item.created_us)));
    add("Claimed", time(item.claimed_us));
    add("Started", time(item.started_us));
    add("Ended", time(item.completed_us));
    if let Some(lease) = &item.lease {
        let fenced = if lease.fenced { ", fenced off" } else { "" };
        let gpus = lease
            .gpus
            .iter()
            .filter(|g| !g.is_empty())
            .map(|g| format!(", GPU {}", g.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")));
        add("Lease", format!("{} on {}{fenced}{}", lease.lease_id, lease.node, gpus.collect::<String>()));
    }
    add("Unit", w.work_type.unit(&item.work_id));
    if !w.params.is_empty() {
        add("Parameters", serde_json::to_string(&w.params).unwrap_or_default());
    }
    page
}
