//! Output: tables for people, JSON for programs, colours where they are wanted.
use crate::contract::error::{Exit, Failure};
use crate::contract::text::Line;
use crate::platform::terminal;
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row, Table, presets};
use serde::Serialize;
use serde_json::Value;
use std::io::{ErrorKind, IsTerminal};

/// What a verb returns: the exit code, or what went wrong.
pub type Done = Result<Exit, Failure>;

/// The version of all JSON that is printed; grows when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What a text says about its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing.
    Plain,
    /// All is well.
    Good,
    /// Look at it.
    Warn,
    /// It does not work.
    Bad,
    /// In progress.
    Busy,
    /// Beside the point.
    Dim,
    /// A heading.
    Bold,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Tone::Plain => Style::new(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Warn => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Busy => AnsiColor::Cyan.on_default(),
            Tone::Dim => Style::new().dimmed(),
            Tone::Bold => Style::new().bold(),
        }
    }
}

/// Where and how to print.
#[derive(Debug, Clone)]
pub struct Out {
    /// JSON instead of text.
    pub json: bool,
    color: bool,
    color_err: bool,
    /// Columns of the terminal; none when there is no terminal, then nothing is cut.
    width: Option<u16>,
}

impl Out {
    /// As the command line and the environment want it.
    pub fn new(json: bool, choice: ColorChoice) -> Out {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        let wanted = |terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !plain,
        };
        let terminal = std::io::stdout().is_terminal();
        let width = if terminal { Table::new().width().or(Some(80)) } else { None };
        Out { json, color: wanted(terminal), color_err: wanted(std::io::stderr().is_terminal()), width }
    }

    /// Text without colours in so many columns, for tests.
    #[cfg(test)]
    pub fn plain(width: Option<u16>) -> Out {
        Out { json: false, color: false, color_err: false, width }
    }

    /// Text in a tone, for stdout.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        paint(self.color, tone, text)
    }

    /// Text in a tone, for stderr.
    pub fn paint_err(&self, tone: Tone, text: &str) -> String {
        paint(self.color_err, tone, text)
    }

    /// Prints text. A reader that went away is no failure.
    pub fn text(&self, text: &str) -> Result<(), Failure> {
        written(terminal::print(text))
    }

    /// Replaces the line on which the cursor stands.
    pub fn overwrite(&self, text: &str) -> Result<(), Failure> {
        written(terminal::overwrite(text))
    }

    /// Says something beside the result, on stderr.
    pub fn aside(&self, tone: Tone, word: &str, text: &str) {
        terminal::error_line(&format!("{} {}", self.paint_err(tone, word), Line::new(text)));
    }

    /// Prints one JSON object: the schema's version and the value under its name.
    pub fn value(&self, name: &str, value: &impl Serialize) -> Result<(), Failure> {
        let value = serde_json::to_value(value)
            .map_err(|e| Failure::new(Exit::Failure, format!("writing {name} as JSON")).caused_by(e))?;
        let mut object = serde_json::Map::new();
        object.insert("schema".into(), SCHEMA.into());
        object.insert(name.into(), value);
        let text = serde_json::to_string_pretty(&Value::Object(object)).unwrap_or_default();
        self.text(&format!("{text}\n"))
    }

    /// Prints one JSON value on one line; for streams.
    pub fn line(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text =
            serde_json::to_string(value).map_err(|e| Failure::new(Exit::Failure, "writing JSON").caused_by(e))?;
        self.text(&format!("{text}\n"))
    }

    /// JSON, or else text made by the function.
    pub fn either(&self, name: &str, value: &impl Serialize, text: impl FnOnce() -> String) -> Done {
        if self.json {
            self.value(name, value)?
        } else {
            self.text(&text())?
        }
        Ok(Exit::Ok)
    }

    /// A table whose columns are aligned and whose last column takes what room is left: one line a row, cut with …
    /// where it must be.
    pub fn table(&self, header: &[&str], rows: Vec<Vec<Text>>) -> String {
        self.lay_out(header, rows, true)
    }

    /// The same without a header, its last column wrapped at blanks and not cut: for sentences.
    pub fn sentences(&self, rows: Vec<Vec<Text>>) -> String {
        if rows.is_empty() { String::new() } else { self.lay_out(&[], rows, false) }
    }

    /// Columns of the terminal; none without one, then nothing is cut or wrapped.
    pub fn columns(&self) -> Option<usize> {
        self.width.map(usize::from)
    }

    /// Text in lines of the terminal's width, each behind so many blanks; one line without a terminal, none of an empty
    /// text.
    pub fn wrapped(&self, text: &str, indent: usize) -> Vec<String> {
        let room = self.columns().map_or(usize::MAX, |width| width.saturating_sub(indent).max(20));
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            match lines.last_mut() {
                Some(line) if line.chars().count() + 1 + word.chars().count() <= room => *line += &format!(" {word}"),
                _ => lines.push(word.to_owned()),
            }
        }
        lines.into_iter().map(|line| format!("{}{line}", " ".repeat(indent))).collect()
    }

    /// A table whose last column is wrapped at blanks and not cut.
    pub fn wrapped_table(&self, header: &[&str], rows: Vec<Vec<Text>>) -> String {
        self.lay_out(header, rows, false)
    }

    /// Prints one JSON value that has a schema of its own.
    pub fn object(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|e| Failure::new(Exit::Failure, "writing JSON").caused_by(e))?;
        self.text(&format!("{text}\n"))
    }

    fn lay_out(&self, header: &[&str], rows: Vec<Vec<Text>>, cut: bool) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_truncation_indicator("…");
        if self.color {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        if !header.is_empty() {
            table.set_header(header.iter().map(|h| self.cell(&Text::new(Tone::Dim, *h))).collect::<Vec<_>>());
        }
        for row in rows {
            let mut cells = Row::from(row.iter().map(|t| self.cell(t)).collect::<Vec<_>>());
            if cut {
                cells.max_height(1);
            }
            table.add_row(cells);
        }
        table.discover_columns();
        let last = table.column_count().saturating_sub(1);
        for (at, column) in table.column_iter_mut().enumerate() {
            column.set_padding(if at == 0 { (0, u16::from(cut)) } else { (1, u16::from(at != last)) });
            if at == last && cut {
                // Cut at the edge and not at the last blank before it: no word is worth that room.
                column.set_delimiter('\u{1}');
            } else if at != last {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        match self.width {
            Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
            None => table.set_content_arrangement(ContentArrangement::Disabled),
        };
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n") + "\n"
    }

    fn cell(&self, text: &Text) -> Cell {
        let cell = Cell::new(text.text.as_str()).set_alignment(if text.right {
            CellAlignment::Right
        } else {
            CellAlignment::Left
        });
        if !self.color {
            return cell;
        }
        match text.tone {
            Tone::Plain => cell,
            Tone::Good => cell.fg(Color::DarkGreen),
            Tone::Warn => cell.fg(Color::DarkYellow),
            Tone::Bad => cell.fg(Color::DarkRed).add_attribute(Attribute::Bold),
            Tone::Busy => cell.fg(Color::DarkCyan),
            Tone::Dim => cell.add_attribute(Attribute::Dim),
            Tone::Bold => cell.add_attribute(Attribute::Bold),
        }
    }
}

fn written(result: std::io::Result<()>) -> Result<(), Failure> {
    match result {
        Ok(()) => Ok(()),
        // `ringrift … | head` has what it wanted; nobody would see anything more.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => std::process::exit(Exit::Ok as i32),
        Err(e) => Err(Failure::new(Exit::Failure, "writing to standard output").caused_by(e)),
    }
}

fn paint(color: bool, tone: Tone, text: &str) -> String {
    if !color {
        return text.to_owned();
    }
    let style = tone.style();
    format!("{style}{text}{style:#}")
}

/// A cell.
#[derive(Debug, Clone)]
pub struct Text {
    tone: Tone,
    text: Line,
    right: bool,
}

impl Text {
    /// In a tone.
    pub fn new(tone: Tone, text: impl Into<Line>) -> Text {
        Text { tone, text: text.into(), right: false }
    }
    /// Without a tone.
    pub fn plain(text: impl Into<Line>) -> Text {
        Text::new(Tone::Plain, text)
    }
    /// Dimmed.
    pub fn dim(text: impl Into<Line>) -> Text {
        Text::new(Tone::Dim, text)
    }
    /// A number: at the right of its column.
    pub fn number(text: impl Into<Line>) -> Text {
        Text { right: true, ..Text::plain(text) }
    }
}
