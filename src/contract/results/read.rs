//! Reading a checked result: the consumers ask by the names of the table.
use super::bounds::Listed;
use super::check::{Refused, check};
use super::table::{Kind, stage};
use serde_json::{Map, Value};

/// Metrics that were checked against the table of their stage.
#[derive(Debug, Clone, Copy)]
pub struct Checked<'a> {
    stage: &'a str,
    metrics: &'a Map<String, Value>,
}

impl<'a> Checked<'a> {
    /// Checks a result, and reads it from then on.
    pub fn new(
        stage: &'a str,
        metrics: &'a Map<String, Value>,
        artefacts: impl IntoIterator<Item = Listed<'a>>,
    ) -> Result<Self, Refused> {
        check(stage, metrics, artefacts).map(|()| Checked { stage, metrics })
    }

    /// The value of a metric that the table declares; debug builds refuse one that it does not.
    fn value(&self, name: &str, is: fn(Kind) -> bool) -> Option<&'a Value> {
        let rule = stage(self.stage).and_then(|s| s.metrics.iter().find(|m| m.name == name));
        debug_assert!(rule.is_some_and(|m| is(m.kind)), "{name} is not declared so for {}", self.stage);
        self.metrics.get(name)
    }

    /// A count; 0 if it is not demanded and absent.
    pub fn count(&self, name: &str) -> u64 {
        self.value(name, |k| matches!(k, Kind::Count(_))).and_then(Value::as_u64).unwrap_or(0)
    }

    /// A count whose range is that of 32 bits.
    pub fn small(&self, name: &str) -> u32 {
        u32::try_from(self.count(name)).unwrap_or(u32::MAX)
    }

    /// A number; 0 if it is not demanded and absent.
    pub fn number(&self, name: &str) -> f64 {
        self.value(name, |k| matches!(k, Kind::Number(..))).and_then(Value::as_f64).unwrap_or(0.0)
    }

    /// A word; empty if it is not demanded and absent.
    pub fn word(&self, name: &str) -> &'a str {
        self.value(name, |k| matches!(k, Kind::Word(_))).and_then(Value::as_str).unwrap_or_default()
    }

    /// A flag; false if absent.
    pub fn flag(&self, name: &str) -> bool {
        self.value(name, |k| k == Kind::Flag).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A SHA-256, if there is one.
    pub fn sha256(&self, name: &str) -> Option<&'a str> {
        self.value(name, |k| k == Kind::Sha256).and_then(Value::as_str)
    }

    /// The share of points of a match, if it was played.
    pub fn score(&self, name: &str) -> Option<f64> {
        self.value(name, |k| k == Kind::Score).and_then(|v| v.get("win_rate")).and_then(Value::as_f64)
    }
}
