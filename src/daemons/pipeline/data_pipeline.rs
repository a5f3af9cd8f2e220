//! DATA_PIPELINE: owns the catalog. Turns results of jobs into artefacts, and says so in the stages' events.
use super::catalog_calls;
use super::stage_results as results;
use crate::contract::catalog::Champion;
use crate::contract::config::{Config, DataPipeline as Settings};
use crate::contract::daemon::{Daemon, HandlerError, Input, Out};
use crate::contract::envelope::Event;
use crate::contract::events::{self, Payload};
use crate::contract::health::Health;
use crate::contract::ids::ConfigKey;
use crate::contract::ports::{CatalogChange, Ports};
use crate::contract::registry::DaemonType;
use crate::contract::workload::JobType;

/// The daemon.
#[derive(Debug)]
pub struct DataPipeline {
    settings: Settings,
}

/// What an event changes and what it says.
pub(super) type Effect = (CatalogChange, Vec<Payload>, String);

impl Daemon for DataPipeline {
    const TYPE: DaemonType = DaemonType::DataPipeline;

    fn new(config: &Config) -> Self {
        DataPipeline { settings: config.daemons.data_pipeline.clone() }
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("the catalog is open")),
            Input::Event { event, payload } => self.event(event, payload, ports, out)?,
            Input::Call(call) => catalog_calls::answer(call, ports, out),
            Input::Reload(config) => self.settings = config.daemons.data_pipeline.clone(),
            _ => {}
        }
        Ok(())
    }
}

impl DataPipeline {
    fn event(&self, event: &Event, payload: Payload, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let store = ports.store.ok_or_else(|| HandlerError::Failed("the catalog is not open".into()))?;
        if let Payload::TaskHeartbeat(beat) = &payload {
            if let Some(progress) = results::training_progress(beat) {
                out.publish(progress);
            }
            return Ok(());
        }
        if let Some(outputs) = store.handled(&event.id)? {
            out.events = outputs;
            return Ok(());
        }
        if let Payload::WorkCompleted(_) = &payload {
            self.room(ports)?;
        }
        let Some((change, outputs, line)) = effect(payload, ports)? else { return Ok(()) };
        store.commit(&event.id, &change, &outputs)?;
        out.events = outputs;
        out.last(&line);
        out.health(Health::healthy(line));
        Ok(())
    }

    /// The disk gate: no room, or not known, is a no; the job's files wait where they are.
    fn room(&self, ports: &Ports<'_>) -> Result<(), HandlerError> {
        match ports.host.snapshot().disk_percent {
            Some(percent) if percent < self.settings.max_disk_percent => Ok(()),
            Some(percent) => Err(HandlerError::Unavailable(format!(
                "the disk is {percent:.1} % full, daemons.data_pipeline.max_disk_percent is {}; make room",
                self.settings.max_disk_percent
            ))),
            None => Err(HandlerError::Unavailable("how full the disk is could not be read".into())),
        }
    }
}

fn staged(key: &ConfigKey, stage: &str, line: &str) -> CatalogChange {
    CatalogChange { stage: Some((key.clone(), stage.into(), line.into())), ..Default::default() }
}

/// What one event means for the catalog.
fn effect(payload: Payload, ports: &Ports<'_>) -> Result<Option<Effect>, HandlerError> {
    Ok(match payload {
        Payload::WorkStarted(work) => results::started(&work),
        Payload::WorkCompleted(work) => Some(results::completed(&work, ports)?),
        Payload::WorkFailed(work) => failed(&work),
        Payload::ModelPromoted(p) => {
            let line = format!("generation {} is {}", p.generation, &p.model_id.as_str()[..12]);
            let champion = Champion {
                config_key: p.config_key.clone(),
                generation: p.generation,
                model_id: p.model_id,
                model_path: p.model_path,
                match_id: p.match_id,
                elo: p.new_elo,
                promoted_us: p.promoted_at,
            };
            Some((CatalogChange { champion: Some(champion), ..staged(&p.config_key, "promotion", &line) }, vec![], line))
        }
        Payload::PromotionRejected(p) => {
            let line = format!("{} refused: {}", &p.model_id.as_str()[..12], p.reason);
            let change = CatalogChange { refused: Some(p.config_key.clone()), ..staged(&p.config_key, "selfplay", &line) };
            Some((change, vec![], line))
        }
        Payload::ModelDistributionComplete(p) => {
            let line = format!("self-play uses generation {}, {}", p.generation, &p.model_id.as_str()[..12]);
            Some((staged(&p.config_key, "complete", &line), vec![], line))
        }
        // Games that came from elsewhere are announced by AUTO_SYNC with NEW_GAMES_AVAILABLE; here only the stage is kept.
        Payload::DataSyncCompleted(p) => {
            p.config_key.map(|key| (staged(&key, "data_sync", "a transfer ended"), vec![], "a transfer ended".into()))
        }
        _ => None,
    })
}

