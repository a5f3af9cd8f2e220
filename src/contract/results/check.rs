//! The check of a result against the table. Every fault is named, not only the first.
use super::bounds::{Listed, MAX_ARTEFACTS, MAX_DEPTH, MAX_META_BYTES, MAX_METRICS_BYTES};
use super::table::{Kind, Metric, StageSchema, stage};
use serde_json::{Map, Value};
use std::fmt;

/// Why a result is not one of its stage: one sentence for each fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The stage.
    pub stage: String,
    /// The faults.
    pub faults: Vec<String>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a valid result of stage {}: {}; see ringrift-workload(7)", self.stage, self.faults.join("; "))
    }
}

impl std::error::Error for Refused {}

/// Checks metrics and artefacts of a result of a stage.
pub fn check<'a>(
    name: &str,
    metrics: &Map<String, Value>,
    artefacts: impl IntoIterator<Item = Listed<'a>>,
) -> Result<(), Refused> {
    let mut faults = Vec::new();
    limits("metrics", metrics, MAX_METRICS_BYTES, &mut faults);
    let (mut kinds, mut left) = (Vec::new(), MAX_META_BYTES);
    for (at, (kind, meta)) in artefacts.into_iter().enumerate() {
        let used = limits(&format!("artefacts[{at}].meta"), meta, left, &mut faults);
        left = left.saturating_sub(used);
        kinds.push(kind);
    }
    if kinds.len() > MAX_ARTEFACTS {
        faults.push(format!("{} artefacts; the maximum is {MAX_ARTEFACTS}", kinds.len()));
    }
    if let Some(schema) = stage(name) {
        faults.extend(schema.metrics.iter().filter_map(|m| metric(m, metrics.get(m.name))));
        files(schema, &kinds, &mut faults);
        if name == "evaluation" && faults.is_empty() {
            faults.extend(sums(metrics));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Refused { stage: name.to_owned(), faults }) }
}

/// Holds an object against the limits of depth and size; returns its size.
fn limits(what: &str, object: &Map<String, Value>, most: usize, faults: &mut Vec<String>) -> usize {
    let deepest = 1 + object.values().map(depth).max().unwrap_or(0);
    if deepest > MAX_DEPTH {
        faults.push(format!("{what} is nested {deepest} levels deep; the maximum is {MAX_DEPTH}"));
    }
    let bytes = serde_json::to_string(object).map_or(usize::MAX, |text| text.len());
    if bytes > most {
        faults.push(format!("{what} has {bytes} bytes; the maximum is {most}"));
    }
    bytes
}

/// 0 for a plain value. The reader of JSON has bounded the recursion (128).
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn metric(rule: &Metric, value: Option<&Value>) -> Option<String> {
    let name = rule.name;
    let Some(value) = value.filter(|v| !v.is_null()) else {
        return rule.demanded.then(|| format!("metric {name:?} is missing ({})", rule.kind));
    };
    let wrong = |why: String| Some(format!("metric {name:?} is {}: {why}", short(value)));
    match rule.kind {
        Kind::Count(most) => match value.as_u64() {
            Some(n) if n <= most => None,
            None if value.as_f64().is_some_and(|n| n.fract() == 0.0 && (0.0..1e15).contains(&n)) => wrong(format!(
                "a count is an integer: write {:.0} without a decimal point",
                value.as_f64().unwrap_or_default()
            )),
            _ => wrong(format!("expected {}", rule.kind)),
        },
        Kind::Number(low, high) => match value.as_f64() {
            Some(n) if n.is_finite() && (low..=high).contains(&n) => None,
            _ => wrong(format!("expected {}", rule.kind)),
        },
        Kind::Word(words) => match value.as_str() {
            Some(word) if words.contains(&word) => None,
            _ => wrong(format!("expected {}", rule.kind)),
        },
        Kind::Sha256 => match value.as_str() {
            Some(text)
                if text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) =>
            {
                None
            }
            _ => wrong(format!("expected {}", rule.kind)),
        },
        Kind::Flag => value.as_bool().map_or_else(|| wrong(format!("expected {}", rule.kind)), |_| None),
        Kind::Score => match value.get("win_rate").and_then(Value::as_f64) {
            Some(rate) if (0.0..=1.0).contains(&rate) => None,
            _ => wrong(format!("expected {}", rule.kind)),
        },
    }
}

fn files(schema: &StageSchema, kinds: &[&str], faults: &mut Vec<String>) {
    for rule in schema.artefacts {
        match kinds.iter().filter(|k| **k == rule.kind).count() {
            0 if rule.demanded => faults.push(format!("no artefact of kind {:?} ({})", rule.kind, rule.doc)),
            0 | 1 => {}
            n => faults.push(format!("{n} artefacts of kind {:?}; the maximum is 1", rule.kind)),
        }
    }
    let known: Vec<&str> = schema.artefacts.iter().map(|rule| rule.kind).collect();
    for kind in kinds.iter().filter(|k| !known.contains(k)) {
        faults.push(format!(
            "unexpected artefact of kind {:?}; this stage has {}",
            short_text(kind),
            known.join(" and ")
        ));
    }
}

