//! Inputs that a job could not use: one damaged file is quarantined, so that it does not hold up all others.
use super::description::{description, left_out};
use crate::contract::daemon::HandlerError;
use crate::contract::events::Payload;
use crate::contract::ports::CatalogStore;
use crate::contract::workload::JobType;

/// Looks at what a job could not use. A failed job names nothing: each of its inputs is looked at.
pub(super) fn inspect(payload: &Payload, store: &dyn CatalogStore) -> Result<(), HandlerError> {
    match payload {
        Payload::WorkCompleted(work) if work.work_type == JobType::Export.name() => {
            for (id, reason) in left_out(work, &description(&work.description)?.inputs) {
                store.inspect(&id, Some(&reason))?;
            }
        }
        Payload::WorkFailed(work) => {
            // Self-play looks the champion up by itself: one that it did not find is not in its description.
            if let Some(key) = work.config_key.as_ref().filter(|_| work.work_type == JobType::Selfplay.name())
                && let Some(champion) = store.stage(key)?.champion
            {
                store.inspect(&champion.model_id, None)?;
            }
            let Ok(job) = description(&work.description) else { return Ok(()) };
            let models = [job.inputs.model, job.inputs.champion, job.inputs.candidate].into_iter().flatten();
            for file in models.chain(job.inputs.shards).chain(job.inputs.samples) {
                store.inspect(&file.sha256, None)?;
            }
        }
        // It could not be switched to.
        Payload::ModelDistributionFailed(p) => drop(store.inspect(&p.model_id, None)?),
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::data_pipeline::{DataPipeline, Fakes};
    use super::super::testdata;
    use crate::daemons::testing::{build, digest};
    use serde_json::json;

    #[test]
    fn a_shard_that_an_export_left_out_is_quarantined_and_no_parent_of_the_samples() {
        let fakes = Fakes::new();
        fakes.clock.hold();
        fakes.store.hold();
        fakes.host.hold().seen.disk_percent = Some(10.0);
        let mut daemon: DataPipeline = build();
        let mut payload = testdata::export_done('e', &['a', 'b']);
        let left = json!([{"sha256": digest('a'), "reason": "is malformed"}, {"sha256": digest('f'), "reason": "not an input"}]);
        payload.metrics.insert("shards_quarantined".into(), left);
        fakes.event(&mut daemon, payload).expect("handled");
        assert_eq!(fakes.store.hold().quarantined, [(digest('a'), "is malformed".to_owned())]);
        let (_, change, _) = fakes.store.hold().committed[0].clone();
        assert_eq!(change.artefacts[0].0.parents, [digest('b')]);
    }

    #[test]
    fn a_champion_that_self_play_or_its_distribution_could_not_use_is_looked_at() {
        use crate::contract::events::ModelDistributionFailed;
        use crate::daemons::testing::{champion, key};
        let fakes = Fakes::new();
        fakes.clock.hold();
        let mut daemon: DataPipeline = build();
        fakes.store.hold().catalog.stage.champion = Some(champion('c', 3));
        fakes.store.hold().damaged.extend([digest('c'), digest('d')]);
        fakes.event(&mut daemon, testdata::failed("export")).expect("handled");
        assert_eq!(fakes.store.hold().quarantined.len(), 0, "an export uses no model");
        fakes.event(&mut daemon, testdata::failed("selfplay")).expect("handled");
        let failed =
            ModelDistributionFailed { config_key: key(), model_id: digest('d'), error: "SHA-256 differs".into() };
        fakes.event(&mut daemon, failed).expect("handled");
        let found: Vec<_> = fakes.store.hold().quarantined.iter().map(|(id, _)| id.clone()).collect();
        assert_eq!(found, [digest('c'), digest('d')]);
    }

    #[test]
    fn a_failed_jobs_damaged_input_is_found() {
        let fakes = Fakes::new();
        fakes.clock.hold();
        let mut daemon: DataPipeline = build();
        fakes.store.hold().damaged.push(digest('b'));
        let mut payload = testdata::failed("export");
        payload.description = testdata::export_done('e', &['a', 'b']).description;
        fakes.event(&mut daemon, payload).expect("handled");
        assert_eq!(fakes.store.hold().quarantined.len(), 1);
    }
}