fn failed(work: &events::WorkFailed) -> Option<Effect> {
    let key = work.config_key.clone()?;
    let line = format!("{} {} failed: {}", work.work_type, work.work_id, work.error);
    let output: Vec<Payload> = match JobType::from_name(&work.work_type)? {
        JobType::Training => {
            vec![
                events::TrainingFailed {
                    config_key: key.clone(),
                    job_id: work.work_id.clone(),
                    error: work.error.clone(),
                    duration_seconds: None,
                }
                .into(),
            ]
        }
        JobType::Evaluation => {
            let model_id = results::description(&work.description).ok().and_then(|d| d.inputs.candidate).map(|c| c.sha256);
            vec![
                events::EvaluationFailed { config_key: key.clone(), model_id, job_id: work.work_id.clone(), error: work.error.clone() }
                    .into(),
            ]
        }
        _ => vec![],
    };
    Some((staged(&key, "selfplay", &line), output, line))
}

#[cfg(test)]
mod tests {
    use super::super::testdata;
    use super::*;
    use crate::daemons::testing::{World, build, champion, digest, key};

    fn pipeline() -> (World, DataPipeline) {
        let world = World::new();
        world.host.borrow_mut().disk_percent = Some(10.0);
        (world, build())
    }

    #[test]
    fn a_shard_becomes_new_games() {
        let (world, mut daemon) = pipeline();
        let out = world.event(&mut daemon, testdata::selfplay_done('a')).expect("handled");
        let [Payload::SelfplayComplete(complete), Payload::NewGamesAvailable(new)] = &out.events[..] else { panic!("{:?}", out.events) };
        assert_eq!((complete.games_completed, new.new_games, new.total_games), (25, 25, 25));
        let (_, change, _) = world.committed.borrow()[0].clone();
        assert_eq!(change.artefacts[0].0.id, digest('a'));
        let file = &change.artefacts[0].1;
        assert_eq!((file.job.as_str(), file.attempt, file.path.as_str(), &file.uids[..]), ("t-1", 1, "games.db", &[1000][..]));
    }

    #[test]
    fn a_repeated_input_says_the_same_and_changes_nothing() {
        let (world, mut daemon) = pipeline();
        let payload = testdata::selfplay_done('a');
        let event = world.envelope(&payload);
        let first = world.give(&mut daemon, Input::Event { event: &event, payload: payload.clone().into() }).expect("handled");
        let second = world.give(&mut daemon, Input::Event { event: &event, payload: payload.into() }).expect("handled");
        assert_eq!(first.events, second.events);
        assert_eq!(world.committed.borrow().len(), 1);
    }

    #[test]
    fn a_match_becomes_a_rating_on_top_of_the_champions() {
        let (world, mut daemon) = pipeline();
        world.artefact("model", 'd', serde_json::json!({}), &[]);
        world.stage.borrow_mut().champion = Some(champion('b', 1));
        let out = world.event(&mut daemon, testdata::match_done('c', 'd', Some('b'), "accept_h1")).expect("handled");
        let [Payload::EvaluationCompleted(done), Payload::EloUpdated(elo)] = &out.events[..] else { panic!("{:?}", out.events) };
        assert_eq!((done.sprt_decision.as_str(), done.wins), ("accept_h1", 60));
        assert_eq!(elo.new_elo, 100.0 + done.elo);
        let (_, change, _) = world.committed.borrow()[0].clone();
        assert_eq!(change.artefacts[0].0.parents, [digest('d'), digest('b')]);
    }

    #[test]
    fn a_full_or_unknown_disk_takes_nothing() {
        for percent in [Some(99.0), None] {
            let (world, mut daemon) = pipeline();
            world.host.borrow_mut().disk_percent = percent;
            let error = world.event(&mut daemon, testdata::selfplay_done('a')).expect_err("refused");
            assert!(matches!(error, HandlerError::Unavailable(_)), "{error}");
            assert!(world.committed.borrow().is_empty());
        }
    }

    #[test]
    fn a_result_without_its_numbers_is_rejected() {
        let (world, mut daemon) = pipeline();
        let mut payload = testdata::selfplay_done('a');
        payload.metrics.remove("games_completed");
        let error = world.event(&mut daemon, payload).expect_err("rejected");
        assert!(matches!(&error, HandlerError::Rejected(why) if why.contains("games_completed")), "{error}");
    }

    #[test]
    fn a_failed_training_is_said() {
        let (world, mut daemon) = pipeline();
        let out = world.event(&mut daemon, testdata::failed("training")).expect("handled");
        assert!(matches!(&out.events[..], [Payload::TrainingFailed(f)] if f.config_key == key()), "{:?}", out.events);
    }
}