/// What the numbers of a match must say together.
fn sums(metrics: &Map<String, Value>) -> Vec<String> {
    let count = |name: &str| metrics.get(name).and_then(Value::as_u64).unwrap_or(0);
    let number = |name: &str| metrics.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let mut faults = Vec::new();
    let (played, sum) = (count("games_played"), count("wins") + count("draws") + count("losses"));
    if played != sum {
        faults.push(format!("games_played is {played}, but wins, draws and losses are {sum}"));
    }
    if !(number("elo_low") <= number("elo") && number("elo") <= number("elo_high")) {
        faults.push("elo is not between elo_low and elo_high".to_owned());
    }
    faults
}

fn short(value: &Value) -> String {
    short_text(&value.to_string())
}

/// Text of a workload in a message: cut, without control characters.
fn short_text(text: &str) -> String {
    let clean: String = text.chars().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(60).is_some() { clean + "…" } else { clean }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Count(most) if *most == 1 << 53 => f.write_str("an integer of at least 0"),
            Kind::Count(most) => write!(f, "an integer from 0 to {most}"),
            Kind::Number(low, high) => write!(f, "a number from {low} to {high}"),
            Kind::Word(words) => write!(f, "one of {}", words.join(", ")),
            Kind::Sha256 => f.write_str("a SHA-256 in lower-case hexadecimal"),
            Kind::Flag => f.write_str("true or false"),
            Kind::Score => f.write_str("an object with win_rate from 0 to 1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    fn faults(stage: &str, metrics: Value, kinds: &[&str]) -> String {
        let meta = Map::new();
        check(stage, &object(metrics), kinds.iter().map(|k| (*k, &meta)))
            .map_or_else(|refused| refused.to_string(), |()| String::new())
    }

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }))
    }

    #[test]
    fn a_training_without_what_it_must_say_is_refused_with_every_fault() {
        let good = json!({"epochs": 10, "final_loss": 0.5, "samples_trained": 80});
        assert_eq!(faults("training", good.clone(), &["model", "plot"]), "");
        let said = faults("training", json!({"epochs": 10.0, "samples_trained": 8.5}), &["plot", "plot"]);
        for part in [
            "metric \"epochs\" is 10.0: a count is an integer: write 10 without a decimal point",
            "metric \"final_loss\" is missing",
            "metric \"samples_trained\" is 8.5: expected an integer",
            "no artefact of kind \"model\"",
            "2 artefacts of kind \"plot\"",
        ] {
            assert!(said.contains(part), "{part:?} is not in: {said}");
        }
        assert!(faults("training", good.clone(), &["model", "games"]).contains("this stage has model and plot"));
        let mut endless = good;
        endless["final_loss"] = json!(null);
        assert!(
            faults("training", endless, &["model"]).contains("\"final_loss\" is missing"),
            "what JSON cannot say is written as null"
        );
    }

    #[test]
    fn a_match_must_add_up() {
        let good = json!({
            "games_played": 80, "wins": 60, "draws": 1, "losses": 19, "win_rate": 0.75, "elo": 190, "elo_low": 110.0, "elo_high": 280.0,
            "sprt_llr": 3.0, "sprt_decision": "accept_h1", "vs_random": {"win_rate": 0.9},
        });
        assert_eq!(faults("evaluation", good.clone(), &["match"]), "");
        for (name, value, part) in [
            ("wins", json!(61), "wins, draws and losses are 81"),
            ("elo", json!(300), "not between"),
            ("win_rate", json!(1.5), "from 0 to 1"),
            ("sprt_decision", json!("yes"), "accept_h1, accept_h0, continue"),
            ("vs_random", json!(0.9), "an object with win_rate"),
            ("draws", json!(-1), "an integer from 0"),
        ] {
            let mut bad = good.clone();
            bad[name] = value;
            let said = faults("evaluation", bad, &["match"]);
            assert!(said.contains(part), "{name}: {said}");
        }
    }

    #[test]
    fn depth_size_and_number_are_bounded_for_every_stage() {
        for stage in ["tournament", "selfplay"] {
            assert!(
                faults(stage, json!({"x": nested(124)}), &[]).contains("nested 125 levels deep; the maximum is 32"),
                "{stage}"
            );
            assert!(
                faults(stage, json!({"x": "a".repeat(MAX_METRICS_BYTES)}), &[]).contains("bytes; the maximum is"),
                "{stage}"
            );
            assert!(faults(stage, json!({}), &["plot"; 65]).contains("65 artefacts; the maximum is 64"), "{stage}");
        }
        assert_eq!(
            faults("tournament", json!({"x": nested(MAX_DEPTH - 1)}), &["anything"]),
            "",
            "other types are bound by the limits only"
        );
        let meta = object(json!({"x": nested(40)}));
        assert!(
            check("tournament", &Map::new(), [("x", &meta)])
                .expect_err("deep")
                .to_string()
                .contains("artefacts[0].meta is nested")
        );
    }

    #[test]
    fn text_of_a_workload_reaches_a_message_clean_and_short() {
        let said = faults("training", json!({"epochs": "\u{1b}[2J".repeat(40)}), &["\u{7}\n"]);
        assert!(said.chars().all(|c| !c.is_control()) && said.len() < 700, "{said:?}");
    }
}
