//! The catalog on a real file system: exactly once, verified, lineage and counts.
use super::database::MIGRATIONS;
use super::*;
use crate::contract::catalog::Champion;
use crate::contract::events::PromotionFailed;
use crate::contract::ids::{JobId, NodeId};
use crate::contract::job_file::{JobFile, JobPath};
use crate::contract::workload::BUILT_IN_RULES;
use crate::platform::clock::new_event_id;
use crate::platform::notices::Notices;
use crate::platform::store::{self, Keep, Spec};
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use tempfile::TempDir;

struct World {
    dir: TempDir,
    catalog: CatalogDb,
}

fn world() -> World {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("state")).expect("a state directory");
    let catalog =
        CatalogDb::open(&dir.path().join("state"), &dir.path().join("store"), &dir.path().join("jobs"), Keep::NONE)
            .expect("a catalog");
    World { dir, catalog }
}

impl World {
    fn attempt(&self) -> PathBuf {
        self.dir.path().join("jobs/t-1/attempt-1")
    }
    fn file(&self, name: &str, content: &[u8]) -> (ArtefactRecord, JobFile) {
        std::fs::create_dir_all(self.attempt()).expect("makes");
        std::fs::write(self.attempt().join(name), content).expect("writes");
        let file = JobFile {
            job: JobId::new("t-1").expect("an id"),
            attempt: 1,
            path: JobPath::new(name).expect("a path"),
            bytes: content.len() as u64,
            uids: vec![nix::unistd::geteuid().as_raw()],
        };
        let id = Digest::new(files::hex(&Sha256::digest(content))).expect("a digest");
        let record = ArtefactRecord {
            id,
            kind: name.split('.').next().unwrap_or_default().into(),
            config_key: key(),
            path: String::new(),
            bytes: content.len() as u64,
            created_us: 1,
            seq: 0,
            job_id: JobId::new("t-1").expect("an id"),
            node: NodeId::new("n").expect("an id"),
            rules_version: BUILT_IN_RULES,
            parents: vec![],
            metrics: serde_json::json!({"games_completed": 25}).as_object().cloned().expect("an object"),
        };
        (record, file)
    }
}

fn key() -> ConfigKey {
    ConfigKey::new("square8_2p").expect("a key")
}

fn output(model: &Digest) -> Payload {
    PromotionFailed { config_key: key(), model_id: model.clone(), error: "x".into() }.into()
}

#[test]
fn an_input_is_committed_once_with_its_outputs() {
    let w = world();
    let (record, path) = w.file("games.db", b"abc");
    let input = new_event_id();
    assert_eq!(w.catalog.handled(&input), Ok(None));
    let change = CatalogChange { artefacts: vec![(record.clone(), path)], ..Default::default() };
    let outputs = [output(&record.id)];
    w.catalog.commit(&input, &change, &outputs).expect("commits");
    assert_eq!(w.catalog.handled(&input), Ok(Some(outputs.to_vec())));
    assert!(w.catalog.commit(&input, &change, &outputs).is_err(), "the same input twice");
    let stored = w.catalog.get(&record.id).expect("reads").expect("is there");
    assert_eq!(std::fs::read(&stored.path).expect("the file"), b"abc");
    assert!(stored.path.ends_with(&format!("store/games/{}.db", record.id)));
}

#[test]
fn a_file_with_another_hash_is_refused_and_nothing_is_recorded() {
    let w = world();
    let (record, path) = w.file("games.db", b"abc");
    std::fs::write(w.attempt().join("games.db"), b"abX").expect("writes");
    let input = new_event_id();
    let error =
        w.catalog.commit(&input, &CatalogChange { artefacts: vec![(record.clone(), path)], ..Default::default() }, &[]);
    assert!(matches!(error, Err(StoreError::BadFile { .. })), "{error:?}");
    assert_eq!(w.catalog.handled(&input), Ok(None));
    assert_eq!(w.catalog.get(&record.id), Ok(None));
    assert_eq!(std::fs::read_dir(w.dir.path().join("store/games")).expect("the folder").count(), 0);
}

