//! The job description: read strictly, every input verified by its hash before it is used.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::files::sha256_file;
use crate::failure::Failure;
use crate::game::{GameConfig, RULES_VERSION};

/// A file given by name and content.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct FileRef {
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
    /// Where the file is.
    pub path: PathBuf,
}

/// The inputs of a job; which of them count depends on the stage.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inputs {
    /// Self-play: the player. Training: where to start from. Absent = the untrained network.
    pub model: Option<FileRef>,
    /// Evaluation: the model to beat. Absent = the untrained network.
    pub champion: Option<FileRef>,
    /// Evaluation: the model on trial.
    pub candidate: Option<FileRef>,
    /// Export: the shards to read.
    pub shards: Vec<FileRef>,
    /// Training: the sample files to learn from.
    pub samples: Vec<FileRef>,
}

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    schema: u32,
    job_id: String,
    job_type: String,
    config_key: String,
    #[serde(default = "one")]
    attempt: u32,
    #[serde(default)]
    seed: u64,
    /// Absent in jobs that were written by hand: then this program's own version is meant.
    #[serde(default)]
    rules_version: Option<u32>,
    #[serde(default)]
    inputs: Inputs,
    #[serde(default)]
    params: serde_json::Map<String, serde_json::Value>,
}

fn one() -> u32 {
    1
}

/// A checked job description with the stage's own parameters.
#[derive(Clone, Debug)]
pub struct Job<P> {
    /// The description's file, for messages.
    pub file: PathBuf,
    /// The job's id.
    pub job_id: String,
    /// The configuration.
    pub config: GameConfig,
    /// Number of this attempt, from 1.
    pub attempt: u32,
    /// Seed of all that is random.
    pub seed: u64,
    /// The inputs; hashes verified, but of shards.
    pub inputs: Inputs,
    /// The stage's parameters.
    pub params: P,
}

impl<P: DeserializeOwned> Job<P> {
    /// Reads a description for a stage and verifies the hash of every input file.
    pub fn read(file: &Path, stage: &str) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(file).map_err(|e| {
            Failure::bad(format!("reading job description {}: {e}; check RINGRIFT_JOB_FILE or --job", file.display()))
        })?;
        let raw: Raw = parse(&text, file, "")?;
        let wrong = |field: &str, what: String| {
            Failure::bad(format!("job description {}: field {field}: {what}", file.display()))
        };
        if raw.schema != 1 {
            return Err(wrong("schema", format!("this program reads schema 1, not {}", raw.schema)));
        }
        if raw.job_type != stage {
            return Err(wrong("job_type", format!("this command does {stage}, the job is {}", raw.job_type)));
        }
        if let Some(version) = raw.rules_version.filter(|v| *v != RULES_VERSION) {
            let what = format!(
                "this program plays version {RULES_VERSION}, not {version}; set workload.rules_version to \
                    {RULES_VERSION}"
            );
            return Err(wrong("rules_version", what));
        }
        let config = raw.config_key.parse().map_err(|e| wrong("config_key", format!("{e}")))?;
        let params = serde_json::Value::Object(raw.params).to_string();
        let params = parse(&params, file, "params.")?;
        let job = Self {
            file: file.to_owned(),
            job_id: raw.job_id,
            config,
            attempt: raw.attempt,
            seed: raw.seed,
            inputs: raw.inputs,
            params,
        };
        job.verify_inputs()?;
        Ok(job)
    }

    /// A job without inputs, to try parameters with.
    pub fn by_hand(config: GameConfig, params: &str) -> Result<Self, Failure> {
        let file = PathBuf::from("(command line)");
        let params = parse(params, &file, "params.")?;
        Ok(Self { file, job_id: String::new(), config, attempt: 1, seed: 0, inputs: Inputs::default(), params })
    }

    fn verify_inputs(&self) -> Result<(), Failure> {
        let i = &self.inputs;
        let single = [("model", &i.model), ("champion", &i.champion), ("candidate", &i.candidate)];
        // Shards are verified one by one by the export, which leaves a damaged one out.
        let lists = [("samples", &i.samples)];
        let named = single.iter().filter_map(|(name, file)| file.as_ref().map(|f| ((*name).to_owned(), f)));
        let listed = lists
            .iter()
            .flat_map(|(name, files)| files.iter().enumerate().map(move |(n, f)| (format!("{name}[{n}]"), f)));
        for (name, file) in named.chain(listed) {
            let (found, _) =
                sha256_file(&file.path).map_err(|e| self.wrong(&format!("inputs.{name}.path"), &e.to_string()))?;
            if found != file.sha256.to_ascii_lowercase() {
                let what = format!(
                    "{} has SHA-256 {found}, expected {}; fetch the file again",
                    file.path.display(),
                    file.sha256
                );
                return Err(self.wrong(&format!("inputs.{name}.sha256"), &what));
            }
        }
        Ok(())
    }
}

impl<P> Job<P> {
    /// A complaint about a field of this description.
    pub fn wrong(&self, field: &str, what: &str) -> Failure {
        Failure::bad(format!("job description {}: field {field}: {what}", self.file.display()))
    }

    /// Refuses a number outside of its range.
    pub fn check_range<T: PartialOrd + std::fmt::Display>(
        &self,
        field: &str,
        value: T,
        low: T,
        high: T,
    ) -> Result<(), Failure> {
        if value >= low && value <= high {
            return Ok(());
        }
        Err(self.wrong(&format!("params.{field}"), &format!("{value} is outside of {low} to {high}")))
    }
}

fn parse<T: DeserializeOwned>(text: &str, file: &Path, prefix: &str) -> Result<T, Failure> {
    let mut reader = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut reader).map_err(|e| {
        let path = e.path().to_string();
        let path = if path == "." { String::new() } else { path };
        let name = format!("{prefix}{path}");
        let name = if name.is_empty() { "(top level)" } else { name.trim_end_matches('.') };
        Failure::bad(format!("job description {}: field {name}: {}", file.display(), e.inner()))
    })
}
