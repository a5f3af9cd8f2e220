//! The store against simple models: repeats, ranges, retention.
use super::publish::{Prepared, Stored, Storing};
use super::read::{Filter, Range, count_after, last, range};
use super::retain::{Allowance, Outcome, Plan, place_by_size, used_bytes};
use super::schema::MIGRATIONS;
use super::seen::Seen;
use crate::contract::events::Dedup;
use crate::contract::router::NewEvent;
use crate::platform::store::Keep;
use crate::router::canonical;
use crate::router::ids::Ids;
use crate::router::kinds::Kinds;
use crate::router::prepare::prepare;
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::json;
use std::collections::HashMap;

fn database() -> Connection {
    let db = Connection::open_in_memory().expect("a database");
    for step in MIGRATIONS {
        db.execute_batch(step).expect("the schema");
    }
    db
}

fn prepared(kind: u32, key: Option<&str>, dedup: Option<(canonical::Fingerprint, Dedup)>, size: usize) -> Prepared {
    Prepared {
        id: None,
        kind,
        name: format!("external.{kind}").into(),
        key: key.map(Into::into),
        cause: None,
        correlation: None,
        subject: None,
        time_us: 0,
        dedup,
        body: format!("\"payload\":{{\"x\":\"{}\"}}", "y".repeat(size)).into_bytes(),
    }
}

/// Stores one event in a transaction of its own, as the writer does; `commit` false: it is rolled back.
fn store(db: &Connection, seen: &mut Seen, event: &mut Prepared, seq: u64, now_us: i64, commit: bool) -> Stored {
    let step = db.unchecked_transaction().expect("a transaction");
    let stored = Storing::new(&step, seen, &Ids::new(), now_us)
        .and_then(|mut storing| storing.store(event, seq))
        .expect("stored");
    seen.work(&step, seq, now_us).expect("worked");
    match commit {
        true => step.commit().map(|()| seen.kept()).expect("committed"),
        false => step.rollback().map(|()| seen.undone()).expect("rolled back"),
    }
    stored
}

fn fill(db: &Connection, kinds: &[u32], stored_us: impl Fn(u64) -> i64) {
    for (at, kind) in kinds.iter().enumerate() {
        let seq = at as u64 + 1;
        let mut event = prepared(*kind, Some(["a", "b"][at % 2]), None, 400);
        Storing::new(db, &mut Seen::default(), &Ids::new(), stored_us(seq))
            .and_then(|mut storing| storing.store(&mut event, seq))
            .expect("stored");
    }
}

fn kept(db: &Connection) -> Vec<u64> {
    let mut all = db.prepare("SELECT seq FROM events ORDER BY seq").expect("a query");
    let seqs = all.query_map([], |row| row.get::<_, i64>(0)).expect("rows");
    seqs.map(|seq| seq.expect("a row").cast_unsigned()).collect()
}

fn carry_out(db: &Connection, mut plan: Plan) -> Outcome {
    for _ in 0..10_000 {
        if let Some(outcome) = plan.step(db).expect("a step") {
            return outcome;
        }
    }
    panic!("the plan never ends");
}

/// A type's rule and content, or a key; seconds since the publish before; and what else happens.
type Step = (u8, u8, Option<u8>, i64, Also);

#[derive(Debug, Clone, Copy)]
enum Also {
    Nothing,
    RollBack,
    Restart,
    Idle,
    Tidy,
}

