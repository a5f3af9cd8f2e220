//! `ringrift jobs submit`: one job by hand.
use crate::cli::hub::{self, Asked};
use crate::cli::out::{Out, Tone};
use crate::cli::world::World;
use crate::cli::{Done, text};
use crate::contract::catalog::{ArtefactFilter, ArtefactRecord};
use crate::contract::coordinator::{NewWork, WorkItem, WorkStatus};
use crate::contract::error::{Exit, Failure};
use crate::contract::ids::{ConfigKey, Digest, JobId};
use crate::contract::registry::Hub;
use crate::contract::workload::{InputFile, Inputs, JobType};
use crate::contract::{catalog, coordinator};
use clap::Args;
use serde_json::{Value, json};
use std::time::Duration;

/// Between two checks at a job that is waited for.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Shards of an export whose inputs are not named.
const SHARDS: u32 = 1000;

/// Submit one job by hand. Inputs default to those that the loop would use: the champion, the newest samples, the
/// newest games.
#[derive(Debug, Args)]
pub struct Submit {
    /// Job type: selfplay, export, training, evaluation, …
    #[arg(value_name = "TYPE", value_parser = job_type)]
    kind: JobType,
    /// Configuration, for example square8_2p [default: the first of master.configs]
    #[arg(short, long, value_name = "KEY")]
    config: Option<ConfigKey>,
    /// Parameter that overrides the configuration; the value is JSON, or else a string
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = param)]
    params: Vec<(String, Value)>,
    /// Input artefact: model, champion, candidate, shards or samples = its SHA-256
    #[arg(short, long = "input", value_name = "NAME=ID", value_parser = input)]
    inputs: Vec<(String, Digest)>,
    /// Priority, 0 to 100; higher first
    #[arg(long, default_value_t = 50)]
    priority: u8,
    /// Maximum number of attempts, 1 to 10
    #[arg(long, default_value_t = 1)]
    attempts: u32,
    /// Timeout of one attempt in seconds
    #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
    timeout: u64,
    /// Wait until the job finishes; exit with 1 unless it completed
    #[arg(short, long)]
    wait: bool,
}

fn job_type(text: &str) -> Result<JobType, String> {
    let names = || JobType::ALL.map(JobType::name).join(", ");
    JobType::from_name(text).ok_or_else(|| format!("unknown job type; must be one of {}", names()))
}

fn param(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}

fn input(text: &str) -> Result<(String, Digest), String> {
    let (name, id) = text.split_once('=').ok_or("expected NAME=ID")?;
    if !["model", "champion", "candidate", "shards", "samples"].contains(&name) {
        return Err(format!("unknown input {name:?}; must be one of model, champion, candidate, shards and samples"));
    }
    Ok((name.to_owned(), Digest::new(id).map_err(|e| e.to_string())?))
}

impl Submit {
    /// Queues the job, and waits for its end if asked to.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let key = match &self.config {
            Some(key) => key.clone(),
            None => world.config()?.config.master.configs.first().cloned().ok_or_else(|| {
                Failure::new(Exit::Usage, "no configuration given and master.configs is empty")
                    .hint("add --config square8_2p")
            })?,
        };
        let mut work = NewWork::new(self.kind, key);
        (work.priority, work.max_attempts, work.timeout_seconds) = (self.priority, self.attempts, self.timeout);
        work.params = self.params.iter().cloned().collect();
        work.requested_by = "ringrift jobs submit".into();
        self.fill(world, &mut work)?;
        let mut coordinator = hub::ask(world, Hub::Coordinator)?;
        let id = coordinator.ask(coordinator::method::Enqueue, &work)?.work_id;
        if !self.wait {
            let value = json!({ "job_id": id, "type": self.kind, "config_key": work.config_key });
            return out.either("job", &value, || {
                format!("{} {id} queued; `ringrift jobs show {id}` shows its state\n", out.paint(Tone::Good, "●"))
            });
        }
        let item = ended(&mut coordinator, &id, &|why| out.aside(Tone::Dim, "waiting:", why))?;
        if item.status != WorkStatus::Completed {
            let why = item.error.clone().or(item.result.clone()).unwrap_or_else(|| item.status.name().to_owned());
            let failure = Failure::new(Exit::Failure, format!("job {id} {}: {why}", item.status.name()));
            return Err(failure.hint(format!("`ringrift jobs logs {id}` shows its output")));
        }
        let took = item.started_us.zip(item.completed_us).map_or(0, |(from, to)| (to - from).secs());
        out.either("job", &item, || {
            format!("{} {id} completed in {}\n", out.paint(Tone::Good, "●"), text::seconds(took))
        })
    }

    /// The inputs: those that were named, else those that the loop would take.
    fn fill(&self, world: &World, work: &mut NewWork) -> Result<(), Failure> {
        if self.kind == JobType::Selfplay && self.inputs.is_empty() {
            work.current_model = true;
            return Ok(());
        }
        let stages = [JobType::Selfplay, JobType::Export, JobType::Training, JobType::Evaluation];
        if self.inputs.is_empty() && !stages.contains(&self.kind) {
            return Ok(());
        }
        let mut catalog = hub::ask(world, Hub::Catalog)?;
        if self.inputs.is_empty() {
            work.inputs = usual(&mut catalog, self.kind, &work.config_key)?;
            return Ok(());
        }
        for (name, id) in &self.inputs {
            let record = catalog.ask(catalog::method::Get, &json!({ "id": id }))?.artefact;
            let file = InputFile { sha256: record.id, path: record.path };
            match name.as_str() {
                "model" => work.inputs.model = Some(file),
                "champion" => work.inputs.champion = Some(file),
                "candidate" => work.inputs.candidate = Some(file),
                "shards" => work.inputs.shards.push(file),
                _ => work.inputs.samples.push(file),
            }
        }
        Ok(())
    }
}

