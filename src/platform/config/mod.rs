//! Loading the configuration: defaults, shipped file, administrator's file, drop-ins, environment; each key knows its
//! origin.
mod environment;
mod error;
mod files;
mod layers;
mod marks;
mod readers;
mod show;
mod typed;
mod yaml;

pub use environment::{OTHERS, VARIABLES, Variable};
pub use error::{ConfigError, ConfigErrors};
pub use layers::Origin;
pub use readers::Reader;
pub use show::Shown;

use crate::contract::config::{Config, WITHOUT_EFFECT};
use crate::contract::paths;
use crate::contract::registry::{DaemonType, Stage, UnknownName};
use layers::{From, Layers, Source};
use marks::{Mark, join, marks};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Where to look.
#[derive(Debug, Clone, Default)]
pub struct Dirs {
    /// Shipped defaults, `/usr/share/ringrift`.
    pub share: PathBuf,
    /// The administrator's, `/etc/ringrift`.
    pub etc: PathBuf,
    /// The environment, by name.
    pub env: BTreeMap<String, String>,
    /// The file that units read their environment from; for programs that no unit started.
    pub environment_file: Option<PathBuf>,
}

/// Variables that the environment file had set when this process began.
static FROM_FILE: OnceLock<BTreeSet<String>> = OnceLock::new();

/// The process's own variables, without those that came from the environment file: what the file says now goes before
/// them.
fn without_the_files(
    env: BTreeMap<String, String>,
    file: &BTreeMap<String, (String, usize)>,
    from_file: &BTreeSet<String>,
) -> BTreeMap<String, String> {
    env.into_iter().filter(|(name, _)| !file.contains_key(name) && !from_file.contains(name)).collect()
}

impl Dirs {
    /// For a daemon: systemd has put `/etc/ringrift/environment` into the process's environment when it began. It is
    /// read again here, so that a reload takes over what was changed in it since.
    pub fn daemon() -> Dirs {
        let dirs = Dirs::process();
        let path = dirs.etc.join("environment");
        // systemd reads it as root. Where this process may not, it knows the file from its beginning.
        let Ok(file) = environment::read_file(&path) else { return dirs };
        let came = || {
            file.iter()
                .filter(|(name, (value, _))| dirs.env.get(*name) == Some(value))
                .map(|(name, _)| name.clone())
                .collect()
        };
        let from_file = FROM_FILE.get_or_init(came);
        Dirs { env: without_the_files(dirs.env.clone(), &file, from_file), environment_file: Some(path), ..dirs }
    }
    /// From the process's environment alone.
    fn process() -> Dirs {
        let place =
            |name: &str, default: &str| std::env::var_os(name).map_or_else(|| PathBuf::from(default), PathBuf::from);
        let ours = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Dirs {
            share: place("RINGRIFT_SHARE", paths::SHARE),
            etc: place("RINGRIFT_ETC", paths::ETC),
            env: std::env::vars_os().filter_map(ours).filter(|(name, _)| name.starts_with("RINGRIFT_")).collect(),
            environment_file: None,
        }
    }
    /// For a command on a terminal: reads `/etc/ringrift/environment` as systemd does for the daemons; variables set in
    /// the shell go before it.
    pub fn command() -> Dirs {
        let dirs = Dirs::process();
        Dirs { environment_file: Some(dirs.etc.join("environment")), ..dirs }
    }
    /// The files that exist, in the order in which they are laid over each other.
    pub fn files(&self) -> Result<Vec<PathBuf>, ConfigErrors> {
        let mut files = vec![self.share.join(paths::CONFIG_FILE), self.etc.join(paths::CONFIG_FILE)];
        let dropins = self.etc.join("conf.d");
        files.extend(
            files::drop_ins(&dropins).map_err(|e| whole_file(&dropins, format!("listing the directory: {e}")))?,
        );
        files.retain(|f| files::is_there(f));
        Ok(files)
    }
    /// A file or folder of the configuration that this process may not read, if there is one; what others may read is
    /// another question.
    pub fn hidden(&self) -> Option<PathBuf> {
        let dropins = self.etc.join("conf.d");
        let named = [self.share.join(paths::CONFIG_FILE), self.etc.join(paths::CONFIG_FILE)];
        let all =
            named.into_iter().chain(self.environment_file.clone()).chain(files::drop_ins(&dropins).unwrap_or_default());
        if files::is_hidden(&dropins) { Some(dropins) } else { all.into_iter().find(|file| files::is_hidden(file)) }
    }
    /// What the readers cannot read of the configuration, each file with the reader and the reason. Root can read
    /// everything, so only looking at modes finds it.
    pub fn unreadable(&self, readers: &[Reader]) -> Result<Vec<ConfigError>, ConfigErrors> {
        let mut errors = Vec::new();
        for file in self.files()? {
            for reader in readers {
                if let Some(barrier) = reader.barred_from(&file) {
                    let why =
                        format!("not readable by user {}: {barrier}; change it with `chmod` or `chgrp`", reader.name);
                    errors.push(ConfigError {
                        file: file.display().to_string(),
                        line: None,
                        column: None,
                        key: String::new(),
                        why,
                    });
                }
            }
        }
        Ok(errors)
    }
}

