//! `ringrift jobs cancel`.
use crate::cli::out::{Out, Tone};
use crate::cli::world::World;
use crate::cli::{Done, hub, settle};
use crate::contract::coordinator::method;
use crate::contract::error::Exit;
use crate::contract::ids::JobId;
use crate::contract::registry::Hub;
use crate::contract::workload::JobType;
use clap::Args;
use serde_json::json;
use std::time::Duration;

/// Longest wait for the units of running jobs; systemd kills one that does not end in 30 s.
const STOP_TIMEOUT: Duration = Duration::from_secs(40);

/// Units of these jobs that still run; nothing: systemd does not answer.
fn running(world: &World, jobs: &[JobId]) -> Option<Vec<String>> {
    let units = world.look(&["ringrift-job-*"]).ok()?;
    let is_ours = |name: &str| JobType::of_unit(name).is_some_and(|(_, id)| jobs.contains(&id));
    let up =
        units.into_iter().filter(|u| !matches!(u.active_state.as_str(), "inactive" | "failed") && is_ours(&u.name));
    Some(up.map(|u| u.name).collect())
}

/// Cancel jobs. Running ones are stopped; the command returns when their processes have exited.
#[derive(Debug, Args)]
pub struct Cancel {
    /// Job ids
    #[arg(required = true)]
    jobs: Vec<JobId>,
    /// Reason
    #[arg(short, long, default_value = "cancelled by an operator")]
    reason: String,
}

impl Cancel {
    /// Asks the coordinator; exits with 1 when one had ended already.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let mut coordinator = hub::ask(world, Hub::Coordinator)?;
        let mut done = Vec::new();
        for job in &self.jobs {
            let answer = coordinator.ask(method::Cancel, &json!({ "work_id": job, "reason": self.reason }))?;
            done.push((job.to_string(), answer.accepted));
        }
        let left = settle::until(STOP_TIMEOUT, || running(world, &self.jobs).filter(Vec::is_empty))
            .unwrap_or_else(|| running(world, &self.jobs).unwrap_or_default());
        for unit in &left {
            out.aside(Tone::Warn, "warning:", &format!("{unit} has not stopped yet"));
        }
        let value: Vec<_> = done.iter().map(|(id, accepted)| json!({ "job_id": id, "cancelled": accepted })).collect();
        out.either("jobs", &value, || {
            let line = |(id, accepted): &(String, bool)| match accepted {
                true => format!("{} {id} cancelled\n", out.paint(Tone::Good, "●")),
                false => format!("{} {id} had already finished\n", out.paint(Tone::Dim, "○")),
            };
            done.iter().map(line).collect()
        })?;
        Ok(if left.is_empty() && done.iter().all(|(_, accepted)| *accepted) { Exit::Ok } else { Exit::Failure })
    }
}
