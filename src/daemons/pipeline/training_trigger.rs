//! TRAINING_TRIGGER: queues a training when there are samples that no model was trained on, and enough of them.
use crate::contract::catalog::ArtefactFilter;
use crate::contract::config::{Config, Stage};
use crate::contract::coordinator::{NewWork, WorkSelection};
use crate::contract::daemon::{Daemon, HandlerError, Input, Out};
use crate::contract::events::{self, Payload};
use crate::contract::health::{Health, HealthCause};
use crate::contract::ids::ConfigKey;
use crate::contract::registry::declare;
use crate::contract::text;
use crate::contract::workload::{InputFile, JobType};
use serde_json::Value;

declare! {
    TrainingTrigger {
        name: "TRAINING_TRIGGER",
        purpose: "Queues a training when there are enough new samples",
        category: Category::Pipeline,
        profiles: &[Profile::Standalone],
        depends_on: &[D::EventRouter, D::DataPipeline, D::AutoExport],
        order: Some(10),
        interval: 30,
        health_check_interval: Some(120),
        publishes: &[E::TrainingThresholdReached],
        subscribes: &[
            E::NpzExportComplete, E::TrainingCompleted, E::TrainingFailed, E::EvaluationCompleted,
        ],
        hard: &[Hub::Router, Hub::Coordinator, Hub::Catalog],
    }
    asks [clock, queue, catalog]
    settings {
        /// Number of games behind the new samples that starts a training. 1000 suits a fleet.
        threshold_games: u64 = 320 in 1..=10_000_000 games;
        /// Number of samples that starts a training.
        threshold_samples: u64 = 5000 in 1..=1_000_000_000 samples;
        /// Seconds after which a training is stopped.
        timeout: u64 = 14400 in 60..=604_800 seconds;
    }
}

/// Matches waiting or running of one configuration above which no further candidate is trained: they would only queue
/// up.
const MATCHES_WAITING: u64 = 2;

/// The daemon.
#[derive(Debug)]
pub struct TrainingTrigger {
    settings: Settings,
    stage: Stage,
    auto: bool,
}

impl Daemon for TrainingTrigger {
    fn new(config: &Config) -> Self {
        TrainingTrigger {
            settings: Settings::of(config),
            stage: config.workload.training.clone(),
            auto: config.pipeline.auto_trigger,
        }
    }

    fn configure(&mut self, config: &Config) {
        *self = Self::new(config);
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("waiting for samples")),
            Input::Event { payload, .. } => match payload {
                Payload::NpzExportComplete(done) => self.consider(&done.config_key, ports, out)?,
                // Samples may have come while the training or the match ran.
                Payload::TrainingCompleted(done) => self.consider(&done.config_key, ports, out)?,
                Payload::EvaluationCompleted(done) => self.consider(&done.config_key, ports, out)?,
                Payload::TrainingFailed(failed) => {
                    out.health(
                        Health::degraded(format!(
                            "training {} of {} failed: {}",
                            failed.job_id, failed.config_key, failed.error
                        ))
                        .caused_by(HealthCause::Jobs(JobType::Training)),
                    );
                }
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }
}

impl TrainingTrigger {
    fn consider(&self, key: &ConfigKey, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let stage = ports.catalog.stage(key)?;
        let newest = |kind: &str| {
            let filter = ArtefactFilter {
                kind: Some(kind.into()),
                config_key: Some(key.clone()),
                rules_version: Some(stage.rules_version),
                limit: Some(1),
                ..ArtefactFilter::default()
            };
            ports.catalog.list(&filter).map(|page| page.artefacts.into_iter().next())
        };
        let Some(samples) = newest("samples")? else { return Ok(()) };
        let count = |name: &str| samples.metrics.get(name).and_then(Value::as_u64).unwrap_or(0);
        let (sample_count, games) = (count("samples_exported"), count("games_exported"));
        if let Some(reason) = self.against(
            key,
            ports,
            sample_count,
            games,
            newest("model")?.is_some_and(|m| m.parents.contains(&samples.id)),
        )? {
            out.last(format!("{key}: no training: {reason}"));
            return Ok(());
        }
        let mut work = NewWork::new(JobType::Training, key.clone());
        work.priority = 90;
        work.timeout_seconds = self.settings.timeout;
        work.inputs.samples = vec![InputFile { sha256: samples.id.clone(), path: samples.path }];
        work.inputs.model = stage.champion.map(|c| InputFile { sha256: c.model_id, path: c.model_path });
        work.params = self.stage.params.clone();
        work.singleton = Some(format!("training/{key}"));
        work.subject = work.inputs.model.as_ref().map(|m| m.sha256.to_string());
        out.publish(events::TrainingThresholdReached {
            config_key: key.clone(),
            sample_count,
            threshold: self.settings.threshold_samples,
            samples_id: samples.id,
            triggered_at: ports.clock.now().us(),
        });
        out.enqueue(work);
        let line = format!("{key}: training on {} queued", text::count(sample_count, "sample"));
        out.last(&line);
        out.health(Health::healthy(line));
        Ok(())
    }

