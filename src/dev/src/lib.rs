//! What is generated and committed: pure functions from the registry to files of the tree, and the one that writes
//! them.
mod modules;
mod programs;
mod schema;
mod states;
mod texts;
mod yaml;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A file of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its path from the root of the tree.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Why nothing was generated: operation, path and the system's words.
#[derive(Debug)]
pub struct Failed(String);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

fn failed(doing: &str, path: &Path) -> impl Fn(std::io::Error) -> Failed {
    let what = format!("{doing} {}", path.display());
    move |error| Failed(format!("{what}: {error}"))
}

fn read(root: &Path, path: &str) -> Result<String, Failed> {
    let path = root.join(path);
    fs::read_to_string(&path).map_err(failed("reading", &path))
}

/// The names in a directory that end so, sorted.
fn names(root: &Path, folder: &str, ending: &str) -> Result<BTreeSet<String>, Failed> {
    let path = root.join(folder);
    let entries = fs::read_dir(&path).map_err(failed("listing", &path))?;
    let names = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    Ok(names.filter(|name| name.ends_with(ending)).collect())
}

/// Everything that is generated and committed. Files with a part by hand are read first.
pub fn everything(root: &Path) -> Result<Vec<Made>, Failed> {
    let mut made: Vec<Made> = ringrift::units::generate()
        .into_iter()
        .map(|unit| Made { path: format!("units/{}", unit.name), text: unit.text })
        .collect();
    made.extend(programs::all());
    made.extend(modules::all(root)?);
    made.push(schema::file());
    made.push(Made {
        path: "packaging/catalog/ringrift-problems.catalog".into(),
        text: ringrift::contract::problem::catalog(),
    });
    made.push(Made {
        path: "packaging/prometheus/problem_alerts.yml".into(),
        text: ringrift::contract::problem::alerts(),
    });
    for (path, change) in texts::ALL {
        made.push(Made {
            path: (*path).into(),
            text: change(&read(root, path)?).map_err(|why| Failed(format!("{path}: {why}")))?,
        });
    }
    Ok(made)
}

/// Files of the tree that were generated once and are not wanted any more.
pub fn stale(root: &Path, made: &[Made]) -> Result<Vec<String>, Failed> {
    let units = names(root, "units", "")?
        .into_iter()
        .filter(|name| root.join("units").join(name).is_file())
        .map(|n| format!("units/{n}"));
    let mut bins = Vec::new();
    for folder in programs::FOLDERS {
        bins.extend(names(root, folder, ".rs")?.into_iter().map(|name| format!("{folder}/{name}")));
    }
    let ours =
        |path: &String| path.starts_with("units/") || read(root, path).is_ok_and(|text| programs::is_generated(&text));
    Ok(units.chain(bins).filter(|path| !made.iter().any(|m| m.path == *path)).filter(ours).collect())
}

/// Writes everything; returns a line for each file that changed.
pub fn write(root: &Path) -> Result<Vec<String>, Failed> {
    let made = everything(root)?;
    let mut changes = Vec::new();
    for Made { path, text } in &made {
        let place = root.join(path);
        if fs::read_to_string(&place).is_ok_and(|old| old == *text) {
            continue;
        }
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(failed("creating", folder))?;
        }
        fs::write(&place, text).map_err(failed("writing", &place))?;
        changes.push(format!("wrote {path}"));
    }
    for path in stale(root, &made)? {
        fs::remove_file(root.join(&path)).map_err(failed("removing", &root.join(&path)))?;
        changes.push(format!("removed {path}"));
    }
    Ok(changes)
}
