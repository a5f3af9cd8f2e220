//! AUTO_EXPORT: queues an export when a configuration has enough games that no sample file was made from.
use crate::contract::catalog::{ArtefactFilter, ArtefactRecord};
use crate::contract::config::{Config, Stage};
use crate::contract::coordinator::NewWork;
use crate::contract::daemon::{Daemon, HandlerError, Input, Out};
use crate::contract::events::Payload;
use crate::contract::health::{Health, HealthCause};
use crate::contract::ids::ConfigKey;
use crate::contract::registry::declare;
use crate::contract::text;
use crate::contract::workload::{InputFile, JobType};
use serde_json::Value;

declare! {
    AutoExport {
        name: "AUTO_EXPORT",
        purpose: "Queues an export when there are enough new games",
        category: Category::Pipeline,
        profiles: &[Profile::Standalone],
        depends_on: &[D::EventRouter, D::DataPipeline],
        interval: 300,
        subscribes: &[E::NewGamesAvailable, E::NpzExportComplete, E::WorkFailed],
        hard: &[Hub::Router, Hub::Coordinator, Hub::Catalog],
    }
    asks [catalog]
    settings {
        /// Number of new games of a configuration that starts an export. The built-in trainer gains little from fewer.
        threshold_games: u64 = 320 in 1..=1_000_000 games;
        /// Number of most recent games to export (the training window).
        window_games: u64 = 2560 in 1..=10_000_000 games;
    }
    rules: &[Rule::AtLeast("window_games", "threshold_games")]
}

/// The daemon.
#[derive(Debug)]
pub struct AutoExport {
    settings: Settings,
    stage: Stage,
    auto: bool,
    keys: Vec<ConfigKey>,
}

impl Daemon for AutoExport {
    fn new(config: &Config) -> Self {
        AutoExport {
            settings: Settings::of(config),
            stage: config.workload.export.clone(),
            auto: config.pipeline.auto_trigger,
            keys: config.master.configs.clone(),
        }
    }

    fn configure(&mut self, config: &Config) {
        *self = Self::new(config);
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("waiting for new games")),
            // The tick catches what a change of the threshold or an export that failed for good left behind.
            Input::Tick { .. } => {
                for key in self.keys.clone() {
                    self.consider(&key, ports, out)?;
                }
            }
            Input::Event { payload: Payload::NewGamesAvailable(new), .. } => {
                self.consider(&new.config_key, ports, out)?
            }
            // Games may have come while the export ran.
            Input::Event { payload: Payload::NpzExportComplete(done), .. } => {
                self.consider(&done.config_key, ports, out)?
            }
            Input::Event { payload: Payload::WorkFailed(work), .. } if work.work_type == JobType::Export.name() => {
                out.health(
                    Health::degraded(format!("export {} failed: {}", work.work_id, work.error))
                        .caused_by(HealthCause::Jobs(JobType::Export)),
                );
            }
            _ => {}
        }
        Ok(())
    }
}

