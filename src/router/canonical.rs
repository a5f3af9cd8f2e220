//! Canonical JSON and fingerprints: when two publishes are the same event.
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The first half of a SHA-256: what the deduplication table is keyed by.
pub type Fingerprint = [u8; 16];

/// The fingerprint of a publisher's idempotency key.
pub fn of_key(key: &str) -> Fingerprint {
    half(Sha256::new_with_prefix(b"key\0").chain_update(key))
}

/// The fingerprint of a type and payload. Order of fields, fields without a value, and 1 against 1.0 make no
/// difference.
pub fn of_content(kind: &str, payload: &serde_json::Map<String, Value>) -> Fingerprint {
    let mut text = Vec::with_capacity(256);
    object(payload, &mut text);
    half(Sha256::new_with_prefix(b"content\0").chain_update(kind).chain_update([0]).chain_update(&text))
}

fn half(hash: Sha256) -> Fingerprint {
    let mut first = [0; 16];
    first.copy_from_slice(&hash.finalize()[..16]);
    first
}

fn object(map: &serde_json::Map<String, Value>, out: &mut Vec<u8>) {
    // serde_json's map is sorted unless some crate of the build asks it to keep the order of insertion.
    let mut fields: Vec<_> = map.iter().filter(|(_, value)| !value.is_null()).collect();
    fields.sort_unstable_by_key(|(name, _)| name.as_str());
    out.push(b'{');
    for (name, value) in fields {
        text(name, out);
        out.push(b':');
        write(value, out);
        out.push(b',');
    }
    out.push(b'}');
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => object(map, out),
        Value::Array(items) => {
            out.push(b'[');
            for item in items {
                write(item, out);
                out.push(b',');
            }
            out.push(b']');
        }
        Value::String(s) => text(s, out),
        Value::Number(n) => match n.as_f64() {
            // Up to 2^53 a float that is whole is the same number as the integer.
            Some(f) if n.is_f64() && f.fract() == 0.0 && f.abs() < 9e15 => {
                out.extend_from_slice((f as i64).to_string().as_bytes())
            }
            _ => out.extend_from_slice(n.to_string().as_bytes()),
        },
        Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        Value::Null => out.extend_from_slice(b"null"),
    }
}

fn text(s: &str, out: &mut Vec<u8>) {
    // Length before content: no escaping is needed to keep two texts apart.
    out.extend_from_slice(s.len().to_string().as_bytes());
    out.push(b'"');
    out.extend_from_slice(s.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, json};

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => unreachable!("tests pass objects: {other}"),
        }
    }

    #[test]
    fn spelling_makes_no_difference_and_content_does() {
        let a = of_content("t", &map(json!({"x": 1, "y": [1.0, "a"], "z": null})));
        assert_eq!(a, of_content("t", &map(json!({"y": [1, "a"], "x": 1.0}))));
        for other in [
            json!({"x": 1, "y": [1, "b"]}),
            json!({"x": 1, "y": [1, "a", null]}),
            json!({"x": "1", "y": [1, "a"]}),
            json!({}),
        ] {
            assert_ne!(a, of_content("t", &map(other.clone())), "{other}");
        }
        assert_ne!(a, of_content("u", &map(json!({"x": 1, "y": [1, "a"]}))));
        assert_ne!(of_key("a"), of_content("a", &Map::new()));
    }

    proptest! {
        #[test]
        fn different_maps_of_texts_differ(a in prop::collection::btree_map(".{0,4}", ".{0,4}", 0..4), b in prop::collection::btree_map(".{0,4}", ".{0,4}", 0..4)) {
            let maps: Vec<Map<String, Value>> = [&a, &b].map(|m| m.iter().map(|(k, v)| (k.clone(), Value::from(v.clone()))).collect()).into();
            prop_assert_eq!(a == b, of_content("t", &maps[0]) == of_content("t", &maps[1]));
        }
    }
}