    /// The first reason against a training now.
    fn against(
        &self,
        key: &ConfigKey,
        ports: &Ports<'_>,
        samples: u64,
        games: u64,
        trained: bool,
    ) -> Result<Option<String>, HandlerError> {
        if !self.auto {
            return Ok(Some("pipeline.auto_trigger is off".into()));
        }
        if trained {
            return Ok(Some("the newest samples were already used".into()));
        }
        if samples < self.settings.threshold_samples {
            return Ok(Some(format!("{samples} of {} samples", self.settings.threshold_samples)));
        }
        if games < self.settings.threshold_games {
            return Ok(Some(format!("{games} of {} games", self.settings.threshold_games)));
        }
        let active = |kind| ports.queue.count(&WorkSelection::active().kind(kind).key(key));
        if active(JobType::Training)? > 0 {
            return Ok(Some("a training is queued or running".into()));
        }
        let matches = active(JobType::Evaluation)?;
        Ok((matches >= MATCHES_WAITING).then(|| format!("{} queued or running already", text::count(matches, "match"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::coordinator::WorkStatus;
    use crate::contract::events::NpzExportComplete;
    use crate::daemons::testing::{build, champion, digest, job, key};
    use serde_json::json;

    fn exported() -> NpzExportComplete {
        NpzExportComplete {
            config_key: key(),
            board_type: "square8".into(),
            num_players: 2,
            job_id: job("t-1"),
            samples_id: digest('a'),
            output_path: String::new(),
            samples_exported: 0,
            games_exported: 0,
            duration_seconds: 1.0,
        }
    }

    fn fakes(samples: u64) -> Fakes {
        let fakes = Fakes::new();
        fakes.clock.hold();
        fakes.queue.hold();
        fakes.catalog.hold().artefact("samples", 'a', json!({"samples_exported": samples, "games_exported": 400}), &[]);
        fakes
    }

    #[test]
    fn trains_from_the_champion_once_there_are_enough_samples() {
        let fakes = fakes(5000);
        fakes.catalog.hold().stage.champion = Some(champion('b', 1));
        let out = fakes.event(&mut build::<TrainingTrigger>(), exported()).expect("handled");
        assert!(matches!(&out.events[..], [Payload::TrainingThresholdReached(t)] if t.sample_count == 5000));
        assert_eq!(out.work[0].inputs.samples[0].sha256, digest('a'));
        assert_eq!(out.work[0].inputs.model.as_ref().map(|m| m.sha256.clone()), Some(digest('b')));
    }

    #[test]
    fn every_gate_says_why() {
        let few = fakes(10);
        let trained = fakes(5000);
        trained.catalog.hold().artefact("model", 'e', json!({}), &['a']);
        let busy = fakes(5000);
        busy.queue.hold().queued(JobType::Training, WorkStatus::Running);
        let full = fakes(5000);
        full.queue.hold().queued(JobType::Evaluation, WorkStatus::Pending);
        full.queue.hold().queued(JobType::Evaluation, WorkStatus::Running);
        for (fakes, word) in
            [(few, "of 5000 samples"), (trained, "already used"), (busy, "queued or running"), (full, "match")]
        {
            let out = fakes.event(&mut build::<TrainingTrigger>(), exported()).expect("handled");
            assert!(out.work.is_empty() && out.events.is_empty());
            assert!(out.last.as_deref().is_some_and(|l| l.contains(word)), "{:?}", out.last);
        }
    }
}
