//! `ringrift jobs cancel`.
use crate::cli::out::{Out, Tone};
use crate::cli::world::World;
use crate::cli::{Done, hub};
use crate::contract::error::Exit;
use crate::contract::ids::JobId;
use crate::contract::registry::Hub;
use clap::Args;
use serde::Deserialize;
use serde_json::json;

/// Withdraw jobs; a running one is stopped.
#[derive(Debug, Args)]
pub struct Cancel {
    /// Their ids
    #[arg(required = true)]
    jobs: Vec<JobId>,
    /// Why
    #[arg(short, long, default_value = "cancelled by an operator")]
    reason: String,
}

#[derive(Deserialize)]
struct Accepted {
    accepted: bool,
}

impl Cancel {
    /// Asks the coordinator; exits with 1 when one had ended already.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let mut coordinator = hub::ask(world, Hub::Coordinator)?;
        let mut done = Vec::new();
        for job in &self.jobs {
            let answer: Accepted = coordinator.call("Cancel", &json!({ "work_id": job, "reason": self.reason }))?;
            done.push((job.to_string(), answer.accepted));
        }
        let value: Vec<_> = done.iter().map(|(id, accepted)| json!({ "job_id": id, "cancelled": accepted })).collect();
        out.either("jobs", &value, || {
            let line = |(id, accepted): &(String, bool)| match accepted {
                true => format!("{} {id} cancelled\n", out.paint(Tone::Good, "●")),
                false => format!("{} {id} had ended already\n", out.paint(Tone::Dim, "○")),
            };
            done.iter().map(line).collect()
        })?;
        Ok(if done.iter().all(|(_, accepted)| *accepted) { Exit::Ok } else { Exit::Failure })
    }
}
