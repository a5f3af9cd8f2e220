//! `ringrift safeguards reset`.
use crate::cli::out::{Out, Tone};
use crate::cli::world::World;
use crate::cli::{Done, hub, text};
use crate::contract::coordinator::ResetBreakers;
use crate::contract::coordinator::method;
use crate::contract::error::{Exit, Failure};
use crate::contract::ids::NodeId;
use crate::contract::registry::{Hub, UnknownName};
use crate::contract::workload::JobType;
use clap::Args;
use serde_json::json;

/// Close circuit breakers by hand, once the cause of the failures is fixed.
#[derive(Debug, Args)]
pub struct Reset {
    /// Only this job type
    #[arg(short, long = "type", value_name = "TYPE", required_unless_present = "all")]
    task_type: Option<String>,
    /// Only on this node
    #[arg(short, long, value_name = "NODE")]
    node: Option<NodeId>,
    /// All types
    #[arg(short, long, conflicts_with = "task_type")]
    all: bool,
}

impl Reset {
    /// Asks the coordinator; exits with 1 when there was nothing to close.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let task_type = self.task_type.as_deref().map(job_type).transpose()?;
        let call = ResetBreakers { task_type, node: self.node };
        let done = hub::ask(world, Hub::Coordinator)?.ask(method::ResetBreakers, &call)?;
        out.either("reset", &json!({ "breakers": done.reset }), || match done.reset {
            0 => format!("{} no breaker had recent failures\n", out.paint(Tone::Dim, "○")),
            n => format!("{} {} closed\n", out.paint(Tone::Good, "●"), text::count(n as usize, "breaker")),
        })?;
        Ok(if done.reset > 0 { Exit::Ok } else { Exit::Failure })
    }
}

fn job_type(name: &str) -> Result<JobType, Failure> {
    JobType::from_name(&name.to_lowercase()).ok_or_else(|| {
        let error = UnknownName::new("job type", name, JobType::ALL.iter().map(|t| t.name()));
        Failure::new(Exit::Usage, error.to_string())
            .hint(format!("use one of {}", JobType::ALL.map(JobType::name).join(", ")))
    })
}
