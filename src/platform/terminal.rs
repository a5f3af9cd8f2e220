//! The only place that writes to standard output and standard error: whatever the text holds, a terminal gets nothing
//! but characters, line ends, tabs and colours.
use crate::contract::text::{Block, is_harmless};
use std::io::{self, BufRead, IsTerminal, Write};

/// Returns to the start of the line and clears it.
const CLEAR_LINE: &str = "\r\u{1b}[K";

/// Text from outside is cleaned where it enters; this keeps whatever was missed from the terminal. Colours are the only
/// sequences that pass, since tables are coloured before they are laid out.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = colour(rest) {
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        out.push(if is_harmless(c) || matches!(c, '\n' | '\t') { c } else { char::REPLACEMENT_CHARACTER });
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// The length of the colour sequence at the beginning: ESC [ digits and semicolons m.
fn colour(text: &str) -> Option<usize> {
    let body = text.strip_prefix("\u{1b}[")?;
    let end = body.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    (end <= 16 && body[end..].starts_with('m')).then_some(2 + end + 1)
}

/// Prints text.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(printable(text).as_bytes())?;
    stdout.flush()
}

/// Overwrites the line on which the cursor stands.
pub fn overwrite(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    write!(stdout, "{CLEAR_LINE}{}", printable(text))?;
    stdout.flush()
}

/// Whether a person can be asked.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && (io::stderr().is_terminal() || io::stdout().is_terminal())
}

/// Asks a person and returns the answer.
pub fn ask(question: &str) -> io::Result<String> {
    let text = printable(question);
    match io::stderr().is_terminal() {
        true => write!(io::stderr().lock(), "{text}").and_then(|()| io::stderr().flush())?,
        false => print(&text)?,
    }
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}

/// Prints a line on standard error. Where that is away nothing can be done about it.
pub fn error_line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", printable(text));
}

/// A line that somebody else's program wrote, handed on to our standard error.
pub fn hand_on(line: &[u8]) {
    // Longer lines than a block are cut; the journal would split them anyway.
    let _ = writeln!(io::stderr().lock(), "{}", Block::new(line));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_pass_and_nothing_else() {
        for whole in ["plain\ttext\n", "\u{1b}[1m\u{1b}[31mred\u{1b}[0m\n", "\u{1b}[38;5;2mgreen\u{1b}[39m"] {
            assert_eq!(printable(whole), whole);
        }
        assert_eq!(printable("\u{1b}[2J\u{1b}]0;title\u{7}\r\0\u{9b}31m"), "�[2J�]0;title����31m");
        assert_eq!(printable("\u{1b}[1111111111111111111m\u{1b}[\u{1b}"), "�[1111111111111111111m�[�");
    }
}
