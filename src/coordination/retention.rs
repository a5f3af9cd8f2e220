//! Which artefacts stay and which go, each with its reason.
use crate::contract::catalog::{ArtefactRecord, Fate};
use crate::contract::config::Retention;
use crate::contract::ids::{ConfigKey, Digest};
use serde_json::Value;
use std::collections::BTreeMap;

/// Why an artefact stays whatever its place.
pub type Protected = BTreeMap<Digest, String>;

/// What one configuration has seen so far, newest first.
#[derive(Default)]
struct NewestFirst {
    games: u64,
    files: BTreeMap<String, u32>,
}

/// A fate for each artefact; `newest_first` are those of all configurations that are still there.
pub fn decide(newest_first: Vec<ArtefactRecord>, rules: &Retention, protected: &Protected) -> Vec<Fate> {
    // What was made under other rules of the game is kept by the same measure.
    let mut seen: BTreeMap<(ConfigKey, u32), NewestFirst> = BTreeMap::new();
    let mut fate = |artefact: ArtefactRecord| {
        let seen = seen.entry((artefact.config_key.clone(), artefact.rules_version)).or_default();
        let place = within(seen, &artefact, rules);
        let (stays, why) = match (protected.get(&artefact.id), place) {
            (Some(why), _) => (true, why.clone()),
            (None, Ok(why)) => (true, why),
            (None, Err(why)) => (!rules.enabled, if rules.enabled { why } else { "retention.enabled is false".into() }),
        };
        Fate {
            id: artefact.id,
            kind: artefact.kind,
            config_key: artefact.config_key,
            bytes: artefact.bytes,
            stays,
            why,
        }
    };
    newest_first.into_iter().map(&mut fate).collect()
}

/// Whether the artefact is among the newest of its kind.
fn within(seen: &mut NewestFirst, artefact: &ArtefactRecord, rules: &Retention) -> Result<String, String> {
    if artefact.kind == "games" {
        let before = seen.games;
        seen.games += artefact.metrics.get("games_completed").and_then(Value::as_u64).unwrap_or(0);
        return match before < rules.games {
            true => Ok(format!("among the newest {} games", rules.games)),
            false => Err(format!("{before} newer games; retention.games is {}", rules.games)),
        };
    }
    let (key, most) = match artefact.kind.as_str() {
        "samples" => ("samples", rules.samples),
        "model" => ("models", rules.models),
        _ => ("others", rules.others),
    };
    let count = seen.files.entry(artefact.kind.clone()).or_default();
    let before = *count;
    *count += 1;
    match before < most {
        true => Ok(format!("among the newest {most} of kind {}", artefact.kind)),
        false => Err(format!("{before} newer ones; retention.{key} is {most}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ids::{JobId, NodeId};
    use serde_json::json;

    fn artefact(kind: &str, letter: char, key: &str) -> ArtefactRecord {
        ArtefactRecord {
            id: Digest::new(letter.to_string().repeat(64)).expect("a digest"),
            kind: kind.into(),
            config_key: ConfigKey::new(key).expect("a key"),
            path: String::new(),
            bytes: 1,
            created_us: 0,
            seq: 0,
            job_id: JobId::new("t-1").expect("an id"),
            node: NodeId::new("n").expect("an id"),
            rules_version: 1,
            parents: vec![],
            metrics: json!({"games_completed": 25}).as_object().cloned().expect("an object"),
        }
    }

    #[test]
    fn the_newest_stay_by_kind_and_configuration_and_what_is_protected_stays_whatever_its_place() {
        let rules = Retention { games: 50, samples: 1, models: 1, ..Retention::default() };
        let list = vec![
            artefact("games", 'f', "square8_2p"),
            artefact("model", 'e', "square8_2p"),
            artefact("games", 'd', "square8_2p"),
            artefact("games", 'c', "square8_2p"),
            artefact("model", 'b', "square8_2p"),
            artefact("model", 'a', "square8_2p"),
            artefact("games", '9', "hex8_2p"),
            artefact("match", '8', "square8_2p"),
        ];
        let champion = Digest::new("a".repeat(64)).expect("a digest");
        let protected = Protected::from([(champion, "the champion".to_owned())]);
        let fates = decide(list.clone(), &rules, &protected);
        let gone: Vec<char> = fates.iter().filter(|f| !f.stays).filter_map(|f| f.id.as_str().chars().next()).collect();
        assert_eq!(gone, ['c', 'b']);
        assert!(fates.iter().any(|f| f.stays && f.why == "the champion"));
        assert!(fates.iter().any(|f| f.why == "50 newer games; retention.games is 50"), "{fates:?}");
        let off = decide(list, &Retention { enabled: false, ..rules }, &protected);
        assert!(off.iter().all(|f| f.stays));
    }
}
