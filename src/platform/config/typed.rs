//! From the merged tree to the typed configuration, collecting every wrong type on the way.
use super::error::ConfigError;
use super::layers::{Layers, Origin};
use crate::contract::config::Config;
use serde_json::Value;

/// Errors that are collected before giving up: more would not be read.
const MAX_ERRORS: usize = 50;

/// Builds the configuration. After each wrong key its default is put back and the parse is made again, so that all
/// wrong keys are reported; the result is only meant to be used when there are no errors.
pub fn build(defaults: &Value, mut tree: Value, layers: &Layers, errors: &mut Vec<ConfigError>) -> Config {
    for _ in 0..MAX_ERRORS {
        let error = match serde_path_to_error::deserialize::<_, Config>(&tree) {
            Ok(config) => return config,
            Err(error) => error,
        };
        let path = error.path().to_string();
        // A list is put right as a whole, and so is a key whose enclosing section is meant.
        let key = written(layers, &path);
        errors.push(layers.error(&path, allowed(&error.inner().to_string())));
        let place = format!("/{}", key.split('[').next().unwrap_or(&key).replace('.', "/"));
        match (tree.pointer_mut(&place), defaults.pointer(&place)) {
            (Some(slot), Some(default)) if slot != default => *slot = default.clone(),
            // Nothing can be put back: what is known so far has to do.
            _ => break,
        }
    }
    Config::default()
}

/// The key itself, or the nearest one above it that a file or variable sets.
fn written(layers: &Layers, path: &str) -> String {
    let mut key = path;
    loop {
        if layers.origin(key) != Origin::Default {
            return key.to_owned();
        }
        match key.rsplit_once('.') {
            Some((above, _)) => key = above,
            None => return path.to_owned(),
        }
    }
}

/// serde's words with Rust's type names put into a user's.
fn allowed(words: &str) -> String {
    const NAMES: &[(&str, &str)] = &[
        ("expected u8", "must be an integer from 0 to 255"),
        ("expected u16", "must be an integer from 0 to 65535"),
        ("expected u32", "must be an integer from 0 to 4294967295"),
        ("expected u64", "must be an integer of 0 or greater"),
        ("expected f64", "must be a number"),
        ("expected a boolean", "must be true or false"),
        ("expected a string", "must be a string, in quotes if it looks like a number"),
        ("expected a sequence", "must be a list"),
        ("expected a map", "must be a mapping of keys"),
    ];
    let mut text = words.replace("invalid type: ", "wrong type: ").replace("invalid value: ", "wrong value: ");
    for (rust, user) in NAMES {
        if let Some(head) = text.strip_suffix(rust) {
            text = format!("{head}{user}");
            break;
        }
    }
    if let Some((head, name)) = text.split_once(", expected struct ") {
        text = format!("{head}, must be a mapping with the keys of {name}");
    }
    text
}
