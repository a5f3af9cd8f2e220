//! The table as ringrift-workload(7) shows it.
use super::table::STAGES;
use std::fmt::Write as _;

/// The section of the manual, troff. A test holds the page against it.
pub fn manual() -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    for stage in STAGES {
        let _ = writeln!(page, ".SS Result of {}", stage.name);
        for m in stage.metrics {
            let optional = if m.demanded { "" } else { ", optional" };
            let _ = writeln!(
                page,
                ".TP\n.B {}\n{} ({}{optional})",
                troff(m.name),
                troff(m.doc),
                troff(&m.kind.to_string())
            );
        }
        for a in stage.artefacts {
            let number = if a.demanded { "one artefact" } else { "at most one artefact" };
            let _ = writeln!(page, ".TP\n.I {}\n{} ({number})", troff(a.kind), troff(a.doc));
        }
    }
    page
}

fn troff(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}
