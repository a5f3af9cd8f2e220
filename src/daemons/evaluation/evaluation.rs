//! EVALUATION: queues the match of each new candidate against the champion.
use crate::contract::config::{Config, Promotion, Stage};
use crate::contract::coordinator::NewWork;
use crate::contract::daemon::{Daemon, HandlerError, Input, Out};
use crate::contract::events::Payload;
use crate::contract::health::{Health, HealthCause};
use crate::contract::ids::{ConfigKey, Digest};
use crate::contract::registry::declare;
use crate::contract::workload::{InputFile, JobType};
use serde_json::json;

declare! {
    Evaluation {
        name: "EVALUATION",
        purpose: "Queues the match of each new candidate against the champion",
        category: Category::Evaluation,
        profiles: &[Profile::Standalone, Profile::Coordinator],
        depends_on: &[D::EventRouter, D::DataPipeline],
        order: Some(18),
        health_check_interval: Some(120),
        subscribes: &[E::TrainingCompleted, E::EvaluationFailed, E::PromotionRejected],
        hard: &[Hub::Router, Hub::Coordinator, Hub::Catalog],
    }
    asks [catalog]
    settings {
        /// Seconds after which a match is stopped.
        timeout: u64 = 3600 in 60..=604_800 seconds;
    }
}

/// The daemon.
#[derive(Debug)]
pub struct Evaluation {
    settings: Settings,
    gate: Promotion,
    stage: Stage,
    auto: bool,
}

impl Daemon for Evaluation {
    fn new(config: &Config) -> Self {
        Evaluation {
            settings: Settings::of(config),
            gate: config.promotion.clone(),
            stage: config.workload.evaluation.clone(),
            auto: config.pipeline.auto_trigger,
        }
    }

    fn configure(&mut self, config: &Config) {
        *self = Self::new(config);
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("waiting for candidates")),
            Input::Event { payload, .. } => match payload {
                Payload::TrainingCompleted(done) => self.judge(&done.config_key, &done.model_id, ports, out)?,
                Payload::PromotionRejected(p) => {
                    self.again(&p.config_key, &p.model_id, p.match_id.as_ref(), ports, out)?
                }
                Payload::EvaluationFailed(failed) => {
                    out.health(
                        Health::degraded(format!(
                            "match {} of {} failed: {}",
                            failed.job_id, failed.config_key, failed.error
                        ))
                        .caused_by(HealthCause::Jobs(JobType::Evaluation)),
                    );
                }
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }
}

impl Evaluation {
    fn judge(&self, key: &ConfigKey, candidate: &Digest, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        if !self.auto {
            out.last(format!("{key}: no match: pipeline.auto_trigger is off"));
            return Ok(());
        }
        let record = ports.catalog.get(candidate)?;
        let record =
            record.ok_or_else(|| HandlerError::Failed(format!("the candidate {candidate} is not in the catalog")))?;
        let stage = ports.catalog.stage(key)?;
        if record.rules_version != stage.rules_version {
            let (is, force) = (record.rules_version, stage.rules_version);
            out.last(format!("{key}: no match: the candidate has rules version {is}, the current one is {force}"));
            return Ok(());
        }
        let champion = stage.champion;
        if champion.as_ref().is_some_and(|c| c.model_id == *candidate) {
            out.last(format!("{key}: the candidate is already the champion"));
            return Ok(());
        }
        let mut work = NewWork::new(JobType::Evaluation, key.clone());
        work.priority = 85;
        work.timeout_seconds = self.settings.timeout;
        work.inputs.candidate = Some(InputFile { sha256: record.id, path: record.path });
        work.inputs.champion = champion.map(|c| InputFile { sha256: c.model_id, path: c.model_path });
        work.params = self.stage.params.clone();
        for (name, value) in [
            ("elo0", json!(self.gate.elo0)),
            ("elo1", json!(self.gate.elo1)),
            ("alpha", json!(self.gate.alpha)),
            ("beta", json!(self.gate.beta)),
            ("max_games", json!(self.gate.max_games)),
        ] {
            work.params.insert(name.into(), value);
        }
        work.subject = Some(candidate.to_string());
        work.singleton = Some(format!("evaluation/{key}/{candidate}"));
        out.enqueue(work);
        let line = format!("{key}: match of {} queued", &candidate.as_str()[..12]);
        out.last(&line);
        out.health(Health::healthy(line));
        Ok(())
    }

