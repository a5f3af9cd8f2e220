//! Replays recorded games and rule vectors, and compares every ply with what the rules here give.

mod assertion;
mod files;
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
    /// A vector that says itself that it is not for such a check, with its reason and how it went here.
    Skipped(String),
    /// A vector that names something that is not on its board, so that nobody can play it.
    Unplayable(String),
    /// The first difference.
    Fail(String),
}

/// One case and its verdict; shown as `PASS id`, `DISPUTED id`, `SKIPPED id: why`, `UNPLAYABLE id: why`, `FAIL id:
/// what`.
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
            Verdict::Skipped(why) => write!(f, "SKIPPED {}: {why}", self.id),
            Verdict::Unplayable(why) => write!(f, "UNPLAYABLE {}: {why}", self.id),
            Verdict::Fail(what) => write!(f, "FAIL {}: {what}", self.id),
        }
    }
}

/// How many cases ended in which way; shown as `3 passed, 0 failed, 1 disputed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    passed: usize,
    failed: usize,
    disputed: usize,
    skipped: usize,
    unplayable: usize,
}

impl Count {
    fn add(&mut self, verdict: &Verdict) {
        let number = match verdict {
            Verdict::Pass => &mut self.passed,
            Verdict::Fail(_) => &mut self.failed,
            Verdict::Disputed => &mut self.disputed,
            Verdict::Skipped(_) => &mut self.skipped,
            Verdict::Unplayable(_) => &mut self.unplayable,
        };
        *number += 1;
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        let others = [(self.disputed, "disputed"), (self.skipped, "skipped"), (self.unplayable, "unplayable")];
        others.iter().filter(|(n, _)| *n > 0).try_for_each(|(n, what)| write!(f, ", {n} {what}"))
    }
}

/// Checks each file (traces or vectors, plain or gzip) and all such files below each folder, writes a line per case,
/// then the counts. True when nothing failed.
///
/// # Errors
/// A file or folder cannot be read or is of neither format, or a folder has no such file; all others are checked all
/// the same.
pub fn run(paths: &[PathBuf], out: &mut dyn Write) -> Result<bool> {
    let (mut count, mut trouble) = (Count::default(), None);
    for path in paths {
        let files = files::below(path).unwrap_or_else(|e| {
            trouble.get_or_insert(e);
            Vec::new()
        });
        for file in files {
            let cases = check_file(&file).unwrap_or_else(|e| {
                trouble.get_or_insert(e);
                Vec::new()
            });
            for case in cases {
                writeln!(out, "{case}")?;
                count.add(&case.verdict);
            }
        }
    }
    writeln!(out, "{count}")?;
    out.flush()?;
    trouble.map_or(Ok(count.failed == 0), Err)
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
            "reading {}: neither a trace (format oracle-trace-1) nor a file of vectors; give a *.trace.json[.gz] or \
                *.vectors.json[.gz]",
            path.display()
        ),
    }
}

/// A file's JSON, unpacked if it is gzip.
///
/// # Errors
/// The file cannot be read or is no JSON.
pub fn read(path: &Path) -> Result<Value> {
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
