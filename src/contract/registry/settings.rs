//! The settings of a daemon, as data: from one line of its declaration follow type, check, configuration file, schema
//! and manual.

/// A setting of a daemon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// The key below `daemons.NAME`.
    pub key: &'static str,
    /// What it means, with its unit, without its range.
    pub doc: &'static str,
    /// The unit of a number, empty for others.
    pub unit: &'static str,
    /// Type, default and range.
    pub kind: Kind,
    /// Why it has no effect, where old files may still set it; empty for all others.
    pub without_effect: &'static str,
}

/// Type, default and range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A whole number.
    Whole {
        /// How large the type is.
        width: Width,
        /// The default.
        default: u64,
        /// The least that is allowed.
        low: u64,
        /// The most that is allowed.
        high: u64,
    },
    /// A number.
    Number {
        /// The default.
        default: f64,
        /// The least that is allowed.
        low: f64,
        /// The most that is allowed.
        high: f64,
    },
    /// True or false.
    Switch {
        /// The default.
        default: bool,
    },
    /// A text.
    Text {
        /// The default.
        default: &'static str,
        /// What it must look like.
        form: Form,
    },
    /// Texts.
    Texts {
        /// The default, with blanks between them.
        default: &'static str,
        /// What each must look like.
        form: Form,
    },
}

/// The type of a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Width {
    U16,
    U32,
    U64,
}

/// What a text must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Anything.
    Any,
    /// An absolute path.
    Path,
    /// An IP address.
    Address,
    /// A name of a host.
    Host,
}

/// What two settings of a daemon must keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The first is at least the second.
    AtLeast(&'static str, &'static str),
    /// The two differ.
    Differ(&'static str, &'static str),
}

/// A number as people write it: 1000, and with commas from 10,000 on.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Kind {
    /// The range as a person reads it, `1 to 604,800`; none for what has no range.
    pub fn range(&self) -> Option<String> {
        match self {
            Kind::Whole { low, high, .. } => Some(format!("{} to {}", grouped(*low), grouped(*high))),
            Kind::Number { low, high, .. } => Some(format!("{low} to {high}")),
            Kind::Switch { .. } | Kind::Text { .. } | Kind::Texts { .. } => None,
        }
    }

    /// The default as YAML writes it.
    pub fn default_text(&self) -> String {
        match self {
            Kind::Whole { default, .. } => default.to_string(),
            Kind::Number { default, .. } => format!("{default:?}"),
            Kind::Switch { default } => default.to_string(),
            Kind::Text { default, .. } => (*default).to_owned(),
            Kind::Texts { default, .. } => format!("[{}]", default.split_whitespace().collect::<Vec<_>>().join(", ")),
        }
    }
}

impl Setting {
    /// What it means, with its range: after the first clause, where a reader looks for it.
    pub fn describe(&self) -> String {
        let doc = self.doc.trim();
        let Some(range) = self.kind.range() else { return doc.to_owned() };
        let end = doc.find(['.', ';']).unwrap_or(doc.len());
        format!("{}, {range}{}", &doc[..end], if end < doc.len() { &doc[end..] } else { "." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_stands_after_the_first_clause() {
        let kind = Kind::Whole { width: Width::U32, default: 1, low: 1, high: 604_800 };
        let setting = |doc| Setting { key: "k", doc, unit: "seconds", kind, without_effect: "" }.describe();
        assert_eq!(setting(" Seconds it rests."), "Seconds it rests, 1 to 604,800.");
        assert_eq!(setting(" Items that wait; more are refused."), "Items that wait, 1 to 604,800; more are refused.");
    }
}