fn also() -> impl Strategy<Value = Also> {
    prop_oneof![12 => Just(Also::Nothing), 2 => Just(Also::RollBack), 1 => Just(Also::Restart), 2 => Just(Also::Idle), 1 => Just(Also::Tidy)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// A publish is a repeat exactly when its key was used before or, without a key, when its type's rule says so:
    /// whatever was merged, rolled back or restarted in between.
    #[test]
    fn repeats_are_what_the_rules_say(steps in prop::collection::vec((0..3u8, 0..40u8, prop::option::weighted(0.3, 0..40u8), 0..4i64, also()), 1..200)) {
        const WINDOW: i64 = 10;
        let db = database();
        let mut seen = Seen::load(&db).expect("empty");
        let (mut now, mut seq) = (1_000_000_000, 0);
        let mut keys: HashMap<u8, u64> = HashMap::new();
        let mut contents: HashMap<(u8, u8), (u64, i64)> = HashMap::new();
        for step in steps {
            let (kind, content, key, seconds, also): Step = step;
            now += seconds * 1_000_000;
            let rule = [Dedup::UniqueForever, Dedup::Window(10), Dedup::EveryOne][usize::from(kind)];
            let print = canonical::of_content(&kind.to_string(), &serde_json::Map::from_iter([("c".to_owned(), content.into())]));
            let dedup = match key {
                Some(key) => Some((canonical::of_key(&key.to_string()), Dedup::UniqueForever)),
                None => (rule != Dedup::EveryOne).then_some((print, rule)),
            };
            let expected = match key {
                Some(key) => keys.get(&key).copied(),
                None => contents.get(&(kind, content)).filter(|(_, at)| match rule {
                    Dedup::UniqueForever => true,
                    Dedup::Window(_) => now - at < WINDOW * 1_000_000,
                    Dedup::EveryOne => false,
                }).map(|(first, _)| *first),
            };
            let commit = !matches!(also, Also::RollBack);
            match store(&db, &mut seen, &mut prepared(kind.into(), None, dedup, 1), seq + 1, now, commit) {
                Stored::New(row, _) => {
                    prop_assert_eq!(expected, None);
                    prop_assert_eq!(row.seq, seq + 1);
                    if commit {
                        seq += 1;
                        match key {
                            Some(key) => drop(keys.insert(key, seq)),
                            None => drop(contents.insert((kind, content), (seq, now))),
                        }
                    }
                }
                Stored::Repeat(first, _) => prop_assert_eq!(expected, Some(first)),
            }
            match also {
                Also::Nothing | Also::RollBack => {}
                Also::Restart => seen = Seen::load(&db).expect("loaded"),
                Also::Idle if seen.has_work() => seen.step_alone(&db, now).expect("merged"),
                Also::Idle => {}
                Also::Tidy => {
                    seen.tidy(&db, seq, now).expect("tidied");
                    // The events are not needed for it any more.
                    db.execute("DELETE FROM events WHERE seq < ?", [seq.cast_signed()]).expect("deleted");
                }
            }
        }
        // What has a window is forgotten in the end, and nothing else: with all in one run.
        now += 2 * WINDOW * 1_000_000;
        for _ in 0..20 {
            seen.tidy(&db, seq, now).expect("tidied");
            while seen.has_work() {
                seen.step_alone(&db, now).expect("merged");
            }
        }
        let unique = keys.len() + contents.keys().filter(|(kind, _)| *kind == 0).count();
        prop_assert!(seen.entries() as usize >= unique);
        for ((kind, content), (first, _)) in contents.iter().filter(|((kind, _), _)| *kind == 0) {
            let print = canonical::of_content(&kind.to_string(), &serde_json::Map::from_iter([("c".to_owned(), (*content).into())]));
            prop_assert_eq!(seen.repeat(&db, &print, Dedup::UniqueForever, now).expect("read").map(|(seq, _)| seq), Some(*first));
        }
    }

    /// The same through the front door, with real types, and with publishes whose transaction came to nothing: what was
    /// not stored is no repeat when it is sent again, what was stored is one however it is spelt, and what differs in
    /// anything is none.
    #[test]
    fn nothing_that_means_something_is_taken_for_a_repeat(
        steps in prop::collection::vec((0..4usize, 0..4u8, any::<bool>(), prop::option::weighted(0.3, 0..3u8), any::<bool>(), 0..200i64), 1..50),
    ) {
        let db = database();
        let mut seen = Seen::load(&db).expect("empty");
        let mut kinds = Kinds::new(Vec::new());
        let node = crate::contract::ids::NodeId::new("n1").expect("a node");
        let (mut now, mut seq) = (1_000_000_000i64, 0);
        let mut keys: HashMap<u8, u64> = HashMap::new();
        let mut contents: HashMap<(usize, u8), (u64, i64)> = HashMap::new();
        for (kind, content, other_spelling, key, lost, seconds) in steps {
            now += seconds * 1_000_000;
            // Unique for ever; within 300 s; every one counts, twice.
            let (name, mut payload) = [
                ("exploration_boost", json!({"config_key": "hex8_2p", "boost_factor": 1 + content, "reason": "r"})),
                ("disk_space_low", json!({"host": "n1", "path": "/", "usage_percent": 90 + content, "free_gb": 1, "threshold": 70, "level": "warning"})),
                ("training_progress", json!({"config_key": "hex8_2p", "job_id": "j-1", "epoch": content})),
                ("external.x", json!({"c": content})),
            ][kind].clone();
            if other_spelling {
                let turned: Vec<(String, serde_json::Value)> = payload.as_object().expect("an object").clone().into_iter().rev().collect();
                payload = serde_json::Value::Object(turned.into_iter().collect());
                payload["anything"] = serde_json::Value::Null;
            }
            let new = json!({"type": name, "payload": payload, "idempotency_key": key.map(|k| k.to_string())});
            let new: NewEvent = serde_json::from_value(new).expect("a new event");
            let mut event = prepare(new.into(), 0, &mut kinds, &node, now).expect("it is valid");
            let expected = match key {
                Some(key) => keys.get(&key).copied(),
                None => contents.get(&(kind, content)).filter(|(_, at)| kind == 0 || kind == 1 && now - at < 300_000_000).map(|(first, _)| *first),
            };
            // Lost: the process died before the commit; nothing was acknowledged.
            let stored = store(&db, &mut seen, &mut event, seq + 1, now, !lost);
            if lost {
                continue;
            }
            match stored {
                Stored::New(..) => {
                    prop_assert_eq!(expected, None, "{} was stored again", name);
                    seq += 1;
                    match key {
                        Some(key) => drop(keys.insert(key, seq)),
                        None => drop(contents.insert((kind, content), (seq, now))),
                    }
                }
                Stored::Repeat(first, _) => prop_assert_eq!(expected, Some(first), "{} was lost", name),
            }
        }
        prop_assert_eq!(kept(&db).len() as u64, seq);
    }

    /// However a range is read, in whatever portions, the same events come in order.
    #[test]
    fn portions_of_a_range_are_the_range(
        kinds in prop::collection::vec(1..5u32, 1..120),
        gone in prop::collection::vec(0..120usize, 0..30),
        wanted in prop::option::of(prop::collection::btree_set(1..5u32, 0..4)),
        key in prop::option::of("[ab]"),
        limit in 1..20usize,
        bytes in 1..5000usize,
    ) {
        let db = database();
        fill(&db, &kinds, |_| 0);
        for at in gone {
            db.execute("DELETE FROM events WHERE seq = ?", [at as i64]).expect("deleted");
        }
        let fits = |seq: &u64| {
            let at = usize::try_from(*seq).expect("small") - 1;
            wanted.as_ref().is_none_or(|w| w.contains(&kinds[at])) && key.as_deref().is_none_or(|k| ["a", "b"][at % 2] == k)
        };
        let expected: Vec<u64> = kept(&db).into_iter().filter(fits).collect();
        let to = kinds.len() as u64;
        let filter = Filter { kinds: wanted.clone().map(|w| w.into_iter().collect()), key: key.clone(), chain: None };
        let (mut from, mut found) = (1, Vec::new());
        while from <= to {
            let part = range(&db, &Range { from, to, filter: filter.clone(), limit, bytes }).expect("read");
            prop_assert!(part.scanned_to >= from && part.scanned_to <= to && part.rows.len() <= limit);
            found.extend(part.rows.iter().map(|row| row.seq));
            from = part.scanned_to + 1;
        }
        prop_assert_eq!(&found, &expected);
        let tail = last(&db, &Range { from: 1, to, filter: filter.clone(), limit: 0, bytes: 0 }, 3).expect("read");
        prop_assert_eq!(expected.iter().filter(|seq| **seq >= tail).count(), expected.len().min(3));
        if key.is_none() {
            let count = count_after(&db, to / 2, filter.kinds.as_deref()).expect("counted");
            prop_assert_eq!(count as usize, expected.iter().filter(|seq| **seq > to / 2).count());
        }
    }
}

#[test]
fn ids_are_found_whoever_made_them() {
    let db = database();
    let mut seen = Seen::load(&db).expect("empty");
    let given = *uuid::Uuid::now_v7().as_bytes();
    let mut events = [prepared(1, None, None, 1), Prepared { id: Some(given), ..prepared(1, None, None, 1) }];
    let mut made = Vec::new();
    for (at, event) in events.iter_mut().enumerate() {
        let Stored::New(row, id) = store(&db, &mut seen, event, at as u64 + 1, 5, true) else { panic!("new") };
        made.push((row.seq, id));
    }
    assert_eq!(made[1].1, given);
    for (seq, id) in made {
        assert_eq!(super::publish::place_of(&db, &id).expect("read"), Some(seq));
        assert!(super::read::by_id(&db, &id).expect("read").is_some_and(|row| row.seq == seq));
    }
    assert_eq!(
        super::publish::place_of(&db, &Ids::new().at(1, 5)).expect("read"),
        None,
        "the same place in another log"
    );
    assert!(matches!(store(&db, &mut seen, &mut events[1], 3, 6, true), Stored::Repeat(2, _)));
}

#[test]
fn stale_runs_are_cleared_and_the_table_of_the_first_schema_is_taken_over() {
    let db = Connection::open_in_memory().expect("a database");
    db.execute_batch(MIGRATIONS[0]).expect("the first schema");
    for n in 0..100i64 {
        let print = canonical::of_key(&n.to_string());
        let expires = (n >= 20).then_some(1_000);
        db.execute("INSERT INTO dedup VALUES(?, ?, ?, 0, ?)", rusqlite::params![print, n + 1, [n as u8; 16], expires])
            .expect("an entry");
    }
    db.execute_batch(MIGRATIONS[1]).expect("the second schema");
    for round in 0..2 {
        let mut seen = Seen::load(&db).expect("loaded");
        assert_eq!(seen.entries(), if round == 0 { 100 } else { 20 }, "round {round}");
        assert_eq!(
            seen.repeat(&db, &canonical::of_key("7"), Dedup::UniqueForever, 500).expect("read"),
            Some((8, [7; 16]))
        );
        seen.tidy(&db, 0, 2_000).expect("tidied");
        while seen.has_work() {
            seen.step_alone(&db, 2_000).expect("merged");
        }
        assert_eq!(seen.entries(), 20);
    }
}

#[test]
fn age_clears_what_all_have_handled_and_nothing_else() {
    let db = database();
    let kinds: Vec<u32> = (0..2000).map(|n| 1 + n % 2).collect();
    fill(&db, &kinds, |seq| seq.cast_signed() * 10);
    db.execute(
        "INSERT INTO letters(subscriber, seq, attempts, reason, history, dead_us, redriven) VALUES('s', 7, 1, \
        '', '[]', 0, 0)",
        [],
    )
    .expect("a letter");
    // Odd places are of type 1, which a subscriber needs from 501 on; even ones of type 2, which are old enough up to
    // 1000.
    let allowances = vec![
        Allowance { kind: 1, floor: 501, cutoff_us: i64::MAX, too_many: 0 },
        Allowance { kind: 2, floor: u64::MAX, cutoff_us: 10_000, too_many: 0 },
    ];
    let outcome = carry_out(&db, Plan::new(allowances, u64::MAX, 2000));
    let expected: Vec<u64> =
        (1..=2000).filter(|seq| *seq == 7 || if seq % 2 == 1 { *seq >= 501 } else { *seq >= 1000 }).collect();
    assert_eq!(kept(&db), expected);
    assert_eq!(outcome, Outcome { deleted: 2000 - expected.len() as u64, over: false });
    // The newest stays whatever its age, so that places continue from it.
    carry_out(
        &db,
        Plan::new(vec![Allowance { kind: 2, floor: u64::MAX, cutoff_us: i64::MAX, too_many: 0 }], u64::MAX, 2000),
    );
    assert!(kept(&db).contains(&2000));
}

#[test]
fn the_newest_word_on_something_stays_and_a_type_keeps_to_its_size() {
    let db = database();
    let mut seen = Seen::load(&db).expect("empty");
    for seq in 1..=400u64 {
        let subject = (seq % 4 == 0).then(|| format!("daemon {}", seq % 3));
        let mut event = Prepared { subject, ..prepared(if seq % 4 == 0 { 1 } else { 2 }, None, None, 1000) };
        store(&db, &mut seen, &mut event, seq, 10, true);
    }
    let allowance = |kind, cutoff_us, max_bytes| Allowance {
        kind,
        floor: u64::MAX,
        cutoff_us,
        too_many: place_by_size(&db, kind, max_bytes).expect("measured"),
    };
    // All of type 1 are old enough to go; of type 2 none is, but only 100 kB are allowed.
    carry_out(&db, Plan::new(vec![allowance(1, i64::MAX, u64::MAX), allowance(2, 0, 100_000)], u64::MAX, 400));
    let kept = kept(&db);
    assert_eq!(kept.iter().filter(|seq| **seq % 4 == 0).copied().collect::<Vec<_>>(), [392, 396, 400]);
    let others = kept.iter().filter(|seq| **seq % 4 != 0).count();
    assert!((85..=100).contains(&others), "{others} events of about 1.1 kB");
    assert!(kept.contains(&399) && !kept.contains(&1), "the oldest go first");
}

#[test]
fn size_clears_the_oldest_handled_first_and_tells_when_that_is_not_enough() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("events.db");
    let db = super::open::open(&path, Keep::NONE, None).expect("a database");
    let kinds: Vec<u32> = (0..4000).map(|n| 1 + n % 2).collect();
    let step = db.unchecked_transaction().expect("a transaction");
    fill(&db, &kinds, |_| i64::MAX);
    step.commit().expect("committed");
    let size = used_bytes(&db).expect("a size");
    let allowances = || {
        vec![
            Allowance { kind: 1, floor: 4000, cutoff_us: 0, too_many: 0 },
            Allowance { kind: 2, floor: 1001, cutoff_us: 0, too_many: 0 },
        ]
    };
    let outcome = carry_out(&db, Plan::new(allowances(), size * 7 / 8, 4000));
    assert!(!outcome.over && outcome.deleted > 0 && used_bytes(&db).expect("a size") <= size * 7 / 8);
    let left = kept(&db);
    assert!(left[0] > 400 && left[0] <= 1001 && left.len() as u64 == 4000 - left[0] + 1, "the oldest go first");
    // Type 2 is needed from 1001 on: it stays though the log is too large.
    let outcome = carry_out(&db, Plan::new(allowances(), 1, 4000));
    assert!(outcome.over);
    assert_eq!(kept(&db), (1001..=4000).filter(|seq| seq % 2 == 0).collect::<Vec<u64>>());
    db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a checkpoint");
    let file = std::fs::metadata(&path).expect("the file").len();
    assert!(file < size * 9 / 10, "{file} of {size} bytes: pages go back to the file system");
}