/// A valid configuration and where each key comes from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is odd and does no harm: unknown RINGRIFT_ variables, keys of daemons that are not built.
    pub warnings: Vec<String>,
    layers: Layers,
}

impl Loaded {
    /// Where a key's value comes from.
    pub fn origin(&self, key: &str) -> Origin {
        self.layers.origin(key)
    }
}

fn whole_file(path: &Path, why: String) -> ConfigErrors {
    ConfigErrors(vec![ConfigError {
        file: path.display().to_string(),
        line: None,
        column: None,
        key: String::new(),
        why,
    }])
}

/// Loads and checks everything; the error lists all that is wrong, each with file, line, column and key.
pub fn load(dirs: &Dirs) -> Result<Loaded, ConfigErrors> {
    let mut layers = Layers::default();
    let mut errors = Vec::new();
    let Ok(defaults) = serde_json::to_value(Config::default()) else { unreachable!("the defaults are plain data") };
    let mut tree = defaults.clone();
    for path in dirs.files()? {
        let text = files::read(&path).map_err(|e| whole_file(&path, format!("reading the file: {e}")))?;
        layers.sources.push(Source { path: path.display().to_string(), text });
        overlay_file(&mut layers, &defaults, &mut tree, &mut errors);
    }
    let mut warnings = overlay_environment(dirs, &mut layers, &mut tree, &mut errors)?;
    warnings.extend(without_effect(&layers));
    let config = typed::build(&defaults, tree, &layers, &mut errors);
    if errors.is_empty() {
        for problem in config.check() {
            // The user is sent to a key that somebody set: a contradiction may lie between a default and a key of the
            // file.
            let written =
                std::iter::once(&problem.key).chain(&problem.others).find(|k| layers.origin(k) != Origin::Default);
            let key = written.unwrap_or(&problem.key);
            let why =
                if *key == problem.key { problem.why } else { format!("contradicts {}: {}", problem.key, problem.why) };
            errors.push(layers.error(key, why));
        }
    }
    if errors.is_empty() { Ok(Loaded { config, warnings, layers }) } else { Err(ConfigErrors(errors)) }
}

/// What is set and has no effect: keys of daemons that are not built, and those that only old files still know.
fn without_effect(layers: &Layers) -> Vec<String> {
    let of_daemons = |key: &str| {
        let (name, setting) = key.strip_prefix("daemons.")?.split_once('.')?;
        let daemon = DaemonType::parse(name).ok()?.spec();
        match daemon.stage {
            Stage::Planned => Some(format!("{} is planned but not built yet", daemon.name)),
            Stage::Alias { of, .. } => Some(format!("{} is another name of {}", daemon.name, of.name())),
            Stage::Built => {
                let old = daemon.settings.iter().find(|s| s.key == setting && !s.without_effect.is_empty())?;
                Some(old.without_effect.to_owned())
            }
        }
    };
    let others = |key: &str| WITHOUT_EFFECT.iter().find(|(known, _)| *known == key).map(|(_, why)| (*why).to_owned());
    let said = |key: &String| {
        let why = of_daemons(key).or_else(|| others(key))?;
        Some(format!("{key} (set in {}) has no effect: {why}", layers.origin(key)))
    };
    layers.from.keys().filter_map(said).collect()
}

/// Lays the last source over the tree, key by key; unknown keys are errors and left out.
fn overlay_file(layers: &mut Layers, defaults: &Value, tree: &mut Value, errors: &mut Vec<ConfigError>) {
    let at = layers.sources.len() - 1;
    let source = layers.sources[at].clone();
    match yaml::parse(&source.text) {
        Ok((map, unusable)) => {
            let places = marks(&source.text);
            let mut unknown = |key: String, why: String| {
                let whole = key.split('[').next().unwrap_or(&key);
                let mark = places.get(&key).or_else(|| places.get(whole)).and_then(|m| m.first());
                errors.push(ConfigError {
                    file: source.path.clone(),
                    line: mark.map(|m| m.line),
                    column: mark.map(|m| m.column),
                    key,
                    why,
                });
            };
            let refused: std::collections::BTreeSet<String> = unusable.iter().map(|(key, _)| key.clone()).collect();
            unusable.into_iter().for_each(|(key, why)| unknown(key, why));
            let mut unknown = |key: String, why: String| {
                if !refused.contains(&key) {
                    unknown(key, why)
                }
            };
            merge(
                "",
                map,
                Some(defaults),
                tree,
                &mut |key| drop(layers.from.insert(key, From::Source(at))),
                &mut unknown,
            );
        }
        Err(bad) => {
            let mut twice: Vec<(Mark, String, usize)> = marks(&source.text)
                .into_iter()
                .filter(|(_, m)| m.len() > 1)
                .flat_map(|(key, m)| m[1..].iter().map(|again| (*again, key.clone(), m[0].line)).collect::<Vec<_>>())
                .collect();
            twice.sort();
            // Keys below a duplicate are duplicates only because of it.
            let tops: Vec<String> = twice.iter().map(|(_, key, _)| key.clone()).collect();
            twice.retain(|(_, key, _)| {
                !tops.iter().any(|top| key.len() > top.len() && key.starts_with(&format!("{top}.")))
            });
            if twice.is_empty() || !bad.why.contains("duplicate") {
                let Malformed { line, column, why } = bad;
                errors.push(ConfigError { file: source.path, line, column, key: String::new(), why });
            } else {
                errors.extend(twice.into_iter().map(|(mark, key, first)| ConfigError {
                    file: source.path.clone(),
                    line: Some(mark.line),
                    column: Some(mark.column),
                    key,
                    why: format!("duplicate key; first defined on line {first}"),
                }));
            }
        }
    }
}

