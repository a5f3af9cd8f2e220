//! Databases that earlier versions left: opened, brought up to date, and everything in them still counts.
use crate::world::{Router, event, external};
use ringrift::contract::router::calls::{Fetched, method};
use ringrift::contract::router::{Fetch, NewEvent};
use serde_json::json;

#[test]
fn a_database_of_the_first_schema_goes_on() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir_all(dir.path().join("state")).expect("a directory");
    let old = rusqlite::Connection::open(dir.path().join("state/events.db")).expect("a database");
    old.execute_batch("PRAGMA auto_vacuum=INCREMENTAL; PRAGMA foreign_keys=OFF").expect("settings");
    old.execute_batch(include_str!("../fixtures/databases/events-1.sql")).expect("the old database");
    drop(old);
    for round in 0..2u64 {
        let mut router = Router::start(dir.path(), &[]);
        let mut caller = router.caller();
        let log = caller.replay(&json!({}));
        assert_eq!(log.len() as u64, 6 + round, "round {round}");
        let given = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(log[2].event.as_ref().map(|e| e.id.as_str()), Some(given));

        // Repeats are still repeats: by key, by content, by id.
        let by_key = NewEvent { idempotency_key: Some("second".into()), ..external(json!({"n": "another"})) };
        let by_content =
            event("exploration_boost", json!({"config_key": "hex8_2p", "boost_factor": 1.5, "reason": "x"}));
        let by_id = NewEvent { id: given.parse().ok(), ..external(json!({})) };
        let results = caller.publish(vec![by_key, by_content, by_id]).expect("answered");
        assert_eq!(results.iter().map(|r| (r.seq, r.duplicate)).collect::<Vec<_>>(), [(2, true), (5, true), (3, true)]);
        for (at, old) in log.iter().enumerate() {
            let id = old.event.as_ref().map(|e| e.id.clone());
            let found: Fetched = caller.0.call(method::FETCH, &Fetch { id, seq: None }).expect("found by its id");
            assert_eq!(found.seq, at as u64 + 1);
        }
        let new = caller
            .publish(vec![NewEvent { cause: log[1].event.as_ref().map(|e| e.id.clone()), ..external(json!({})) }])
            .expect("stored");
        assert_eq!(new[0].seq, 7 + round);
        let chain = caller.replay(&json!({"from": 7 + round}));
        assert_eq!(
            chain[0].event.as_ref().and_then(|e| e.correlation.clone()),
            log[0].event.as_ref().map(|e| e.id.clone())
        );

        let letters = caller.letters().letters;
        assert_eq!(
            letters.iter().map(|l| (l.seq, l.reason.as_str(), l.event.is_some())).collect::<Vec<_>>(),
            [(1, "it broke", true)]
        );
        let fails = caller.subscriber("fails").expect("the subscription");
        assert_eq!((fails.low_water, fails.retrying, fails.dead), (6, 1, 1));
        assert_eq!(caller.subscriber("keeps").map(|s| s.lag), Some(7 + round));
        assert!(router.terminate().success());
    }
}
