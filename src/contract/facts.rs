//! Facts: everything that was looked at in one moment, as it was found. Whoever shows the suite collects them and has
//! them judged.
use super::catalog::StageState;
use super::config::Config;
use super::coordinator::CoordinatorStatus;
use super::coordinator::conditions::Thresholds;
use super::health::StatusFile;
use super::host::{HostSnapshot, UnitView};
use super::master::{Control, MasterView};
use super::notice::Notice;
use super::registry::Profile;
use super::router::Stats;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One look.
#[derive(Debug, Clone)]
pub struct Facts {
    /// When, microseconds since 1970.
    pub now_us: i64,
    /// The machine's name.
    pub host_name: String,
    /// The units of the suite, or why systemd could not be asked.
    pub units: Known<Vec<UnitView>>,
    /// Status files by their folders' names: `auto-export`, `coordinator`, `master`.
    pub reports: BTreeMap<String, StatusFile>,
    /// Status files that are there and cannot be read, with the reason and the file's time.
    pub torn: Vec<Missing>,
    /// Control files by the daemons' folder names.
    pub controls: BTreeMap<String, Control>,
    /// The configuration on disk.
    pub config: ConfigFacts,
    /// What was lost or is held back.
    pub notices: Vec<Notice>,
    /// The machine.
    pub machine: HostSnapshot,
    /// The text of the emergency flag, if there is one, or why that cannot be seen.
    pub flag: Known<Option<String>>,
    /// The machine has a GPU whose driver does not answer, and why.
    pub gpu_lost: Option<String>,
}

/// What was found out, or why it was not.
pub type Known<T> = Result<T, String>;

/// A source that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What.
    pub source: String,
    /// The folder's name of the process whose account it is, if it is one's: `auto-export`, `master`.
    pub process: Option<String>,
    /// Why.
    pub why: String,
    /// Since when, microseconds since 1970, if that is known.
    pub since_us: Option<i64>,
}

/// The configuration on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigFacts {
    /// Its errors, each with its place; empty when it is valid. What the suite's users cannot read is an error of it.
    pub errors: Vec<String>,
    /// The file of the first error.
    pub first_file: Option<String>,
    /// A file of it that only the one who looks may not read: whether it is valid is unknown then.
    pub hidden: Option<String>,
    /// When a file of it was last changed, microseconds since 1970.
    pub changed_us: Option<i64>,
    /// The thresholds to go by.
    pub thresholds: Thresholds,
    /// Where those are from.
    pub thresholds_from: ThresholdSource,
    /// The command of each job type, with the file and line that set it.
    pub commands: BTreeMap<String, (String, String)>,
}

/// Where thresholds are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThresholdSource {
    /// The coordinator goes by them at this moment.
    Coordinator,
    /// The files as they are.
    Files,
    /// The files as they were when they could last be read and were valid, seen by the process that looks.
    Remembered,
    /// Built in: the process that looks has never read valid files.
    Defaults,
}

impl Default for ConfigFacts {
    fn default() -> ConfigFacts {
        ConfigFacts::of(&Config::default())
    }
}

impl ConfigFacts {
    /// Of a valid configuration.
    pub fn of(config: &Config) -> ConfigFacts {
        ConfigFacts {
            errors: Vec::new(),
            first_file: None,
            hidden: None,
            changed_us: None,
            thresholds: Thresholds::of(&config.safeguards),
            thresholds_from: ThresholdSource::Files,
            commands: BTreeMap::new(),
        }
    }
}

/// What DATA_PIPELINE puts into its status file: where each configuration stands, or why the catalog did not say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PipelineView {
    /// By the catalog.
    Stages(Vec<StageState>),
    /// The catalog's error.
    Error(String),
}

impl Default for Facts {
    fn default() -> Facts {
        Facts {
            now_us: 0,
            host_name: String::new(),
            units: Err("nobody has asked systemd".into()),
            reports: BTreeMap::new(),
            torn: Vec::new(),
            controls: BTreeMap::new(),
            config: ConfigFacts::default(),
            notices: Vec::new(),
            machine: HostSnapshot::default(),
            flag: Ok(None),
            gpu_lost: None,
        }
    }
}

impl Facts {
    /// A unit by its name.
    pub fn unit(&self, name: &str) -> Option<&UnitView> {
        self.units.as_ref().ok()?.iter().find(|u| u.name == name)
    }
    /// What a process last put into its status file.
    pub fn snapshot<T: DeserializeOwned>(&self, folder: &str) -> Option<T> {
        serde_json::from_value(self.reports.get(folder)?.snapshot.clone()).ok()
    }
    /// The master's account.
    pub fn master(&self) -> Option<MasterView> {
        self.snapshot("master")
    }
    /// The coordinator's account.
    pub fn coordinator(&self) -> Option<CoordinatorStatus> {
        self.snapshot("coordinator")
    }
    /// The router's figures.
    pub fn router(&self) -> Option<Stats> {
        self.snapshot("event-router")
    }
    /// DATA_PIPELINE's account of the stages.
    pub fn pipeline(&self) -> Option<PipelineView> {
        self.snapshot("data-pipeline")
    }
    /// The applied profile, as far as the master has said.
    pub fn profile(&self) -> Option<Profile> {
        self.master().and_then(|m| Profile::parse(&m.health.profile))
    }
}
