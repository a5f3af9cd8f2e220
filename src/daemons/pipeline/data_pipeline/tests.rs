//! DATA_PIPELINE with fakes: what each input makes of the catalog.
use super::super::testdata;
use super::*;
use crate::contract::config::Workload;
use crate::contract::workload::BUILT_IN_RULES;
use crate::daemons::testing::{build, champion, digest, key};

fn pipeline() -> (Fakes, DataPipeline) {
    let fakes = Fakes::new();
    fakes.clock.hold();
    fakes.store.hold();
    fakes.host.hold().seen.disk_percent = Some(10.0);
    (fakes, build())
}

#[test]
fn a_shard_becomes_new_games() {
    let (fakes, mut daemon) = pipeline();
    let out = fakes.event(&mut daemon, testdata::selfplay_done('a')).expect("handled");
    let [Payload::SelfplayComplete(complete), Payload::NewGamesAvailable(new)] = &out.events[..] else {
        panic!("{:?}", out.events)
    };
    assert_eq!((complete.games_completed, new.new_games, new.total_games), (25, 25, 25));
    let (_, change, _) = fakes.store.hold().committed[0].clone();
    assert_eq!(change.artefacts[0].0.id, digest('a'));
    let file = &change.artefacts[0].1;
    assert_eq!(
        (file.job.as_str(), file.attempt, file.path.as_str(), &file.uids[..]),
        ("t-1", 1, "games.db", &[1000][..])
    );
}

/// Every change of the catalog stands in the status file afterwards; queries change nothing there.
#[test]
fn where_the_configurations_stand_is_shown_to_those_who_only_look() {
    let (fakes, mut daemon) = pipeline();
    let shown =
        |out: Out| out.snapshot.map(|value| serde_json::from_value::<PipelineView>(value).expect("its own view"));
    let Some(PipelineView::Stages(stages)) = shown(fakes.give(&mut daemon, Input::Start).expect("started")) else {
        panic!("no stages")
    };
    assert_eq!(stages, [fakes.store.hold().catalog.stage.clone()]);
    let out = fakes.event(&mut daemon, testdata::selfplay_done('a')).expect("handled");
    assert!(matches!(shown(out), Some(PipelineView::Stages(_))));
}

#[test]
fn a_repeated_input_says_the_same_and_changes_nothing() {
    let (fakes, mut daemon) = pipeline();
    let payload = testdata::selfplay_done('a');
    let event = crate::contract::ports::fakes::envelope(&payload);
    let first =
        fakes.give(&mut daemon, Input::Event { event: &event, payload: payload.clone().into() }).expect("handled");
    let second = fakes.give(&mut daemon, Input::Event { event: &event, payload: payload.into() }).expect("handled");
    assert_eq!(first.events, second.events);
    assert_eq!(fakes.store.hold().committed.len(), 1);
}

#[test]
fn a_match_becomes_a_rating_on_top_of_the_champions() {
    let (fakes, mut daemon) = pipeline();
    fakes.store.hold().catalog.artefact("model", 'd', serde_json::json!({}), &[]);
    fakes.store.hold().catalog.stage.champion = Some(champion('b', 1));
    let out = fakes.event(&mut daemon, testdata::match_done('c', 'd', Some('b'), "accept_h1")).expect("handled");
    let [Payload::EvaluationCompleted(done), Payload::EloUpdated(elo)] = &out.events[..] else {
        panic!("{:?}", out.events)
    };
    assert_eq!((done.sprt_decision.as_str(), done.wins), ("accept_h1", 60));
    assert_eq!(elo.new_elo, 100.0 + done.elo);
    let (_, change, _) = fakes.store.hold().committed[0].clone();
    assert_eq!(change.artefacts[0].0.parents, [digest('d'), digest('b')]);
}

#[test]
fn other_rules_begin_anew_once_and_say_why() {
    let (fakes, mut daemon) = pipeline();
    assert!(fakes.give(&mut daemon, Input::Start).expect("started").events.is_empty(), "the same rules");
    {
        let mut held = fakes.store.hold();
        let stage = &mut held.catalog.stage;
        (stage.rules_version, stage.games, stage.models, stage.champion) = (1, 40, 3, Some(champion('b', 2)));
    }
    let out = fakes.give(&mut daemon, Input::Start).expect("started");
    let [Payload::RulesChanged(changed)] = &out.events[..] else { panic!("{:?}", out.events) };
    assert_eq!((changed.rules_version, changed.previous), (BUILT_IN_RULES, 1));
    assert!(changed.reason.contains("40 games and 3 models of version 1, champion generation 2"), "{}", changed.reason);
    let changed = changed.clone();
    fakes.event(&mut daemon, changed.clone()).expect("handled");
    let (_, change, _) = fakes.store.hold().committed[0].clone();
    assert_eq!(change.rules, Some((key(), BUILT_IN_RULES)));
    assert!(change.stage.is_some_and(|(_, stage, why)| stage == "selfplay" && why.contains("started from scratch")));
    fakes.store.hold().catalog.stage.rules_version = BUILT_IN_RULES;
    fakes.event(&mut daemon, changed).expect("handled");
    assert_eq!(fakes.store.hold().committed.len(), 1, "said twice, done once");
}

