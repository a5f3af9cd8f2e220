//! The JSON schema of the configuration, for editors: the daemons from their declarations, the rest from the types of
//! its defaults.
use crate::Made;
use ringrift::contract::config::Config;
use ringrift::contract::registry::{DaemonSpec, Form, Kind, Setting, Stage, all};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// `config/schema/unified_loop.schema.json`.
pub fn file() -> Made {
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let ranges = Config::default().ranges();
    let mut schema = of_default("", &defaults, &ranges);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("/etc/ringrift/unified_loop.yaml");
    schema["properties"]["daemons"] = daemons();
    Made { path: "config/schema/unified_loop.schema.json".into(), text: printed(&schema, "") + "\n" }
}

/// JSON with what is short on one line.
fn printed(value: &Value, indent: &str) -> String {
    let short = value.to_string();
    match value {
        Value::Object(map) if short.len() > 220 => {
            let deeper = format!("{indent}  ");
            let lines: Vec<String> =
                map.iter().map(|(key, value)| format!("{deeper}{key:?}: {}", printed(value, &deeper))).collect();
            format!("{{\n{}\n{indent}}}", lines.join(",\n"))
        }
        _ => short,
    }
}

/// A section may be empty: all of it is commented out.
fn object(properties: Map<String, Value>) -> Value {
    json!({ "type": ["object", "null"], "additionalProperties": false, "properties": properties })
}

/// Lowest and highest by key, as the checks have them.
type Ranges = BTreeMap<String, (String, String)>;

/// A number with the range that the check of its key has.
fn number(key: &str, kind: Value, default: &Value, ranges: &Ranges) -> Value {
    let mut schema = json!({ "type": kind, "default": default });
    bound(&mut schema, key, ranges);
    schema
}

fn bound(schema: &mut Value, key: &str, ranges: &Ranges) {
    let Some((low, high)) = ranges.get(key) else { return };
    for (name, bound) in [("minimum", low), ("maximum", high)] {
        schema[name] = serde_json::from_str(bound).unwrap_or_default();
    }
}

/// A list; the range of its key is that of each member.
fn list(key: &str, default: &Value, ranges: &Ranges) -> Value {
    let mut schema = json!({ "type": "array", "default": default });
    if ranges.contains_key(key) {
        schema["items"] = json!({ "type": "number" });
        bound(&mut schema["items"], key, ranges);
    }
    schema
}

/// What a value like this default may be. `params` are the workload's own.
fn of_default(key: &str, default: &Value, ranges: &Ranges) -> Value {
    match default {
        Value::Object(map) if map.is_empty() || key.ends_with(".params") => json!({ "type": ["object", "null"] }),
        Value::Object(map) => {
            let below = |name: &String| if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            object(map.iter().map(|(name, value)| (name.clone(), of_default(&below(name), value, ranges))).collect())
        }
        Value::Array(_) => list(key, default, ranges),
        Value::Bool(_) => json!({ "type": "boolean", "default": default }),
        Value::Number(n) if n.is_f64() => number(key, json!("number"), default, ranges),
        Value::Number(_) => number(key, json!(["integer", "null"]), default, ranges),
        Value::String(_) => json!({ "type": "string", "default": default }),
        Value::Null => json!({ "default": null }),
    }
}

fn daemons() -> Value {
    object(all().map(|spec| (spec.daemon.snake(), daemon(spec))).collect())
}

fn daemon(spec: &DaemonSpec) -> Value {
    let mut keys = Map::new();
    keys.insert(
        "enabled".into(),
        json!({ "type": "boolean", "default": true, "description": "False keeps it out of every profile." }),
    );
    let interval = "Seconds between ticks, 1 to 86,400.";
    keys.insert(
        "interval".into(),
        json!({ "type": ["integer", "null"], "minimum": 1, "maximum": 86_400, "default": spec.interval, "description": interval }),
    );
    keys.extend(spec.settings.iter().map(|s| (s.key.to_owned(), setting(s))));
    let mut section = object(keys);
    let what = match spec.stage {
        Stage::Built => String::new(),
        Stage::Planned => "; planned: its keys have no effect yet".into(),
        Stage::Alias { of, .. } => format!("; another name of {}: its keys have no effect", of.name()),
    };
    section["description"] = json!(format!("{}{what}.", spec.purpose));
    section
}

fn setting(setting: &Setting) -> Value {
    let mut schema = match setting.kind {
        Kind::Whole { default, low, high, .. } => {
            json!({ "type": "integer", "minimum": low, "maximum": high, "default": default })
        }
        Kind::Number { default, low, high } => {
            json!({ "type": "number", "minimum": low, "maximum": high, "default": default })
        }
        Kind::Switch { default } => json!({ "type": "boolean", "default": default }),
        Kind::Texts { default, .. } => {
            json!({ "type": "array", "items": { "type": "string" }, "default": default.split_whitespace().collect::<Vec<_>>() })
        }
        Kind::Text { default, form: Form::Path } => json!({ "type": "string", "pattern": "^/", "default": default }),
        Kind::Text { default, .. } => json!({ "type": "string", "default": default }),
    };
    schema["description"] = json!(setting.describe());
    if !setting.unit.is_empty() {
        schema["unit"] = json!(setting.unit);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys whose numbers the schema cannot name one by one: what they count is in a list, or is named by the user.
    const IN_LISTS: [&str; 2] = ["daemons.", "bandwidth.hosts."];

    #[test]
    fn every_range_that_is_checked_stands_in_the_schema() {
        let schema: Value = serde_json::from_str(&file().text).expect("JSON");
        for (key, (low, high)) in Config::default().ranges() {
            if IN_LISTS.iter().any(|part| key.starts_with(part)) {
                continue;
            }
            let found = key.split('.').fold(&schema, |at, name| &at["properties"][name]);
            let place = if found["type"] == "array" { &found["items"] } else { found };
            assert_eq!((place["minimum"].to_string(), place["maximum"].to_string()), (low, high), "{key}");
        }
    }
}
