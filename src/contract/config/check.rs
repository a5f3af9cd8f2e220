//! What is wrong with a configuration that its types cannot say.
use std::collections::BTreeMap;

/// One thing wrong with a configuration that its types cannot say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, as in `safeguards.disk.warning`.
    pub key: String,
    /// What is wrong and what is allowed.
    pub why: String,
    /// Other keys that take part in a contradiction; one of them may be what the user wrote.
    pub others: Vec<String>,
}

/// Collects problems.
#[derive(Debug, Default)]
pub struct Check {
    /// In the order found.
    pub problems: Vec<Problem>,
    /// The ranges that were asked for, lowest and highest as written, by key.
    pub ranges: BTreeMap<String, (String, String)>,
}

impl Check {
    /// The value must lie in the range.
    pub fn range<T: PartialOrd + std::fmt::Display + Copy>(&mut self, key: &str, value: T, low: T, high: T) {
        self.ranges.insert(key.to_owned(), (low.to_string(), high.to_string()));
        self.within(key, value, low, high);
    }
    /// The value must lie between two others, which are settings themselves.
    pub fn within<T: PartialOrd + std::fmt::Display + Copy>(&mut self, key: &str, value: T, low: T, high: T) {
        if !(value >= low && value <= high) {
            self.fail(key, format!("{value} is out of range; must be from {low} to {high}"));
        }
    }
    /// The values must grow strictly.
    pub fn ascending(&mut self, keys: &[(&str, f64)]) {
        for pair in keys.windows(2) {
            if pair[0].1.partial_cmp(&pair[1].1) != Some(std::cmp::Ordering::Less) {
                let why = format!("{} must be below {} = {}", pair[0].1, pair[1].0, pair[1].1);
                self.contradiction(pair[0].0, &[pair[1].0], why);
            }
        }
    }
    /// Something else is wrong.
    pub fn fail(&mut self, key: &str, why: impl Into<String>) {
        self.contradiction(key, &[], why);
    }
    /// A key does not go with others.
    pub fn contradiction(&mut self, key: &str, others: &[&str], why: impl Into<String>) {
        let others = others.iter().map(|k| (*k).to_owned()).collect();
        self.problems.push(Problem { key: key.into(), why: why.into(), others });
    }
    /// A number's upper or lower bound is another key's value.
    pub fn at_least<T: PartialOrd + std::fmt::Display + Copy>(&mut self, key: &str, value: T, other: &str, bound: T) {
        if value < bound {
            self.contradiction(key, &[other], format!("{value} is less than {other} = {bound}"));
        }
    }
}
