//! `ringrift jobs list`.
use crate::cli::look::{self, JobRow};
use crate::cli::out::{Out, Text, Tone};
use crate::cli::world::World;
use crate::cli::{Done, hub, text};
use crate::contract::coordinator::method;
use crate::contract::coordinator::{Listed, WorkFilter, WorkItem, WorkStatus};
use crate::contract::error::{Exit, Failure};
use crate::contract::ids::ConfigKey;
use crate::contract::registry::{Hub, UnknownName};
use crate::contract::workload::{JobType, Progress};
use clap::Args;
use serde_json::json;

/// List jobs: the coordinator's queue or, while the coordinator is down, systemd's units.
#[derive(Debug, Args)]
pub struct List {
    /// Include finished jobs
    #[arg(short, long)]
    all: bool,
    /// Only these types, separated by commas
    #[arg(short, long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Only one configuration
    #[arg(short, long, value_name = "CONFIG_KEY")]
    key: Option<ConfigKey>,
    /// Maximum number of jobs, newest first
    #[arg(short = 'n', long, default_value_t = 50, value_name = "N")]
    lines: u32,
}

impl List {
    /// Prints them.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let active = [WorkStatus::Pending, WorkStatus::Claimed, WorkStatus::Running];
        let filter = WorkFilter {
            types: self.types.iter().map(|t| job_type(t)).collect::<Result<_, _>>()?,
            statuses: if self.all { Vec::new() } else { active.to_vec() },
            config_key: self.key.clone(),
            before: None,
            limit: Some(self.lines),
        };
        let listed = hub::ask(world, Hub::Coordinator).and_then(|mut c| c.ask(method::List, &filter));
        match listed {
            Ok(listed) => queue(&listed, world, out),
            Err(why) if matches!(why.exit, Exit::Unavailable | Exit::NotPermitted) => {
                let jobs = look::jobs(world)?;
                units(&jobs, &why, &filter, world, out)
            }
            Err(other) => Err(other),
        }
    }
}

fn job_type(name: &str) -> Result<JobType, Failure> {
    JobType::from_name(&name.to_lowercase()).ok_or_else(|| {
        let error = UnknownName::new("job type", name, JobType::ALL.iter().map(|t| t.name()));
        Failure::new(Exit::Usage, error.to_string())
            .hint(format!("use one of {}", JobType::ALL.map(JobType::name).join(", ")))
    })
}

/// How a status looks.
pub fn tone(status: WorkStatus) -> Tone {
    match status {
        WorkStatus::Pending => Tone::Plain,
        WorkStatus::Claimed => Tone::Busy,
        WorkStatus::Running => Tone::Good,
        WorkStatus::Completed | WorkStatus::Cancelled => Tone::Dim,
        WorkStatus::Failed => Tone::Bad,
    }
}

/// `12/25 games: message`.
pub fn progress(p: &Progress) -> String {
    let total = if p.total > 0.0 { format!("/{}", p.total) } else { String::new() };
    let message = if p.message.is_empty() { String::new() } else { format!(": {}", p.message) };
    format!("{}{total} {}{message}", p.done, p.unit)
}

/// What there is to say about an item: progress, error, or what it waits for.
fn says(item: &WorkItem) -> String {
    match (&item.progress, item.status, &item.error) {
        (Some(p), WorkStatus::Running, _) => progress(p),
        (_, WorkStatus::Pending, _) if !item.waiting_for.is_empty() => {
            format!("queued: {}", item.waiting_for.join("; "))
        }
        (_, _, Some(error)) => error.clone(),
        _ => item.work.subject.clone().unwrap_or_default(),
    }
}

fn queue(listed: &Listed, world: &World, out: &Out) -> Done {
    out.either("jobs", &listed.items, || {
        let rows = listed.items.iter().map(|i| {
            let since = i.completed_us.or(i.started_us).or(i.claimed_us).unwrap_or(i.created_us);
            vec![
                Text::plain(i.work_id.as_str()),
                Text::plain(i.work.work_type.name()),
                Text::plain(i.work.config_key.as_str()),
                Text::new(tone(i.status), i.status.name()),
                Text::number(format!("{}/{}", i.attempts, i.work.max_attempts)),
                Text::number(text::age(since.us(), world.now_us)),
                Text::plain(says(i)),
            ]
        });
        let more = if listed.truncated { "there are more; raise -n\n" } else { "" };
        match listed.items.is_empty() {
            true => "no queued or running jobs; `ringrift jobs list --all` includes finished ones\n".to_owned(),
            false => {
                out.table(&["ID", "TYPE", "CONFIG", "STATUS", "ATTEMPT", "SINCE", "PROGRESS"], rows.collect()) + more
            }
        }
    })
}

fn units(jobs: &[JobRow], why: &Failure, filter: &WorkFilter, world: &World, out: &Out) -> Done {
    let jobs: Vec<&JobRow> =
        jobs.iter().filter(|j| filter.types.is_empty() || filter.types.contains(&j.job_type)).collect();
    out.aside(Tone::Warn, "note:", &format!("{why}; listing systemd's units instead"));
    if out.json {
        out.value("units", &json!(jobs))?;
        return Ok(Exit::Ok);
    }
    let rows = jobs.iter().map(|j| {
        vec![
            Text::plain(&j.job_id),
            Text::plain(j.job_type.name()),
            Text::plain(&j.active_state),
            Text::number(j.memory_bytes.map(text::bytes).unwrap_or_default()),
            Text::number(j.since_us.map(|t| text::age(t, world.now_us)).unwrap_or_default()),
            Text::plain(&j.status),
        ]
    });
    out.text(&match jobs.is_empty() {
        true => "no running jobs\n".to_owned(),
        false => out.table(&["ID", "TYPE", "STATE", "MEMORY", "SINCE", "PROGRESS"], rows.collect()),
    })?;
    Ok(Exit::Ok)
}