impl AutoExport {
    fn consider(&self, key: &ConfigKey, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let stage = ports.catalog.stage(key)?;
        let waiting = stage.games_since_export;
        if !self.auto || waiting < self.settings.threshold_games {
            out.last(format!("{key}: {waiting} of {} games", self.settings.threshold_games));
            return Ok(());
        }
        let filter = ArtefactFilter {
            kind: Some("games".into()),
            config_key: Some(key.clone()),
            // Games by other rules are not mixed in.
            rules_version: Some(stage.rules_version),
            ..ArtefactFilter::default()
        };
        let mut work = NewWork::new(JobType::Export, key.clone());
        work.priority = 80;
        work.params = self.stage.params.clone();
        work.singleton = Some(format!("export/{key}"));
        // The coordinator refuses a job that names more shards than this holds: fewer games are better than no export.
        let mut room = work.room();
        let (mut games, mut cut) = (0, "");
        let take = |shard: ArtefactRecord| {
            let file = InputFile { sha256: shard.id, path: shard.path };
            let Some(left) = room.checked_sub(file.bytes()) else {
                cut = "; window_games was not reached: a job cannot name more shards";
                return false;
            };
            room = left;
            games += shard.metrics.get("games_completed").and_then(Value::as_u64).unwrap_or(0);
            work.inputs.shards.push(file);
            games < self.settings.window_games
        };
        filter.walk(|page| ports.catalog.list(page), take)?;
        out.enqueue(work);
        let games = text::count(games, "game");
        out.last(format!("{key}: export of {games} queued ({waiting} new){cut}"));
        out.health(Health::healthy(format!("queued an export of {games} of {key}")));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::coordinator::TooLarge;
    use crate::contract::events::NewGamesAvailable;
    use crate::daemons::testing::{build, digest, key, node};
    use serde_json::json;

    fn new_games() -> NewGamesAvailable {
        NewGamesAvailable {
            host: node(),
            new_games: 25,
            total_games: 50,
            config_key: key(),
            shard_id: digest('a'),
            database_path: String::new(),
        }
    }

    #[test]
    fn waits_for_the_threshold_then_exports_the_newest_games() {
        let fakes = Fakes::new();
        let mut daemon: AutoExport = build();
        daemon.settings.window_games = 60;
        fakes.catalog.hold().stage.games_since_export = 319;
        assert!(fakes.event(&mut daemon, new_games()).expect("handled").work.is_empty());
        for id in ['a', 'b', 'c', 'd'] {
            fakes.catalog.hold().artefact("games", id, json!({"games_completed": 25}), &[]);
        }
        fakes.catalog.hold().stage.games_since_export = 320;
        let out = fakes.event(&mut daemon, new_games()).expect("handled");
        let shards: Vec<_> = out.work[0].inputs.shards.iter().map(|s| s.sha256.clone()).collect();
        assert_eq!(shards, [digest('d'), digest('c'), digest('b')], "the newest, until the window is full");
        assert_eq!(out.work[0].singleton.as_deref(), Some("export/square8_2p"));
    }

    /// Shards of one game each, and enough games for an export.
    fn shards(fakes: &Fakes, count: u64, path: &str) {
        let mut held = fakes.catalog.hold();
        held.artefact("games", '0', json!({"games_completed": 1}), &[]);
        let first = ArtefactRecord { path: path.into(), ..held.artefacts[0].clone() };
        let id = |n: u64| crate::contract::ids::Digest::new(format!("{n:064x}")).expect("a digest");
        held.artefacts = (1..=count).map(|n| ArtefactRecord { id: id(n), seq: n, ..first.clone() }).collect();
        held.stage.games_since_export = 320;
    }

    #[test]
    fn a_window_of_more_shards_than_a_job_may_name_is_cut_and_exported() {
        let fakes = Fakes::new();
        let path = format!("/var/lib/ringrift/artefacts/games/00/{}", "0".repeat(64));
        shards(&fakes, 2500, &path);
        let mut out = fakes.event(&mut build::<AutoExport>(), new_games()).expect("handled");
        let mut work = out.work.remove(0);
        let count = work.inputs.shards.len();
        assert!((1000..2000).contains(&count), "{count}");
        assert!(work.inputs.shards[0].sha256.as_str().ends_with("9c4"), "the newest ones");
        let said = out.last.unwrap_or_default();
        assert!(
            said.contains(&format!("export of {count} games queued")) && said.contains("window_games was not reached"),
            "{said}"
        );
        // What is added on the way has room.
        (work.idempotency_key, work.requested_by) = (Some("k".repeat(256)), "auto-export".into());
        TooLarge::check(work.bytes()).expect("the coordinator takes it");
    }

    #[test]
    fn of_a_window_that_is_not_cut_no_cut_is_said() {
        let fakes = Fakes::new();
        shards(&fakes, 400, "x");
        let out = fakes.event(&mut build::<AutoExport>(), new_games()).expect("handled");
        assert_eq!(out.last.as_deref(), Some("square8_2p: export of 400 games queued (320 new)"));
    }

    #[test]
    fn a_window_is_filled_from_as_many_pages_as_it_takes() {
        let fakes = Fakes::new();
        let mut daemon: AutoExport = build();
        daemon.settings.window_games = 1150;
        shards(&fakes, 1200, "x");
        let out = fakes.event(&mut daemon, new_games()).expect("handled");
        let shards = &out.work[0].inputs.shards;
        assert_eq!((shards.len(), shards[0].sha256.as_str().ends_with("4b0")), (1150, true), "the newest 1150 of 1200");
    }

    #[test]
    fn without_auto_trigger_nothing_is_queued() {
        let fakes = Fakes::new();
        let mut daemon: AutoExport = build();
        daemon.auto = false;
        fakes.catalog.hold().stage.games_since_export = 500;
        assert!(fakes.event(&mut daemon, new_games()).expect("handled").work.is_empty());
    }
}