#[test]
fn games_since_export_counts_what_no_sample_file_was_made_from() {
    let w = world();
    let (first, path) = w.file("games.db", b"1");
    w.catalog
        .commit(&new_event_id(), &CatalogChange { artefacts: vec![(first.clone(), path)], ..Default::default() }, &[])
        .expect("commits");
    let (second, path) = w.file("games.db", b"2");
    w.catalog
        .commit(&new_event_id(), &CatalogChange { artefacts: vec![(second.clone(), path)], ..Default::default() }, &[])
        .expect("commits");
    assert_eq!(w.catalog.stage(&key()).expect("a stage").games_since_export, 50);
    let (mut samples, path) = w.file("samples.npz", b"s");
    samples.parents = vec![first.id.clone()];
    w.catalog
        .commit(&new_event_id(), &CatalogChange { artefacts: vec![(samples.clone(), path)], ..Default::default() }, &[])
        .expect("commits");
    let stage = w.catalog.stage(&key()).expect("a stage");
    assert_eq!(
        (stage.games, stage.games_since_export),
        (50, 25),
        "the second shard came before the samples and is not in them"
    );
    let steps = w.catalog.lineage(&samples.id).expect("a lineage");
    assert_eq!(
        steps.iter().map(|s| (s.depth, s.artefact.kind.as_str())).collect::<Vec<_>>(),
        [(0, "samples"), (1, "games")]
    );
    let down = w.catalog.lineage(&first.id).expect("a lineage");
    assert_eq!(down.iter().map(|s| s.depth).collect::<Vec<_>>(), [-1, 0]);
}