    /// A candidate that was refused only because the champion changed meanwhile plays the new one.
    fn again(
        &self,
        key: &ConfigKey,
        candidate: &Digest,
        played: Option<&Digest>,
        ports: &Ports<'_>,
        out: &mut Out,
    ) -> Result<(), HandlerError> {
        let Some(champion) = ports.catalog.stage(key)?.champion else { return Ok(()) };
        let Some(played) = played else { return Ok(()) };
        let Some(record) = ports.catalog.get(played)? else { return Ok(()) };
        if record.parents.contains(&champion.model_id) { Ok(()) } else { self.judge(key, candidate, ports, out) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::events::{PromotionRejected, TrainingCompleted};
    use crate::daemons::testing::{build, champion, digest, job, key};

    fn trained() -> TrainingCompleted {
        TrainingCompleted {
            config_key: key(),
            board_type: "square8".into(),
            num_players: 2,
            job_id: job("t-1"),
            model_id: digest('c'),
            model_path: String::new(),
            parent_id: None,
            epochs: 3,
            final_loss: 1.0,
            samples_trained: 10,
            duration_seconds: 1.0,
            early_stopped: false,
        }
    }

    #[test]
    fn a_candidate_plays_the_champion_or_the_untrained_network() {
        let fakes = Fakes::new();
        fakes.catalog.hold().artefact("model", 'c', json!({}), &[]);
        let out = fakes.event(&mut build::<Evaluation>(), trained()).expect("handled");
        assert_eq!(out.work[0].inputs.champion, None);
        assert_eq!(out.work[0].params["max_games"], 400);
        fakes.catalog.hold().stage.champion = Some(champion('b', 1));
        let out = fakes.event(&mut build::<Evaluation>(), trained()).expect("handled");
        assert_eq!(out.work[0].inputs.champion.as_ref().map(|c| c.sha256.clone()), Some(digest('b')));
    }

    #[test]
    fn a_candidate_of_other_rules_is_not_tried() {
        let fakes = Fakes::new();
        fakes.catalog.hold().artefact("model", 'c', json!({}), &[]);
        fakes.catalog.hold().stage.rules_version += 1;
        let out = fakes.event(&mut build::<Evaluation>(), trained()).expect("handled");
        assert!(out.work.is_empty() && out.last.is_some_and(|l| l.contains("rules version")));
    }

    #[test]
    fn an_unknown_candidate_is_an_error_and_no_match() {
        let fakes = Fakes::new();
        fakes.catalog.hold();
        assert!(matches!(fakes.event(&mut build::<Evaluation>(), trained()), Err(HandlerError::Failed(_))));
    }

    #[test]
    fn a_match_against_a_former_champion_is_played_again() {
        let fakes = Fakes::new();
        fakes.catalog.hold().artefact("model", 'c', json!({}), &[]);
        fakes.catalog.hold().artefact("match", 'd', json!({}), &['c', 'b']);
        let refused = |m| PromotionRejected {
            config_key: key(),
            model_id: digest('c'),
            match_id: Some(digest(m)),
            reason: "x".into(),
            elo_improvement: None,
        };
        fakes.catalog.hold().stage.champion = Some(champion('b', 1));
        assert!(
            fakes.event(&mut build::<Evaluation>(), refused('d')).expect("handled").work.is_empty(),
            "it lost fairly"
        );
        fakes.catalog.hold().stage.champion = Some(champion('e', 2));
        let out = fakes.event(&mut build::<Evaluation>(), refused('d')).expect("handled");
        assert_eq!(out.work[0].inputs.champion.as_ref().map(|c| c.sha256.clone()), Some(digest('e')));
    }
}
