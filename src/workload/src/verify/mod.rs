//! Replays recorded games and rule vectors, and compares every ply with what the rules here give.

mod assertion;
mod trace;
mod vector;

use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;
use serde_json::Value;

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything agreed.
    Pass,
    /// A vector that the original's own engines contradict.
    Disputed,
    /// The first difference.
    Fail(String),
}

/// One case and its verdict; shown as `PASS id`, `DISPUTED id`, `FAIL id: what`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Name of the case.
    pub id: String,
    /// How it ended.
    pub verdict: Verdict,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::Pass => write!(f, "PASS {}", self.id),
            Verdict::Disputed => write!(f, "DISPUTED {}", self.id),
            Verdict::Fail(what) => write!(f, "FAIL {}: {what}", self.id),
        }
    }
}

/// Checks each file (traces or vectors, plain or gzip), writes a line per case, then the counts.
/// True when nothing failed.
///
/// # Errors
/// A file cannot be read or is of neither format; the other files are checked all the same.
pub fn run(files: &[PathBuf], out: &mut dyn Write) -> Result<bool> {
    let (mut passed, mut failed, mut unreadable) = (0, 0, None);
    for file in files {
        let cases = check_file(file).unwrap_or_else(|e| {
            unreadable.get_or_insert(e);
            Vec::new()
        });
        for case in cases {
            writeln!(out, "{case}")?;
            match case.verdict {
                Verdict::Pass => passed += 1,
                Verdict::Fail(_) => failed += 1,
                Verdict::Disputed => {}
            }
        }
    }
    writeln!(out, "{passed} passed, {failed} failed")?;
    unreadable.map_or(Ok(failed == 0), Err)
}

/// Checks all cases of one file.
///
/// # Errors
/// The file cannot be read or is of neither format.
pub fn check_file(path: &Path) -> Result<Vec<Case>> {
    let value = read(path)?;
    if value["format"] == "oracle-trace-1" {
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let id = name.split('.').next().unwrap_or(&name).to_owned();
        return Ok(vec![Case { id, verdict: trace::check(&value).unwrap_or_else(Verdict::Fail) }]);
    }
    let list = value["vectors"].as_array().or_else(|| value.as_array());
    match list {
        Some(list) => Ok(list.iter().enumerate().map(|(n, v)| vector::check(n, v)).collect()),
        None => bail!(
            "reading {}: neither a trace (format oracle-trace-1) nor a file of vectors; give a *.trace.json[.gz] or *.vectors.json[.gz]",
            path.display()
        ),
    }
}

fn read(path: &Path) -> Result<Value> {
    let doing = || format!("reading {}", path.display());
    let mut bytes = Vec::new();
    File::open(path).and_then(|mut f| f.read_to_end(&mut bytes)).with_context(doing)?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut text = Vec::new();
        BufReader::new(MultiGzDecoder::new(&bytes[..])).read_to_end(&mut text).with_context(doing)?;
        bytes = text;
    }
    serde_json::from_slice(&bytes).with_context(doing)
}
