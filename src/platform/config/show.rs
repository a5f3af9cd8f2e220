//! `ringrift config show`: every key with its value and where it comes from.
use super::marks::join;
use super::{Loaded, Origin};
use serde::Serialize;
use serde_json::Value;

/// One key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// Its dotted path.
    pub key: String,
    /// Its value.
    pub value: Value,
    /// `default`, `file:line`, or the variable.
    pub origin: String,
    /// Whether nobody set it.
    pub default: bool,
}

impl Loaded {
    /// Every key in the configuration's order, lists and free-form mappings as one value.
    pub fn show(&self) -> Vec<Shown> {
        let mut shown = Vec::new();
        if let Ok(tree) = serde_json::to_value(&self.config) {
            self.walk("", &tree, &mut shown);
        }
        shown
    }

    fn walk(&self, path: &str, node: &Value, shown: &mut Vec<Shown>) {
        match node {
            Value::Object(map) if !map.is_empty() => {
                for (name, value) in map {
                    self.walk(&join(path, name), value, shown);
                }
            }
            value => {
                let origin = self.origin(path);
                let default = origin == Origin::Default;
                shown.push(Shown { key: path.to_owned(), value: value.clone(), origin: origin.to_string(), default });
            }
        }
    }
}