/// What the loop would read for a job of this type now.
fn usual(catalog: &mut Asked, kind: JobType, key: &ConfigKey) -> Result<Inputs, Failure> {
    let stage = catalog.ask(catalog::method::Stage, &json!({ "config_key": key }))?.stage;
    let champion = stage.champion.map(|c| InputFile { sha256: c.model_id, path: c.model_path });
    let (what, limit) = match kind {
        JobType::Export => ("games", SHARDS),
        JobType::Training => ("samples", 1),
        _ => ("model", 1),
    };
    let filter = ArtefactFilter {
        kind: Some(what.into()),
        config_key: Some(key.clone()),
        rules_version: Some(stage.rules_version),
        limit: Some(limit),
        ..ArtefactFilter::default()
    };
    let mut files: Vec<InputFile> = Vec::new();
    let take = |a: ArtefactRecord| {
        files.push(InputFile { sha256: a.id, path: a.path });
        true
    };
    filter.walk(|page| catalog.ask(catalog::method::List, page), take)?;
    if files.is_empty() {
        let why = format!("the catalog has no {what} of {key} for a job of type {kind}");
        return Err(
            Failure::new(Exit::BadData, why).hint("run the previous stage first, or give an artefact with --input")
        );
    }
    Ok(match kind {
        JobType::Export => Inputs { shards: files, ..Inputs::default() },
        JobType::Training => Inputs { samples: files, model: champion, ..Inputs::default() },
        _ => Inputs { candidate: files.into_iter().next(), champion, ..Inputs::default() },
    })
}

/// Waits for the job's end; says what it waits for whenever that becomes something else.
fn ended(coordinator: &mut Asked, id: &JobId, say: &dyn Fn(&str)) -> Result<WorkItem, Failure> {
    let mut said = Vec::new();
    loop {
        let item = coordinator.ask(coordinator::method::Show, &json!({ "work_id": id }))?.item;
        if !item.status.is_active() {
            return Ok(item);
        }
        // By their codes: the numbers in the texts change from look to look.
        if item.waiting_codes != said {
            if !item.waiting_for.is_empty() {
                say(&item.waiting_for.join("; "));
            }
            said = item.waiting_codes;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_json_or_text_and_inputs_are_named() {
        assert_eq!(param("epochs=3"), Ok(("epochs".into(), json!(3))));
        assert_eq!(param("opponents=[\"random\"]"), Ok(("opponents".into(), json!(["random"]))));
        assert_eq!(param("note=a=b"), Ok(("note".into(), json!("a=b"))));
        assert!(param("=3").is_err() && param("epochs").is_err());
        let id = "a".repeat(64);
        assert!(input(&format!("samples={id}")).is_ok());
        assert!(input(&format!("sample={id}")).is_err_and(|e| e.contains("must be one of")));
        assert!(input("samples=abc").is_err());
        assert!(job_type("traning").is_err_and(|e| e.contains("training")));
    }
}
