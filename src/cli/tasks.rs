//! `ringrift jobs slots`: every used slot, who holds it and until when.
use super::out::{Out, Text, Tone};
use super::world::World;
use super::{Done, hub, text};
use crate::contract::coordinator::LeaseView;
use crate::contract::coordinator::method;
use crate::contract::registry::Hub;
use clap::Args;
use serde_json::json;

/// Show used slots: jobs of the queue, and slots that other programs hold.
#[derive(Debug, Args)]
pub struct Tasks {
    /// Only on this node
    #[arg(short, long, value_name = "NODE")]
    node: Option<String>,
}

impl Tasks {
    /// Prints them.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let mut leases = hub::ask(world, Hub::Coordinator)?.ask(method::Leases, &json!({}))?.leases;
        leases.retain(|l| self.node.as_ref().is_none_or(|n| l.lease.node.as_str() == n));
        out.either("tasks", &leases, || match leases.is_empty() {
            true => "no slot is used; `ringrift jobs queue` shows queued jobs and why\n".to_owned(),
            false => out.table(
                &["LEASE", "TYPE", "CLASS", "NODE", "SINCE", "ENDS IN", "JOB", "HELD BY"],
                leases.iter().map(|l| row(l, world)).collect(),
            ),
        })
    }
}

fn row(view: &LeaseView, world: &World) -> Vec<Text> {
    let lease = &view.lease;
    let ends = match lease.fenced {
        true => Text::new(Tone::Warn, "fenced off; held until its unit has stopped"),
        false => Text::number(text::seconds((lease.expires_us.us() - world.now_us) / 1_000_000)),
    };
    vec![
        Text::plain(lease.lease_id.as_str()),
        Text::plain(lease.task_type.name()),
        Text::dim(lease.task_type.class().name()),
        Text::plain(lease.node.as_str()),
        Text::number(text::age(lease.granted_us.us(), world.now_us)),
        ends,
        Text::plain(view.work_id.as_ref().map(ToString::to_string).unwrap_or_default()),
        Text::plain(&view.requested_by),
    ]
}