use yaml::Malformed;

/// Merges by key. `known` is the default's node: an object lists the allowed keys, an empty one allows any. A stage's
/// `params` are the workload's, which judges them itself; ours are only defaults.
fn merge(
    path: &str,
    from: Map<String, Value>,
    known: Option<&Value>,
    into: &mut Value,
    set: &mut dyn FnMut(String),
    unknown: &mut dyn FnMut(String, String),
) {
    let keys = known.and_then(Value::as_object).filter(|k| !k.is_empty() && !path.ends_with(".params"));
    let Value::Object(into) = into else { return };
    for (name, value) in from {
        let key = join(path, &name);
        let below = keys.and_then(|k| k.get(&name));
        if let (Some(keys), None) = (keys, below) {
            let near = UnknownName::new("key", &name, keys.keys().map(String::as_str));
            let all: Vec<&str> = keys.keys().map(String::as_str).collect();
            let allowed = match (near.nearest.as_slice(), all.len()) {
                ([], 0..=12) => format!("; must be one of {}", all.join(", ")),
                ([], _) => String::new(),
                (nearest, _) => format!("; did you mean {}?", nearest.join(", ")),
            };
            unknown(key, format!("unknown key{allowed}"));
            continue;
        }
        match (value, into.get_mut(&name), below) {
            // `section:` with everything under it commented out.
            (Value::Null, Some(Value::Object(_)), _) => {}
            (Value::Object(map), Some(old @ Value::Object(_)), below) => {
                if map.is_empty() {
                    set(key.clone());
                }
                merge(&key, map, below, old, set, unknown);
            }
            (value, _, _) => {
                set(key);
                into.insert(name, value);
            }
        }
    }
}

fn overlay_environment(
    dirs: &Dirs,
    layers: &mut Layers,
    tree: &mut Value,
    errors: &mut Vec<ConfigError>,
) -> Result<Vec<String>, ConfigErrors> {
    let mut found: BTreeMap<String, (String, Option<(String, usize)>)> = BTreeMap::new();
    if let Some(path) = &dirs.environment_file {
        let read = environment::read_file(path).map_err(|e| whole_file(path, format!("reading the file: {e}")))?;
        let shown = path.display().to_string();
        found.extend(read.into_iter().map(|(name, (value, line))| (name, (value, Some((shown.clone(), line))))));
    }
    found.extend(dirs.env.iter().map(|(name, value)| (name.clone(), (value.clone(), None))));
    let mut warnings = Vec::new();
    for (name, (text, place)) in found.into_iter().filter(|(name, _)| name.starts_with("RINGRIFT_")) {
        let Some(variable) = VARIABLES.iter().find(|v| v.name == name) else {
            if !OTHERS.contains(&name.as_str()) {
                let names = VARIABLES.iter().map(|v| v.name).chain(OTHERS.iter().copied());
                warnings.push(format!("{}; ignored", UnknownName::new("variable", &name, names)));
            }
            continue;
        };
        match variable.parse(&text) {
            Ok(value) => {
                for key in variable.keys {
                    if let Some(slot) = tree.pointer_mut(&format!("/{}", key.replace('.', "/"))) {
                        *slot = value.clone();
                    }
                    layers.from.insert((*key).to_owned(), From::Variable(name.clone(), place.clone()));
                }
            }
            Err(why) => {
                let (file, line) = place.map_or(("environment".to_owned(), None), |(path, line)| (path, Some(line)));
                errors.push(ConfigError {
                    file,
                    line,
                    column: None,
                    key: name,
                    why: format!("{why} (sets {})", variable.keys.join(", ")),
                });
            }
        }
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests;
