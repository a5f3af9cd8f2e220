//! Text from outside, made harmless once: what a terminal, the service manager or the bus would act on instead of
//! showing is replaced.
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::fmt;
use std::ops::Deref;

/// Longest line, bytes: the service manager drops notifications of 4 KiB, and nobody reads more on one line.
pub const MAX_LINE: usize = 1024;
/// Longest block, bytes.
pub const MAX_BLOCK: usize = 8192;
/// Stands where text was cut off.
const CUT: &str = "…";

/// A number with its noun: `1 job`, `2 jobs`, `2 matches`, `2 directories`.
pub fn count(n: u64, noun: &str) -> String {
    let hisses = ["s", "x", "ch", "sh"].iter().any(|end| noun.ends_with(end));
    let stem = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    match (n, stem) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{n} {stem}ies"),
        (_, None) => format!("{n} {noun}{}", if hisses { "es" } else { "s" }),
    }
}

/// Whether a character is shown and not acted on: no control character (C0, DEL, C1), nothing that changes the writing
/// direction, no line or paragraph separator, no noncharacter (PID 1 and busctl refuse these).
pub fn is_harmless(c: char) -> bool {
    let code = u32::from(c);
    let direction =
        matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let noncharacter = (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE;
    !(c.is_control() || direction || noncharacter || c == '\u{FEFF}')
}

/// The one cleaning function. Line ends and tabs are kept or become blanks, every other harmful character becomes
/// U+FFFD; of more than `max` bytes the beginning is kept and marked.
fn clean(bytes: &[u8], keep_lines: bool, max: usize) -> String {
    // A bounded part is decoded, however much there is.
    let whole = bytes.len() <= max;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(max)]);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\t' if keep_lines => out.push(c),
            '\n' | '\r' | '\t' => out.push(' '),
            c if is_harmless(c) => out.push(c),
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
    }
    if !whole || out.len() > max {
        out.truncate(out.floor_char_boundary(max - CUT.len()));
        // A character that the cut halved was decoded as a replacement.
        out.truncate(out.trim_end_matches(char::REPLACEMENT_CHARACTER).len());
        out.push_str(CUT);
    }
    out
}

macro_rules! clean_text {
    ($(#[$doc:meta])* $name:ident, $lines:expr, $max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Cleans the text.
            pub fn new(text: impl AsRef<[u8]>) -> Self {
                Self(clean(text.as_ref(), $lines, $max))
            }
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
        impl From<&String> for $name {
            fn from(text: &String) -> Self {
                Self::new(text)
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }
        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from).map(Self::new)
            }
        }
    };
}

clean_text!(
    /// One line of clean text, at most `MAX_LINE` bytes. `STATUS=`, D-Bus and tables take this.
    Line, false, MAX_LINE
);
clean_text!(
    /// Clean text of several lines, at most `MAX_BLOCK` bytes; line feeds and tabs are kept.
    Block, true, MAX_BLOCK
);

/// A text that people type and that stands on one line wherever it is shown, for `deserialize_with`.
pub fn one_line<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Line::deserialize(from).map(String::from)
}

impl Block {
    /// Cleans the end of a longer text, for logs whose last lines matter.
    pub fn last(text: impl AsRef<[u8]>) -> Self {
        let bytes = text.as_ref();
        if bytes.len() <= MAX_BLOCK {
            return Self::new(bytes);
        }
        // Each byte becomes at most three; the first may be the rest of a character that the cut halved.
        let tail = clean(&bytes[bytes.len() - MAX_BLOCK..], true, 3 * MAX_BLOCK);
        let from = tail.ceil_char_boundary(tail.len().saturating_sub(MAX_BLOCK - CUT.len()));
        Self(format!("{CUT}{}", tail[from..].trim_start_matches(char::REPLACEMENT_CHARACTER)))
    }
}

/// Cleans every string of a JSON value, names of fields too; line feeds and tabs are kept, nothing is cut.
pub fn clean_json(value: Value) -> Value {
    let text = |text: String| match text.chars().all(|c| is_harmless(c) || matches!(c, '\n' | '\t')) {
        true => text,
        // Each replacement takes at most three bytes.
        false => clean(text.as_bytes(), true, text.len() * 3 + CUT.len()),
    };
    match value {
        Value::String(s) => Value::String(text(s)),
        Value::Array(list) => Value::Array(list.into_iter().map(clean_json).collect()),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(name, value)| (text(name), clean_json(value))).collect())
        }
        other => other,
    }
}

/// What names of event types are made of.
pub fn is_name_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests;
