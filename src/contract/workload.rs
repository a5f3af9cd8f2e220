//! The workload contract (see ringrift-workload(7)): what a job gets and what it leaves behind.
use super::ids::{ConfigKey, Digest, JobId};
use super::job_file::JobPath;
use super::text::Line;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// Version of the rules that the built-in workload plays; the same as its own `RULES_VERSION`, which a test checks.
pub const BUILT_IN_RULES: u32 = 2;
/// Version of everything that was made before versions were written down.
pub const FIRST_RULES: u32 = 1;

/// Numbers and short texts by name.
pub type Metrics = Map<String, Value>;

/// Types of jobs. Each has a template unit `ringrift-job-<type>@.service` and a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobType {
    /// Plays games against itself.
    Selfplay,
    /// Turns games into samples.
    Export,
    /// Learns from samples.
    Training,
    /// Plays candidate against champion.
    Evaluation,
    /// Plays many models against each other.
    Tournament,
    /// Searches parameters by CMA-ES.
    Cmaes,
    /// A whole pipeline as one job.
    Pipeline,
    /// An improvement loop as one job.
    Improvement,
    /// Moves files between nodes.
    Sync,
}

impl JobType {
    /// All types.
    pub const ALL: [JobType; 9] = [
        JobType::Selfplay,
        JobType::Export,
        JobType::Training,
        JobType::Evaluation,
        JobType::Tournament,
        JobType::Cmaes,
        JobType::Pipeline,
        JobType::Improvement,
        JobType::Sync,
    ];
    /// The type as units and the wire name it.
    pub fn name(self) -> &'static str {
        match self {
            JobType::Selfplay => "selfplay",
            JobType::Export => "export",
            JobType::Training => "training",
            JobType::Evaluation => "evaluation",
            JobType::Tournament => "tournament",
            JobType::Cmaes => "cmaes",
            JobType::Pipeline => "pipeline",
            JobType::Improvement => "improvement",
            JobType::Sync => "sync",
        }
    }
    /// The type with this name.
    pub fn from_name(name: &str) -> Option<JobType> {
        JobType::ALL.into_iter().find(|t| t.name() == name)
    }
    /// The unit of one job.
    pub fn unit(self, job: &JobId) -> String {
        format!("ringrift-job-{}@{job}.service", self.name())
    }
    /// Type and job of a unit's name.
    pub fn of_unit(unit: &str) -> Option<(JobType, JobId)> {
        let (kind, rest) = unit.strip_prefix("ringrift-job-")?.split_once('@')?;
        Some((JobType::from_name(kind)?, JobId::new(rest.strip_suffix(".service")?).ok()?))
    }
    /// What it mainly uses.
    pub fn class(self) -> ResourceClass {
        match self {
            JobType::Selfplay | JobType::Tournament | JobType::Evaluation => ResourceClass::Cpu,
            JobType::Training | JobType::Cmaes => ResourceClass::Gpu,
            JobType::Pipeline | JobType::Improvement => ResourceClass::Hybrid,
            JobType::Sync | JobType::Export => ResourceClass::Io,
        }
    }
    /// The slice that holds the type's limits.
    pub fn slice(self) -> String {
        format!("ringrift-jobs-{}.slice", self.name())
    }
}

/// What a type of jobs mainly uses; decides which gates it must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ResourceClass {
    /// Processors.
    Cpu,
    /// Graphics processors, where there are any.
    Gpu,
    /// Both.
    Hybrid,
    /// Disk and network.
    Io,
}

impl ResourceClass {
    /// As users write it.
    pub fn name(self) -> &'static str {
        match self {
            ResourceClass::Cpu => "CPU",
            ResourceClass::Gpu => "GPU",
            ResourceClass::Hybrid => "HYBRID",
            ResourceClass::Io => "IO",
        }
    }
}

impl fmt::Display for JobType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A file that a job reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// SHA-256 of its content; the workload verifies it.
    pub sha256: Digest,
    /// Absolute path.
    pub path: String,
}

/// What a job reads.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// Self-play: the player; training: the start. Absent: the untrained network.
    #[serde(default)]
    pub model: Option<InputFile>,
    /// Evaluation: the champion. Absent: the untrained network.
    #[serde(default)]
    pub champion: Option<InputFile>,
    /// Evaluation: the candidate.
    #[serde(default)]
    pub candidate: Option<InputFile>,
    /// Export: game shards.
    #[serde(default)]
    pub shards: Vec<InputFile>,
    /// Training: sample files.
    #[serde(default)]
    pub samples: Vec<InputFile>,
}

/// The job description: the file RINGRIFT_JOB_FILE.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// 1.
    pub schema: u32,
    /// The job.
    pub job_id: JobId,
    /// The stage.
    pub job_type: JobType,
    /// The configuration.
    pub config_key: ConfigKey,
    /// From 1.
    pub attempt: u32,
    /// For all randomness.
    pub seed: u64,
    /// Version of the game's rules to play, `workload.rules_version`; 1 where nothing is said.
    #[serde(default = "first_rules")]
    pub rules_version: u32,
    /// What it reads.
    #[serde(default)]
    pub inputs: Inputs,
    /// The stage's parameters.
    #[serde(default)]
    pub params: Map<String, Value>,
}

fn first_rules() -> u32 {
    FIRST_RULES
}

/// A file that a job leaves behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artefact {
    /// games, samples, model, match, plot or quarantine.
    pub kind: String,
    /// Relative to the output directory.
    pub path: JobPath,
    /// SHA-256 of its content, checked by the job-runner.
    pub sha256: Digest,
    /// Its size.
    pub bytes: u64,
    /// What the stage wants to say about it.
    #[serde(default)]
    pub meta: Map<String, Value>,
}

/// The file `result.json`, written last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultFile {
    /// 1.
    pub schema: u32,
    /// What was made.
    #[serde(default)]
    pub artefacts: Vec<Artefact>,
    /// Numbers about the run.
    #[serde(default)]
    pub metrics: Metrics,
}

/// One line on the report descriptor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportLine {
    /// The progress.
    pub progress: Progress,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// So many of `total`.
    pub done: f64,
    /// 0 when unknown.
    #[serde(default)]
    pub total: f64,
    /// games, samples, epochs …
    #[serde(default)]
    pub unit: Line,
    /// One line for people.
    #[serde(default)]
    pub message: Line,
    /// Numbers by name.
    #[serde(default)]
    pub metrics: Metrics,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_names_round_trip() {
        let id = JobId::new("k3f9-7").expect("an id");
        for kind in JobType::ALL {
            assert_eq!(JobType::of_unit(&kind.unit(&id)), Some((kind, id.clone())));
        }
        assert_eq!(JobType::of_unit("ringrift-auto-export.service"), None);
    }
}
