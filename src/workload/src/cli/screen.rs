//! The terminal: its size, whether it has colours, and text that may be longer than it.

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::view::Look;

/// Columns and rows of the terminal on stdout; without one, nothing is too wide or too long.
pub fn size() -> (usize, usize) {
    let found = std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    found.map_or((usize::MAX, usize::MAX), |(columns, rows)| (columns.0.into(), rows.0.into()))
}

/// How to draw on this terminal; NO_COLOR is honoured.
pub fn look() -> Look {
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    Look { colour, columns: size().0, ..Look::default() }
}

/// Writes to stdout; a reader that has seen enough (`| head`) is no error.
pub fn print(text: &str) -> Result<(), Failure> {
    let written = std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush());
    match written {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::internal("writing to the terminal", e)),
        _ => Ok(()),
    }
}

/// Prints text; what is longer than the terminal goes through $PAGER, or less where there is one.
pub fn page(text: &str) -> Result<(), Failure> {
    if text.lines().count() < size().1 {
        return print(text);
    }
    let pager = std::env::var("PAGER").unwrap_or_default();
    let mut words = pager.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("less"));
    command.args(words);
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "FRX");
    }
    let Ok(mut child) = command.stdin(Stdio::piped()).spawn() else { return print(text) };
    if let Some(mut input) = child.stdin.take() {
        // A reader who quits early closes the pipe.
        let _ = input.write_all(text.as_bytes());
    }
    child.wait().map(drop).map_err(|e| Failure::internal("waiting for the pager", e))
}
