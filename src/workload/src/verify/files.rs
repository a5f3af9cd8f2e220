//! Which files a path given to `verify` stands for.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// How the names of files end that are taken from a folder.
const ENDINGS: [&str; 4] = [".trace.json", ".trace.json.gz", ".vectors.json", ".vectors.json.gz"];

/// The path itself, or for a folder all traces and vectors in it and below it, in the order of their names. Links to
/// folders are not followed, so that a circle of links ends.
pub(super) fn below(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    collect(path, &mut found)?;
    if found.is_empty() {
        bail!("reading {}: the folder has no file that ends in {}", path.display(), ENDINGS.join(", "));
    }
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let doing = || format!("reading the folder {}", folder.display());
    let entries = std::fs::read_dir(folder).with_context(doing)?;
    let mut entries = entries.collect::<std::io::Result<Vec<_>>>().with_context(doing)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type().with_context(doing)?.is_dir() {
            collect(&entry.path(), found)?;
        } else if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            found.push(entry.path());
        }
    }
    Ok(())
}
