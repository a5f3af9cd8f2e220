//! The one place that knows serde_yaml: a text becomes a JSON tree, or an error with its position.
use serde_json::{Map, Value};

/// A text is no YAML, or no mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// From 1, where known.
    pub line: Option<usize>,
    /// From 1, where known.
    pub column: Option<usize>,
    /// What the parser says.
    pub why: String,
}

/// Reads a configuration file. An empty one (all comments) is an empty mapping. Parsing goes through serde_yaml's own value,
/// because only that refuses duplicate keys.
pub fn parse(text: &str) -> Result<Map<String, Value>, Malformed> {
    let tree: serde_yaml::Value = serde_yaml::from_str(text).map_err(|error| {
        let place = error.location();
        let full = error.to_string();
        let why = full.split(" at line ").next().unwrap_or(&full).to_owned();
        Malformed { line: place.as_ref().map(|p| p.line()), column: place.as_ref().map(|p| p.column()), why }
    })?;
    let plain = |why: String| Malformed { line: None, column: None, why };
    match serde_json::to_value(tree).map_err(|e| plain(format!("keys are texts: {e}")))? {
        Value::Null => Ok(Map::new()),
        Value::Object(map) => Ok(map),
        other => Err(plain(format!("a mapping of keys is wanted, this is {}", kind(&other)))),
    }
}

/// What a value is, for people.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_and_bad_syntax_are_refused_with_a_place() {
        assert!(parse("# only comments\n").expect("empty").is_empty());
        assert!(parse("a: 1\na: 2\n").expect_err("twice").why.contains("duplicate entry"));
        let bad = parse("a:\n  b: [1,\n").expect_err("open");
        assert!(bad.line.is_some(), "{bad:?}");
        assert!(parse("- 1\n").expect_err("a list").why.contains("a list"));
    }
}
