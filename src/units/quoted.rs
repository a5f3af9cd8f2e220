//! Values of the configuration in unit files: one escaper, and one writer that takes nothing else.
use super::text::Text;
use crate::contract::text::{Line, is_harmless};

/// Why a text cannot stand in a unit file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} cannot stand in a unit file: {why}")]
pub struct Unquotable {
    /// The text, cleaned.
    pub text: Line,
    /// What is wrong with it.
    pub why: &'static str,
}

/// One word of a setting's value as systemd's parser reads it back: in double quotes, with backslash, quote and percent
/// sign escaped. A path has no other form for a line end (only commands know \n), so control characters are refused
/// instead of escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted(String);

impl Quoted {
    /// An absolute path, for ReadWritePaths= and the like.
    pub fn path(text: &str) -> Result<Quoted, Unquotable> {
        let refuse = |why| Err(Unquotable { text: Line::new(text), why });
        if !text.starts_with('/') {
            // A leading - or + would be a flag.
            return refuse("not an absolute path");
        }
        if !text.chars().all(is_harmless) {
            return refuse("it holds a control character");
        }
        if text.split('/').any(|part| part == "..") {
            return refuse("it holds `..`");
        }
        Ok(Quoted(escape(text)))
    }

    /// As it stands in the file.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // Else a specifier.
            '%' => out.push_str("%%"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A drop-in in the making: its values are numbers and quoted words.
#[derive(Debug, Clone)]
pub struct DropIn(Text);

impl DropIn {
    /// Without settings.
    pub fn empty() -> Self {
        DropIn(Text::new())
    }
    /// Begins a section.
    pub fn section(self, name: &'static str) -> Self {
        DropIn(self.0.section(name))
    }
    /// A number, and the key of the configuration that it comes from.
    pub fn number(self, from: &'static str, key: &'static str, value: u32) -> Self {
        DropIn(self.0.why(from).set(key, value))
    }
    /// A word, and the key of the configuration that it comes from.
    pub fn word(self, from: &'static str, key: &'static str, value: &Quoted) -> Self {
        DropIn(self.0.why(from).set(key, value.as_str()))
    }
    /// The file.
    pub fn done(self) -> String {
        self.0.done()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// systemd's reader of one setting: specifiers (`%%`), then extract_first_word with EXTRACT_UNQUOTE. None: more
    /// than one word, or a specifier, or an open quote.
    fn read_back(value: &str) -> Option<String> {
        let (mut out, mut rest, mut quoted) = (String::new(), value.chars().peekable(), false);
        while let Some(c) = rest.next() {
            match c {
                '\\' => out.push(rest.next()?),
                '"' => quoted = !quoted,
                '\'' if !quoted => return None,
                '%' => out.push(rest.next().filter(|next| *next == '%')?),
                '\n' => return None,
                c if c.is_whitespace() && !quoted => return None,
                c => out.push(c),
            }
        }
        (!quoted).then_some(out)
    }

    #[test]
    fn what_systemd_would_act_on_is_escaped_or_refused() {
        let path = Quoted::path("/srv/a b%n\"q\"\\$HOME'x").expect("a path");
        assert_eq!(path.as_str(), "\"/srv/a b%%n\\\"q\\\"\\\\$HOME'x\"");
        for bad in
            ["", "relative", "-/x", "/a\nExecStartPre=+/bin/sh", "/a\0", "/a\u{1b}", "/a/../b", "/a\r", "/a\u{2028}b"]
        {
            let refused = Quoted::path(bad).expect_err(bad).to_string();
            assert!(!refused.contains('\n'), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn a_quoted_path_is_read_back_as_it_was(text in "/[^\\p{C}\u{2028}\u{2029}]{0,60}") {
            if let Ok(quoted) = Quoted::path(&text) {
                prop_assert_eq!(read_back(quoted.as_str()), Some(text));
                let file = DropIn::empty().section("Service").word("key", "ReadWritePaths", &quoted).done();
                prop_assert_eq!(file.lines().count(), 4, "{}", file);
            }
        }

        #[test]
        fn no_text_adds_a_line_to_a_drop_in(text in any::<String>()) {
            for text in [text.clone(), format!("/{text}"), format!("/srv\n{text}")] {
                if let Ok(quoted) = Quoted::path(&text) {
                    prop_assert!(quoted.as_str().lines().count() == 1 && read_back(quoted.as_str()) == Some(text));
                }
            }
        }
    }
}