#[test]
fn what_a_job_put_in_place_of_a_file_is_refused_for_good_and_never_copied() {
    let w = world();
    std::fs::write(w.dir.path().join("secret"), b"abc").expect("writes");
    let (record, file) = w.file("games.db", b"abc");
    let at = w.attempt().join("games.db");
    let refused = |what: &str| {
        let change = CatalogChange { artefacts: vec![(record.clone(), file.clone())], ..Default::default() };
        let error = w.catalog.commit(&new_event_id(), &change, &[]);
        assert!(matches!(error, Err(StoreError::BadFile { .. })), "{what}: {error:?}");
        let left = std::fs::read_dir(w.dir.path().join("store/games")).expect("the folder").count();
        assert_eq!(left, 0, "{what}");
        std::fs::remove_file(&at).expect("removes");
    };
    std::fs::remove_file(&at).expect("removes");
    std::os::unix::fs::symlink(w.dir.path().join("secret"), &at).expect("links");
    refused("a link to what is not the job's");
    std::fs::hard_link(w.dir.path().join("secret"), &at).expect("links");
    refused("another name of what is not the job's");
    nix::unistd::mkfifo(&at, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
    refused("a FIFO");
}

#[test]
fn another_version_of_the_rules_begins_anew_and_keeps_what_was() {
    let w = world();
    let (mut games, path) = w.file("games.db", b"abc");
    games.rules_version = 1;
    let (mut model, model_path) = w.file("model.bin", b"weights");
    (model.rules_version, model.parents) = (1, vec![games.id.clone()]);
    let champion = Champion {
        config_key: key(),
        generation: 2,
        model_id: model.id.clone(),
        model_path: String::new(),
        match_id: games.id.clone(),
        elo: 90.0,
        promoted_us: 1,
    };
    let artefacts = vec![(games, path), (model.clone(), model_path)];
    w.catalog.commit(&new_event_id(), &CatalogChange { artefacts, ..Default::default() }, &[]).expect("commits");
    let change = CatalogChange { champion: Some(champion.clone()), ..Default::default() };
    w.catalog.commit(&new_event_id(), &change, &[]).expect("commits");
    let before = w.catalog.stage(&key()).expect("a stage");
    assert_eq!(
        (before.rules_version, before.games, before.models),
        (1, 25, 1),
        "a store without the field is of version 1"
    );
    assert_eq!(before.champion, Some(champion));
    let change = CatalogChange { rules: Some((key(), 2)), ..Default::default() };
    w.catalog.commit(&new_event_id(), &change, &[]).expect("commits");
    let after = w.catalog.stage(&key()).expect("a stage");
    assert_eq!((after.rules_version, after.games, after.games_since_export, after.models), (2, 0, 0, 0));
    assert_eq!(after.champion, None);
    let why = after.began_anew().expect("it began anew");
    assert!(why.contains("25 games and 1 model of version 1, champion generation 2"), "{why}");
    let of = |version| ArtefactFilter { rules_version: Some(version), ..Default::default() };
    assert_eq!(w.catalog.list(&of(2)).expect("a list").len(), 0);
    assert_eq!(w.catalog.list(&of(1)).expect("a list").len(), 2, "kept");
    // Back again: what was set aside is in force, and nothing of it was lost.
    let change = CatalogChange { rules: Some((key(), 1)), ..Default::default() };
    w.catalog.commit(&new_event_id(), &change, &[]).expect("commits");
    let back = w.catalog.stage(&key()).expect("a stage");
    assert_eq!((back.games, back.champion.map(|c| c.generation), back.set_aside.len()), (25, Some(2), 0));
}

/// A catalog of the first schema: its artefacts and champions are of version 1.
#[test]
fn an_old_catalog_is_of_version_1() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(dir.path().join("state")).expect("a state directory");
    let db = store::open(&Spec {
        path: dir.path().join("state/catalog.db"),
        migrations: &MIGRATIONS[..1],
        holds: "",
        keep: Keep::NONE,
    })
    .expect("the first schema");
    let model = "a".repeat(64);
    db.execute("INSERT INTO artefacts VALUES(1,?1,'model','square8_2p','/x',1,1,'t-1','n','{}')", [&model])
        .expect("inserted");
    db.execute("INSERT INTO champions VALUES('square8_2p',3,?1,'/x',?1,1.0,1)", [&model]).expect("inserted");
    drop(db);
    let catalog =
        CatalogDb::open(&dir.path().join("state"), &dir.path().join("store"), &dir.path().join("jobs"), Keep::NONE)
            .expect("migrated");
    let stage = catalog.stage(&key()).expect("a stage");
    assert_eq!((stage.rules_version, stage.models, stage.champion.map(|c| c.generation)), (1, 1, Some(3)));
}

#[test]
fn what_is_forgotten_loses_its_file_and_keeps_its_row_and_comes_again_when_it_is_made_again() {
    let w = world();
    let (record, path) = w.file("model.safetensors", b"weights");
    let change = CatalogChange { artefacts: vec![(record.clone(), path)], ..Default::default() };
    w.catalog.commit(&new_event_id(), &change, &[]).expect("commits");
    let stored = w.catalog.kept().expect("listed")[0].path.clone();
    w.catalog.forget(&record.id, "10 newer ones").expect("forgotten");
    assert!(!std::path::Path::new(&stored).exists());
    assert_eq!(w.catalog.kept(), Ok(vec![]));
    assert_eq!(w.catalog.list(&ArtefactFilter::default()).map(|l| l.len()), Ok(0));
    assert!(w.catalog.get(&record.id).expect("reads").is_some(), "its lineage can still be followed");
    assert_eq!(w.catalog.stage(&key()).expect("a stage").models, 1, "what was made counts");
    w.catalog.commit(&new_event_id(), &change, &[]).expect("made again");
    assert_eq!(w.catalog.kept().expect("listed")[0].path, stored);
}

