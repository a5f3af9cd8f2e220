//! DATA_PIPELINE: owns the catalog. Turns results of jobs into artefacts, and says so in the stages' events.
use super::catalog_calls;
use super::effects::{effect, staged};
use super::housekeeping::{Housekeeping, Keeping};
use super::inspection;
use super::stage_results::{self as results, Effect};
use crate::contract::catalog::{SetAside, StageState};
use crate::contract::config::Config;
use crate::contract::daemon::{Daemon, HandlerError, Input, Out};
use crate::contract::envelope::Event;
use crate::contract::events::{self, Payload};
use crate::contract::facts::PipelineView;
use crate::contract::health::Health;
use crate::contract::job_file::Quota;
use crate::contract::messages;
use crate::contract::ports::CatalogChange;
use crate::contract::registry::declare;

declare! {
    DataPipeline {
        name: "DATA_PIPELINE",
        purpose: "Owns the catalog (artefacts, lineage, stages, ratings) and publishes the stages' events",
        category: Category::Pipeline,
        profiles: &[Profile::Standalone, Profile::Coordinator, Profile::TrainingNode, Profile::Ephemeral],
        depends_on: &[D::EventRouter],
        order: Some(3),
        health_check_interval: Some(30),
        critical: true,
        longest_handler: 60,
        memory_max: 512,
        publishes: &[
            E::SelfplayComplete, E::NewGamesAvailable, E::NpzExportStarted, E::NpzExportComplete, E::TrainingStarted,
            E::TrainingProgress, E::TrainingCompleted, E::TrainingFailed, E::EvaluationStarted, E::EvaluationCompleted,
            E::EvaluationFailed, E::EloUpdated, E::RulesChanged,
        ],
        subscribes: &[
            E::WorkStarted, E::WorkCompleted, E::WorkFailed, E::TaskHeartbeat, E::ModelPromoted, E::PromotionRejected,
            E::PromotionFailed, E::RulesChanged, E::ModelDistributionComplete, E::ModelDistributionFailed, E::DataSyncCompleted,
        ],
        before_emitter: &[D::AutoSync],
        serves: Some(Hub::Catalog),
    }
    asks [clock, queue, host, current, store]
    settings {
        /// Used disk space in percent above which no artefact is registered.
        max_disk_percent: f64 = 95.0 in 1.0..=100.0 percent;
    }
}

/// The daemon.
#[derive(Debug)]
pub struct DataPipeline {
    settings: Settings,
    /// `workload.rules_version`.
    rules_version: u32,
    /// `limits.job_bytes` and `limits.job_files`.
    quota: Quota,
    housekeeping: Housekeeping,
    /// The catalog was compared with `rules_version`; until then every tick tries again.
    compared: bool,
}

impl Daemon for DataPipeline {
    fn new(config: &Config) -> Self {
        DataPipeline {
            settings: Settings::of(config),
            rules_version: config.workload.rules_version,
            quota: config.limits.job_quota(),
            housekeeping: Housekeeping::new(config),
            compared: false,
        }
    }

    fn configure(&mut self, config: &Config) {
        self.settings = Settings::of(config);
        self.rules_version = config.workload.rules_version;
        self.compared = false;
        self.quota = config.limits.job_quota();
        self.housekeeping.configure(config);
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let shows = !matches!(&input, Input::Call(_) | Input::Event { payload: Payload::TaskHeartbeat(_), .. });
        let done = self.act(input, ports, out);
        // Who only looks reads this and asks nobody; what could not be read is told, too.
        if shows {
            let view =
                ports.store.stages().map_or_else(|error| PipelineView::Error(error.to_string()), PipelineView::Stages);
            out.snapshot = serde_json::to_value(view).ok();
        }
        done
    }
}

