//! `check-result` and `check-params`: would the suite accept what a command left, and would the built-in stage take
//! these parameters?

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::contract::files::sha256_file;
use crate::contract::job::Job;
use crate::export::ExportParams;
use crate::failure::Failure;
use crate::judge::stage::EvaluationParams;
use crate::records::selfplay::SelfplayParams;
use crate::results;
use crate::train::stage::TrainParams;

/// Longest extension that the store keeps, bytes.
const LONGEST_EXTENSION: usize = 16;
/// Most folders of an artefact's path, with its name.
const DEEPEST: usize = 16;

/// Arguments of `check-result`.
#[derive(Debug, clap::Args)]
pub struct ResultArgs {
    /// The stage: selfplay, export, training, evaluation, or another type of job
    stage: String,
    /// The output directory with its result.json
    folder: PathBuf,
}

/// Arguments of `check-params`.
#[derive(Debug, clap::Args)]
pub struct ParamsArgs {
    /// The stage of the built-in workload
    #[arg(value_parser = ["selfplay", "export", "training", "evaluation"])]
    stage: String,
    /// Parameters as JSON, as in '{"epochs": 3}'
    params: String,
    /// Configuration, as in square8_2p
    #[arg(long, default_value = "square8_2p", value_parser = super::config)]
    config: crate::game::GameConfig,
}

#[derive(Deserialize)]
struct Artefact {
    kind: String,
    path: String,
    sha256: String,
    bytes: u64,
    #[serde(default)]
    meta: Map<String, Value>,
}

#[derive(Deserialize)]
struct ResultFile {
    schema: u32,
    #[serde(default)]
    artefacts: Vec<Artefact>,
    #[serde(default)]
    metrics: Map<String, Value>,
}

/// Runs `check-result`: every fault on a line of its own, exit 65 if there is one.
pub fn result(args: &ResultArgs) -> Result<(), Failure> {
    let path = args.folder.join("result.json");
    let found = read(&path)?;
    let mut faults = Vec::new();
    if found.schema != 1 {
        faults.push(format!("field schema: {} is not known, 1 is", found.schema));
    }
    let listed = found.artefacts.iter().map(|a| (a.kind.as_str(), &a.meta));
    if let Err(refused) = results::check(&args.stage, &found.metrics, listed) {
        faults.extend(refused.faults);
    }
    for (n, artefact) in found.artefacts.iter().enumerate() {
        if let Err(why) = file(&args.folder, artefact) {
            faults.push(format!("artefacts[{n}] {:?}: {why}", artefact.path));
        }
    }
    if !faults.is_empty() {
        return Err(Failure::bad(format!(
            "{} would be refused as a result of {}:\n  {}",
            path.display(),
            args.stage,
            faults.join("\n  ")
        )));
    }
    let known = if results::stage(&args.stage).is_some() {
        ""
    } else {
        " (a type of job whose result only has to keep to the limits)"
    };
    let (artefacts, metrics) = (found.artefacts.len(), found.metrics.len());
    crate::say::line(format_args!("accepted: {}{known}, {artefacts} artefacts, {metrics} metrics", args.stage));
    Ok(())
}

fn read(path: &Path) -> Result<ResultFile, Failure> {
    let bad = |why: String| Failure::bad(format!("{}: {why}", path.display()));
    let meta = std::fs::symlink_metadata(path).map_err(|e| bad(format!("{e}; a command writes result.json last")))?;
    if !meta.is_file() || meta.len() > results::MAX_RESULT_BYTES {
        return Err(bad(format!("expected a regular file of at most {} bytes", results::MAX_RESULT_BYTES)));
    }
    let text = std::fs::read_to_string(path).map_err(|e| bad(e.to_string()))?;
    let mut reader = serde_json::Deserializer::from_str(&text);
    serde_path_to_error::deserialize(&mut reader).map_err(|e| bad(format!("field {}: {}", e.path(), e.inner())))
}

/// What the runner asks of a file: inside, over no link, regular, one name, readable for the group, of the size and
/// hash that were said.
fn file(folder: &Path, artefact: &Artefact) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let named = Path::new(&artefact.path);
    if artefact.path.is_empty() || !named.components().all(|c| matches!(c, Component::Normal(_))) {
        return Err("the path must be relative to the output directory and stay inside".to_owned());
    }
    let extension = named.extension().map(|e| e.to_string_lossy().into_owned());
    let plain = |e: &String| e.len() <= LONGEST_EXTENSION && e.bytes().all(|b| b.is_ascii_alphanumeric());
    if artefact.path.chars().any(char::is_control)
        || named.components().count() > DEEPEST
        || !extension.iter().all(plain)
    {
        return Err(format!(
            "the store keeps names without control characters, {DEEPEST} folders deep, extensions of \
                {LONGEST_EXTENSION} letters and digits"
        ));
    }
    let mut path = folder.to_owned();
    for part in named.components() {
        path.push(part);
        let meta = std::fs::symlink_metadata(&path).map_err(|e| e.to_string())?;
        if meta.is_symlink() {
            return Err(format!("{} is a symbolic link", path.display()));
        }
    }
    let meta = std::fs::metadata(&path).map_err(|e| e.to_string())?;
    if !meta.is_file() {
        return Err("not a regular file".to_owned());
    }
    if meta.nlink() != 1 {
        return Err(format!("has {} hard links, one is taken", meta.nlink()));
    }
    if meta.mode() & 0o400 == 0 {
        return Err(format!("mode {:04o} does not let its owner read it", meta.mode() & 0o7777));
    }
    let (sha256, bytes) = sha256_file(&path).map_err(|e| e.to_string())?;
    if bytes != artefact.bytes {
        return Err(format!("has {bytes} bytes, the result says {}", artefact.bytes));
    }
    if sha256 != artefact.sha256 {
        return Err(format!("its SHA-256 is {sha256}, the result says {}", artefact.sha256));
    }
    Ok(())
}

/// Runs `check-params`: the names and ranges that the stage itself checks before it does anything.
pub fn params(args: &ParamsArgs) -> Result<(), Failure> {
    match args.stage.as_str() {
        "selfplay" => SelfplayParams::check(&Job::by_hand(args.config, &args.params)?)?,
        "export" => drop(Job::<ExportParams>::by_hand(args.config, &args.params)?),
        "training" => TrainParams::check(&Job::by_hand(args.config, &args.params)?)?,
        _ => EvaluationParams::check(&Job::by_hand(args.config, &args.params)?)?,
    }
    crate::say::line(format_args!("accepted: {}", args.stage));
    Ok(())
}