#[test]
fn a_crash_between_mark_and_deletion_is_made_good() {
    let w = world();
    let (record, path) = w.file("games.db", b"abc");
    let change = CatalogChange { artefacts: vec![(record.clone(), path)], ..Default::default() };
    w.catalog.commit(&new_event_id(), &change, &[]).expect("commits");
    let stored = w.catalog.kept().expect("listed")[0].path.clone();
    w.catalog.db.borrow().execute("UPDATE artefacts SET gone_us = 1, gone_why = 'x'", []).expect("marked");
    assert!(std::path::Path::new(&stored).exists());
    w.catalog.finish_forgetting().expect("finished");
    assert!(!std::path::Path::new(&stored).exists());
}

#[test]
fn champions_and_their_ancestors_are_protected() {
    let w = world();
    let (first, path) = w.file("model.a", b"1");
    w.catalog
        .commit(&new_event_id(), &CatalogChange { artefacts: vec![(first.clone(), path)], ..Default::default() }, &[])
        .expect("commits");
    let (mut second, path) = w.file("model.b", b"2");
    second.parents = vec![first.id.clone()];
    let champion = Champion {
        config_key: key(),
        generation: 1,
        model_id: second.id.clone(),
        model_path: String::new(),
        match_id: second.id.clone(),
        elo: 1.0,
        promoted_us: 1,
    };
    let change =
        CatalogChange { artefacts: vec![(second.clone(), path)], champion: Some(champion), ..Default::default() };
    w.catalog.commit(&new_event_id(), &change, &[]).expect("commits");
    let stays = |ancestors| w.catalog.protected(1, ancestors).expect("protected").into_keys().collect::<Vec<_>>().len();
    assert_eq!((stays(0), stays(1)), (1, 2));
}

#[test]
fn the_catalog_is_made_anew_from_the_files_and_their_records() {
    let w = world();
    let (good, path) = w.file("games.db", b"good");
    let (bad, bad_path) = w.file("games.bad", b"bad");
    let change = CatalogChange { artefacts: vec![(good.clone(), path), (bad.clone(), bad_path)], ..Default::default() };
    w.catalog.commit(&new_event_id(), &change, &[]).expect("commits");
    let damaged = w.catalog.get(&bad.id).expect("reads").expect("is there").path;
    std::fs::remove_file(&damaged).expect("removed");
    std::fs::write(&damaged, b"other").expect("damaged");
    let World { dir, catalog } = w;
    drop(catalog);
    std::fs::remove_file(dir.path().join("state/catalog.db")).expect("deleted");
    let catalog =
        CatalogDb::open(&dir.path().join("state"), &dir.path().join("store"), &dir.path().join("jobs"), Keep::NONE)
            .expect("anew");
    assert_eq!(catalog.kept(), Ok(vec![]));
    let rebuilt = catalog.rebuild(None).expect("rebuilt");
    assert_eq!((rebuilt.files, rebuilt.problems.len()), (1, 1), "{rebuilt:?}");
    assert_eq!(catalog.kept().expect("listed")[0].id, good.id);
}

#[test]
fn a_jobs_folder_is_known_by_its_results_and_its_links_are_not_followed() {
    let w = world();
    let (record, path) = w.file("games.db", b"abc");
    w.catalog
        .commit(&new_event_id(), &CatalogChange { artefacts: vec![(record, path)], ..Default::default() }, &[])
        .expect("commits");
    let jobs = w.dir.path().join("jobs");
    std::fs::create_dir_all(jobs.join("t-1/attempt-1")).expect("made");
    std::fs::create_dir_all(jobs.join("t-2")).expect("made");
    std::fs::write(jobs.join("t-1/attempt-1/verified.json"), "{}").expect("written");
    std::os::unix::fs::symlink(w.dir.path().join("store"), jobs.join("t-1/link")).expect("linked");
    let mut folders = w.catalog.job_folders().expect("listed");
    folders.sort_by(|a, b| a.job_id.cmp(&b.job_id));
    assert_eq!(folders.iter().map(|f| (f.registered, f.verified)).collect::<Vec<_>>(), [(true, true), (false, false)]);
    w.catalog.remove_job(&folders[0].job_id).expect("removed");
    assert!(!jobs.join("t-1").exists() && w.dir.path().join("store/games").exists());
}

