//! The text of one unit file: sections, settings and the reasons above them.
use std::fmt::Write as _;

/// A unit file in the making.
#[derive(Debug, Clone)]
pub struct Text {
    text: String,
}

impl Text {
    /// Begins a file that says where it comes from.
    pub fn new() -> Self {
        Text {
            text: "# Generated from the registry by `ringrift units generate`. Change it with `systemctl edit`, \
            not here.\n"
                .into(),
        }
    }

    /// Begins a section.
    pub fn section(mut self, name: &str) -> Self {
        if !self.text.ends_with("here.\n") {
            self.text.push('\n');
        }
        let _ = writeln!(self.text, "[{name}]");
        self
    }

    /// The reason of the setting that follows.
    pub fn why(mut self, reason: &str) -> Self {
        for line in reason.lines() {
            let _ = writeln!(self.text, "# {line}");
        }
        self
    }

    /// A setting.
    pub fn set(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        let _ = writeln!(self.text, "{key}={value}");
        self
    }

    /// A setting whose value is a list; none when the list is empty.
    pub fn list<S: AsRef<str>>(self, key: &str, values: &[S]) -> Self {
        match values {
            [] => self,
            _ => {
                let joined: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
                self.set(key, joined.join(" "))
            }
        }
    }

    /// Hands the file through a function that adds to it.
    pub fn with(self, add: impl FnOnce(Text) -> Text) -> Self {
        add(self)
    }

    /// The file.
    pub fn done(self) -> String {
        self.text
    }
}

impl Default for Text {
    fn default() -> Self {
        Text::new()
    }
}
