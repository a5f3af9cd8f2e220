//! What one event means for the catalog: the change, the stages' events that follow from it, and one line about it.
use super::description::description;
use super::stage_results::{self as results, Effect};
use crate::contract::catalog::Champion;
use crate::contract::daemon::HandlerError;
use crate::contract::events::{self, Payload};
use crate::contract::ids::ConfigKey;
use crate::contract::ports::{CatalogChange, CatalogStore};
use crate::contract::time::Wall;
use crate::contract::workload::JobType;

/// A configuration's new stage and why.
pub(super) fn staged(key: &ConfigKey, stage: &str, line: &str) -> CatalogChange {
    CatalogChange { stage: Some((key.clone(), stage.into(), line.into())), ..Default::default() }
}

/// What one event means for the catalog.
pub(super) fn effect(payload: Payload, store: &dyn CatalogStore, now: Wall) -> Result<Option<Effect>, HandlerError> {
    Ok(match payload {
        Payload::WorkStarted(work) => results::started(&work),
        Payload::WorkCompleted(work) => Some(results::completed(&work, store, now)?),
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
            Some((
                CatalogChange { champion: Some(champion), ..staged(&p.config_key, "promotion", &line) },
                vec![],
                line,
            ))
        }
        Payload::PromotionRejected(p) => {
            let line = format!("{} refused: {}", &p.model_id.as_str()[..12], p.reason);
            let change =
                CatalogChange { refused: Some(p.config_key.clone()), ..staged(&p.config_key, "selfplay", &line) };
            Some((change, vec![], line))
        }
        Payload::PromotionFailed(p) => {
            let line = format!("{} could not be promoted: {}", &p.model_id.as_str()[..12], p.error);
            Some((staged(&p.config_key, "selfplay", &line), vec![], line))
        }
        Payload::ModelDistributionComplete(p) => {
            let line = format!("self-play uses generation {}, {}", p.generation, &p.model_id.as_str()[..12]);
            Some((staged(&p.config_key, "complete", &line), vec![], line))
        }
        // Games that came from elsewhere are announced by AUTO_SYNC with NEW_GAMES_AVAILABLE; here only the stage is
        // kept.
        Payload::DataSyncCompleted(p) => p
            .config_key
            .map(|key| (staged(&key, "data_sync", "a transfer finished"), vec![], "a transfer finished".into())),
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
            let model_id = description(&work.description).ok().and_then(|d| d.inputs.candidate).map(|c| c.sha256);
            vec![
                events::EvaluationFailed {
                    config_key: key.clone(),
                    model_id,
                    job_id: work.work_id.clone(),
                    error: work.error.clone(),
                }
                .into(),
            ]
        }
        _ => vec![],
    };
    Some((staged(&key, "selfplay", &line), output, line))
}
