//! What programs say to a person. A reader that has gone away (`| head`) is no error: the work goes on, silently.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line to stdout.
pub fn line(text: impl Display) {
    // What cannot be written to a terminal or pipe has nobody who waits for it.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Writes a line to stderr.
pub fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