#[test]
fn a_result_is_of_the_rules_that_it_reports_or_comes_from() {
    let (fakes, mut daemon) = pipeline();
    let version = |at: usize| fakes.store.hold().committed[at].1.artefacts[0].0.rules_version;
    let mut reported = testdata::selfplay_done('a');
    reported.metrics.insert("rules_version".into(), 7.into());
    fakes.event(&mut daemon, reported).expect("handled");
    let mut old = testdata::selfplay_done('b');
    old.description.as_object_mut().expect("an object").remove("rules_version");
    fakes.event(&mut daemon, old).expect("handled");
    fakes.store.hold().catalog.artefact("model", 'd', serde_json::json!({}), &[]);
    fakes.store.hold().catalog.artefacts[0].rules_version = 5;
    fakes.event(&mut daemon, testdata::match_done('c', 'd', None, "accept_h1")).expect("handled");
    assert_eq!((version(0), version(1), version(2)), (7, 1, 5));
}

#[test]
fn rules_that_could_not_be_compared_or_recorded_are_told_later_and_not_as_changed() {
    let (fakes, mut daemon) = pipeline();
    fakes.queue.hold();
    let failed = crate::contract::ports::StoreError::Failed { operation: "reading".into(), why: "locked".into() };
    fakes.give(&mut daemon, Input::Start).expect("started");
    let other = Config { workload: Workload { rules_version: 9, ..Default::default() }, ..Default::default() };
    daemon.configure(&other);
    fakes.store.hold().catalog.stage.games = 40;
    fakes.store.hold().error = Some(failed.clone());
    fakes.give(&mut daemon, Input::Reload).expect_err("the database is locked");
    fakes.store.hold().error = None;
    let out = fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled");
    let [Payload::RulesChanged(changed)] = &out.events[..] else { panic!("{:?}", out.events) };
    assert_eq!(changed.rules_version, 9);
    assert!(fakes.give(&mut daemon, Input::Tick { number: 2 }).expect("handled").events.is_empty(), "told once");
    fakes.store.hold().error = Some(failed);
    fakes.event(&mut daemon, changed.clone()).expect_err("the database is locked");
    fakes.store.hold().error = None;
    assert_eq!(fakes.store.hold().committed.len(), 0);
    fakes.event(&mut daemon, changed.clone()).expect("handled");
    assert_eq!(fakes.store.hold().committed.len(), 1);
}

#[test]
fn a_broken_database_ends_every_input_in_the_same_way() {
    let (fakes, mut daemon) = pipeline();
    fakes.queue.hold();
    fakes.current.hold();
    fakes.store.hold().error =
        Some(crate::contract::ports::StoreError::Broken { operation: "reading".into(), why: "malformed".into() });
    let broken = |given: Result<Out, HandlerError>, what: &str| {
        assert!(matches!(&given, Err(HandlerError::Broken(why)) if why.contains("malformed")), "{what}: {given:?}");
    };
    broken(fakes.give(&mut daemon, Input::Start), "start");
    broken(fakes.give(&mut daemon, Input::Reload), "reload");
    broken(fakes.give(&mut daemon, Input::Tick { number: 1 }), "tick");
    broken(fakes.event(&mut daemon, testdata::selfplay_done('a')), "an event");
    daemon.compared = true;
    broken(fakes.give(&mut daemon, Input::Tick { number: 2 }), "a tick of the housekeeping alone");
    let id = digest('a');
    let event =
        serde_json::to_value(crate::contract::ports::fakes::envelope(&testdata::selfplay_done('a'))).expect("JSON");
    let asked = serde_json::json!({
        "Get": {"id": id}, "List": {}, "Lineage": {"id": id}, "Ratings": {"config_key": key()}, "Stage": {"config_key": key()},
        "Stages": {}, "Prune": {"dry_run": true}, "Rebuild": {"files": false, "events": [event]},
    });
    let methods = crate::contract::catalog::RIGHTS.iter().map(|right| right.method);
    for name in methods {
        let call = crate::contract::wire::Call::new(format!("org.ringrift.Catalog.{name}"), &asked[name]);
        broken(fakes.give(&mut daemon, Input::Call(&call)), name);
    }
}

#[test]
fn a_full_or_unknown_disk_takes_nothing() {
    for percent in [Some(99.0), None] {
        let (fakes, mut daemon) = pipeline();
        fakes.host.hold().seen.disk_percent = percent;
        let error = fakes.event(&mut daemon, testdata::selfplay_done('a')).expect_err("refused");
        assert_eq!(matches!(error, HandlerError::NoRoom(_)), percent.is_some(), "{error}");
        assert!(matches!(error, HandlerError::NoRoom(_) | HandlerError::Unavailable(_)), "{error}");
        assert!(fakes.store.hold().committed.is_empty());
    }
}

#[test]
fn a_result_without_its_numbers_is_rejected() {
    let (fakes, mut daemon) = pipeline();
    let mut payload = testdata::selfplay_done('a');
    payload.metrics.remove("games_completed");
    let error = fakes.event(&mut daemon, payload).expect_err("rejected");
    assert!(matches!(&error, HandlerError::Rejected(why) if why.contains("games_completed")), "{error}");
}

#[test]
fn a_failed_training_is_said() {
    let (fakes, mut daemon) = pipeline();
    let out = fakes.event(&mut daemon, testdata::failed("training")).expect("handled");
    assert!(matches!(&out.events[..], [Payload::TrainingFailed(f)] if f.config_key == key()), "{:?}", out.events);
}
