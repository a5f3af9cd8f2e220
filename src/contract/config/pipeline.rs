//! The stages: commands, parameters, hand-over, and when a candidate becomes champion.
use super::check::Check;
use crate::contract::workload::{BUILT_IN_RULES, JobType};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The stages' hand-over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pipeline {
    /// Start the next stage when a stage has finished (`pipeline_auto_trigger`). False: stages run only when an
    /// operator queues them.
    pub auto_trigger: bool,
}

impl Default for Pipeline {
    fn default() -> Self {
        Pipeline { auto_trigger: true }
    }
}

impl Pipeline {
    pub(super) fn check(&self, _check: &mut Check) {}
}

/// The first gate: a sequential test of candidate against champion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Promotion {
    /// Elo difference of the null hypothesis (the candidate is not stronger), below elo1.
    pub elo0: f64,
    /// Elo difference that justifies a promotion, above elo0, -400 to 400.
    pub elo1: f64,
    /// Probability of promoting a candidate that is not stronger, 0.001 to 0.2.
    pub alpha: f64,
    /// Probability of rejecting a candidate that is stronger by elo1, 0.001 to 0.2.
    pub beta: f64,
    /// Number of games after which an undecided match counts as a rejection, 2 to 100,000. Must be even: openings are
    /// played in pairs.
    pub max_games: u32,
}

impl Default for Promotion {
    fn default() -> Self {
        Promotion { elo0: 0.0, elo1: 50.0, alpha: 0.05, beta: 0.05, max_games: 400 }
    }
}

impl Promotion {
    pub(super) fn check(&self, check: &mut Check) {
        check.ascending(&[("promotion.elo0", self.elo0), ("promotion.elo1", self.elo1)]);
        check.range("promotion.elo1", self.elo1, -400.0, 400.0);
        check.range("promotion.alpha", self.alpha, 0.001, 0.2);
        check.range("promotion.beta", self.beta, 0.001, 0.2);
        check.range("promotion.max_games", self.max_games, 2, 100_000);
        if self.max_games % 2 == 1 {
            check.fail(
                "promotion.max_games",
                format!("{} is odd; must be even, because openings are played in pairs", self.max_games),
            );
        }
    }
}

/// One stage: its command and the parameters it is given.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stage {
    /// Program and arguments; see ringrift-workload(7). Empty: jobs of this type are refused.
    pub command: Vec<String>,
    /// Handed to the workload as they are.
    pub params: Map<String, Value>,
}

fn built_in(stage: &str, params: &[(&str, u32)]) -> Stage {
    let command = vec![format!("{}/ringrift-workload", crate::contract::paths::LIBEXEC), stage.to_owned()];
    Stage { command, params: params.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect() }
}

/// The workload: one command a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workload {
    /// Plays games. `command` is a program (absolute path) with its arguments; see ringrift-workload(7). `params` are
    /// passed to it unchanged.
    pub selfplay: Stage,
    /// Converts games to samples.
    pub export: Stage,
    /// Trains a model on samples.
    pub training: Stage,
    /// Plays a match of candidate against champion.
    pub evaluation: Stage,
    /// Empty: jobs of this type are rejected.
    pub tournament: Stage,
    /// Empty: jobs of this type are rejected.
    pub cmaes: Stage,
    /// Empty: jobs of this type are rejected.
    pub pipeline: Stage,
    /// Empty: jobs of this type are rejected.
    pub improvement: Stage,
    /// Empty: jobs of this type are rejected.
    pub sync: Stage,
    /// Number of games per self-play job, 1 to 100,000. Small enough that a job ends within minutes.
    pub games_per_job: u32,
    /// Version of the game's rules that the commands play, 1 to 1,000,000. When it changes, the loop starts from
    /// scratch: games, samples and models of the earlier version are kept but not used. Change it when your own
    /// commands play the game differently.
    pub rules_version: u32,
}

impl Default for Workload {
    fn default() -> Self {
        Workload {
            selfplay: built_in("selfplay", &[("simulations", 64)]),
            export: built_in("export", &[]),
            training: built_in("train", &[]),
            evaluation: built_in("evaluate", &[("simulations", 64), ("baseline_games", 100)]),
            tournament: Stage::default(),
            cmaes: Stage::default(),
            pipeline: Stage::default(),
            improvement: Stage::default(),
            sync: Stage::default(),
            games_per_job: 80,
            rules_version: BUILT_IN_RULES,
        }
    }
}

impl Workload {
    /// The stage of a job type.
    pub fn stage(&self, kind: JobType) -> &Stage {
        match kind {
            JobType::Selfplay => &self.selfplay,
            JobType::Export => &self.export,
            JobType::Training => &self.training,
            JobType::Evaluation => &self.evaluation,
            JobType::Tournament => &self.tournament,
            JobType::Cmaes => &self.cmaes,
            JobType::Pipeline => &self.pipeline,
            JobType::Improvement => &self.improvement,
            JobType::Sync => &self.sync,
        }
    }

    pub(super) fn check(&self, check: &mut Check) {
        for kind in JobType::ALL {
            if let Some(program) = self.stage(kind).command.first()
                && !program.starts_with('/')
            {
                check.fail(&format!("workload.{kind}.command"), format!("{program:?} is not an absolute path"));
            }
        }
        check.range("workload.games_per_job", self.games_per_job, 1, 100_000);
        check.range("workload.rules_version", self.rules_version, 1, 1_000_000);
        let own = format!("{}/ringrift-workload", crate::contract::paths::LIBEXEC);
        if self.selfplay.command.first() == Some(&own) && self.rules_version != BUILT_IN_RULES {
            let why = format!(
                "must be {BUILT_IN_RULES} with the built-in self-play; another version needs your own \
                    workload.selfplay.command"
            );
            check.fail("workload.rules_version", why);
        }
    }
}
