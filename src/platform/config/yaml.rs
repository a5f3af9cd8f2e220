//! The one place that knows serde_yaml: a text becomes a JSON tree, or an error with its position.
use super::marks::{join, tag};
use crate::contract::text::is_harmless;
use serde_json::{Map, Value};
use serde_yaml::Value as Yaml;

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

/// A value that YAML can write and the configuration cannot mean: its key and why.
pub type Unusable = (String, String);

/// Reads a configuration file. An empty one (all comments) is an empty mapping. Parsing goes through serde_yaml's own
/// value, because only that refuses duplicate keys, and only there `.nan` is not `null` yet.
pub fn parse(text: &str) -> Result<(Map<String, Value>, Vec<Unusable>), Malformed> {
    let tree: Yaml = serde_yaml::from_str(text).map_err(|error| {
        let place = error.location();
        let full = error.to_string();
        let why = full.split(" at line ").next().unwrap_or(&full).to_owned();
        Malformed { line: place.as_ref().map(|p| p.line()), column: place.as_ref().map(|p| p.column()), why }
    })?;
    if let Some((tag, at)) = tag(text) {
        let why = format!("YAML tags ({tag}) are not supported; write the value without the tag");
        return Err(Malformed { line: Some(at.line), column: Some(at.column), why });
    }
    let plain = |why: String| Malformed { line: None, column: None, why };
    let mut unusable = Vec::new();
    look("", &tree, &mut unusable);
    match serde_json::to_value(tree).map_err(|e| plain(format!("keys must be strings: {e}")))? {
        Value::Null => Ok((Map::new(), unusable)),
        Value::Object(map) => Ok((map, unusable)),
        other => Err(plain(format!("must be a mapping of keys, not {}", kind(&other)))),
    }
}

/// Finds what is refused wherever it stands, in a workload's parameters too.
fn look(path: &str, value: &Yaml, unusable: &mut Vec<Unusable>) {
    let mut refuse = |why: String| unusable.push((path.to_owned(), why));
    match value {
        Yaml::String(text) => {
            if let Some(c) = harmful(text) {
                refuse(format!(
                    "contains the control character U+{:04X}; line breaks, tabs and other control characters are not \
                        allowed",
                    u32::from(c)
                ));
            }
        }
        Yaml::Number(n) if n.as_f64().is_some_and(|n| !n.is_finite()) => {
            refuse("must be a finite number; .nan and .inf are not allowed".into())
        }
        Yaml::Sequence(items) => {
            for (n, item) in items.iter().enumerate() {
                look(&format!("{path}[{n}]"), item, unusable);
            }
        }
        Yaml::Mapping(map) => {
            for (key, value) in map {
                let Some(name) = key.as_str() else { continue };
                let full = join(path, name);
                match name {
                    "<<" => unusable.push((full, "YAML merge keys (<<) are not supported; write out the keys".into())),
                    name if harmful(name).is_some() => unusable
                        .push((join(path, &name.escape_debug().to_string()), "contains a control character".into())),
                    _ => look(&full, value, unusable),
                }
            }
        }
        // No tag comes here.
        Yaml::Null | Yaml::Bool(_) | Yaml::Number(_) | Yaml::Tagged(_) => {}
    }
}

fn harmful(text: &str) -> Option<char> {
    text.chars().find(|c| !is_harmless(*c))
}

/// What a value is, for people.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_and_bad_syntax_are_refused_with_a_place() {
        assert!(parse("# only comments\n").expect("empty").0.is_empty());
        assert!(parse("a: 1\na: 2\n").expect_err("twice").why.contains("duplicate entry"));
        let bad = parse("a:\n  b: [1,\n").expect_err("open");
        assert!(bad.line.is_some(), "{bad:?}");
        assert!(parse("- 1\n").expect_err("a list").why.contains("a list"));
    }

    #[test]
    fn every_tag_is_refused_with_its_place() {
        for text in [
            "a:\n  b: !!str 3\n",
            "a:\n  b: !tag 3\n",
            "a:\n  b: !!seq [1]\n",
            "a:\n  b: !!map {c: 1}\n",
            "a:\n  b: ! x\n",
        ] {
            let refused = parse(text).expect_err(text);
            assert!(refused.why.contains("tags") && refused.line == Some(2), "{text}: {refused:?}");
        }
    }

    #[test]
    fn what_the_configuration_cannot_mean_is_found_wherever_it_stands() {
        let text = "a: {p: {x: .nan, y: [1, -.inf]}}\nb: \"x\\ny\"\nc: &c {d: 1}\ne: {<<: *c, \"k\\e\": 1}\ng: |\n  \
            two\n  lines\n";
        let keys: Vec<String> = parse(text).expect("YAML").1.into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["a.p.x", "a.p.y[1]", "b", "e.<<", "e.k\\u{1b}", "g"]);
    }
}