impl DataPipeline {
    fn act(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => {
                out.health(Health::healthy("the catalog is open"));
                self.compare_rules(ports, out)?;
            }
            Input::Event { event, payload } => self.event(event, payload, ports, out)?,
            Input::Tick { .. } => {
                if !self.compared {
                    self.compare_rules(ports, out)?;
                }
                self.keep_house(ports, out)?;
            }
            Input::Call(call) => {
                out.answer(catalog_calls::answer(call, &mut self.housekeeping, &keeping(ports), ports.clock.now())?);
            }
            Input::Reload => self.compare_rules(ports, out)?,
            _ => {}
        }
        Ok(())
    }

    /// Deletes what is no longer needed. In doubt nothing goes, and the next tick tries again.
    fn keep_house(&mut self, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        if let Some(line) = self.housekeeping.turn(&keeping(ports)).line()? {
            out.last(line);
        }
        Ok(())
    }

    fn event(&self, event: &Event, payload: Payload, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        if let Payload::TaskHeartbeat(beat) = &payload {
            if let Some(progress) = results::training_progress(beat) {
                out.publish(progress);
            }
            return Ok(());
        }
        if let Some(outputs) = ports.store.handled(&event.id)? {
            out.events = outputs;
            return Ok(());
        }
        if let Payload::WorkCompleted(work) = &payload {
            if let Some(why) = self.quota.refuses(work.artefacts.iter().map(|a| a.bytes)) {
                return Err(HandlerError::Rejected(format!("{} {}: {why}", work.work_type, work.work_id)));
            }
            self.room(ports)?;
        }
        inspection::inspect(&payload, ports.store)?;
        let effect = match payload {
            Payload::RulesChanged(p) => self.rules_changed(&p, ports)?,
            payload => effect(payload, ports.store, ports.clock.now())?,
        };
        let Some((change, outputs, line)) = effect else { return Ok(()) };
        ports.store.commit(&event.id, &change, &outputs)?;
        if let Some((config_key, version)) = &change.rules {
            tracing::warn!(MESSAGE_ID = messages::RULES_CHANGED, %config_key, version, "{line} (kept but not used)");
        }
        out.events = outputs;
        out.last(&line);
        out.health(Health::healthy(line));
        Ok(())
    }

    /// Says for every configuration whose rules are of another version than the workload's that it starts over. It does
    /// so when this event comes back: then the change is committed exactly once, at its place among the results.
    fn compare_rules(&mut self, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        for stage in ports.store.stages()? {
            let anything = stage.rules_since_us.is_some() || stage.games + stage.samples + stage.models > 0;
            if stage.rules_version == self.rules_version || !anything {
                continue;
            }
            let reason = format!(
                "the installed workload plays version {} of the rules, the catalog has {}",
                self.rules_version,
                in_force(&stage)
            );
            let (config_key, previous) = (stage.config_key, stage.rules_version);
            out.publish(events::RulesChanged { config_key, rules_version: self.rules_version, previous, reason });
        }
        self.compared = true;
        Ok(())
    }

    fn rules_changed(&self, p: &events::RulesChanged, ports: &Ports<'_>) -> Result<Option<Effect>, HandlerError> {
        // Said twice, or the configuration has changed again since.
        if p.rules_version != self.rules_version || ports.store.stage(&p.config_key)?.rules_version == p.rules_version {
            return Ok(None);
        }
        let line = format!("started from scratch: {}", p.reason);
        let change = CatalogChange {
            rules: Some((p.config_key.clone(), p.rules_version)),
            ..staged(&p.config_key, "selfplay", &line)
        };
        Ok(Some((change, vec![], format!("{} {line}", p.config_key))))
    }

    /// The disk gate: no room, or not known, is a no; the job's files wait where they are.
    fn room(&self, ports: &Ports<'_>) -> Result<(), HandlerError> {
        match ports.host.snapshot().disk_percent {
            Some(percent) if percent < self.settings.max_disk_percent => Ok(()),
            Some(percent) => Err(HandlerError::NoRoom(format!(
                "the disk is {percent:.1} % full (daemons.data_pipeline.max_disk_percent is {}); free space",
                self.settings.max_disk_percent
            ))),
            None => Err(HandlerError::Unavailable("cannot read the disk utilisation".into())),
        }
    }
}

/// What the housekeeping asks.
fn keeping<'a>(ports: &Ports<'a>) -> Keeping<'a> {
    Keeping { queue: ports.queue, current: ports.current, store: ports.store }
}

/// What a configuration has under the rules that are in force.
fn in_force(stage: &StageState) -> SetAside {
    SetAside {
        rules_version: stage.rules_version,
        games: stage.games,
        samples: stage.samples,
        models: stage.models,
        generation: stage.champion.as_ref().map_or(0, |c| c.generation),
    }
}

#[cfg(test)]
mod tests;