#[test]
fn a_damaged_or_missing_file_is_quarantined_marked_and_told_and_a_sound_one_stays() {
    let w = world();
    let commit = |name: &str, content: &[u8]| {
        let (record, file) = w.file(name, content);
        let change = CatalogChange { artefacts: vec![(record.clone(), file)], ..Default::default() };
        w.catalog.commit(&new_event_id(), &change, &[]).expect("commits");
        record.id
    };
    let [sound, damaged, missing, unreadable] =
        [("games.a", "1"), ("games.b", "2"), ("games.c", "3"), ("games.d", "4")]
            .map(|(name, text)| commit(name, text.as_bytes()));
    let path = |id: &Digest| w.catalog.get(id).expect("reads").expect("is there").path;
    let at = path(&damaged);
    std::fs::remove_file(&at).expect("removed");
    std::fs::write(&at, b"other").expect("damaged");
    std::fs::remove_file(path(&missing)).expect("removed");
    assert_eq!(w.catalog.inspect(&sound, None), Ok(false));
    assert_eq!(w.catalog.inspect(&damaged, None), Ok(true));
    assert_eq!(w.catalog.inspect(&missing, None), Ok(true));
    assert_eq!(w.catalog.inspect(&unreadable, Some("malformed")), Ok(true), "of the right hash");
    assert_eq!(w.catalog.inspect(&damaged, None), Ok(false), "once");
    assert_eq!(w.catalog.kept().expect("listed").into_iter().map(|a| a.id).collect::<Vec<_>>(), [sound]);
    assert_eq!(std::fs::read_dir(w.dir.path().join("store/quarantine")).expect("the folder").count(), 2);
    let told = Notices::at(w.dir.path().join("notices")).read();
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|n| n.what.contains("the loop continues without it")), "{told:?}");
}

#[test]
fn the_nearest_champion_before_a_damaged_one_takes_its_place() {
    let w = world();
    let mut paths = Vec::new();
    for generation in 1..=2 {
        let (record, file) = w.file(&format!("model.g{generation}"), format!("{generation}").as_bytes());
        let change = CatalogChange { artefacts: vec![(record.clone(), file)], ..Default::default() };
        w.catalog.commit(&new_event_id(), &change, &[]).expect("commits");
        let model_path = w.catalog.get(&record.id).expect("reads").expect("is there").path;
        let (config_key, model_id, match_id) = (key(), record.id.clone(), record.id.clone());
        let champion = Champion {
            config_key,
            generation,
            model_id,
            model_path: model_path.clone(),
            match_id,
            elo: 1.0,
            promoted_us: 1,
        };
        w.catalog
            .commit(&new_event_id(), &CatalogChange { champion: Some(champion), ..Default::default() }, &[])
            .expect("commits");
        paths.push((record.id, model_path));
    }
    let leads = || {
        let stage = w.catalog.stage(&key()).expect("a stage");
        (stage.champion.as_ref().map(|c| c.generation), stage.next_generation())
    };
    assert_eq!(leads(), (Some(2), 3));
    let damage = |(id, path): &(Digest, String)| {
        std::fs::remove_file(path).expect("removed");
        w.catalog.inspect(id, None).expect("looked at")
    };
    assert!(damage(&paths[1]));
    assert_eq!(leads(), (Some(1), 3), "no number is given twice");
    assert!(damage(&paths[0]));
    assert_eq!(leads(), (None, 3));
    let told: Vec<String> = Notices::at(w.dir.path().join("notices")).read().into_iter().map(|n| n.what).collect();
    assert!(told.iter().any(|what| what.contains("generation 1, ") && what.contains("replaced by")), "{told:?}");
    assert!(told.iter().any(|what| what.contains("self-play uses the untrained network")), "{told:?}");
}
