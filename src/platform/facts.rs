//! Collects the facts of one moment: systemd over the bus, the files in /run/ringrift, the configuration on disk, the
//! machine. Starts nothing, and decides nothing.
use super::clock::now_us;
use super::config::{self, Dirs, Loaded, Reader};
use super::flags;
use super::host::{Machine, node_id};
use super::notices::Notices;
use super::systemd::SystemdView;
use crate::contract::facts::{ConfigFacts, Facts, Missing, ThresholdSource};
use crate::contract::health::StatusFile;
use crate::contract::host::UnitView;
use crate::contract::paths;
use crate::contract::ports::{Host as _, Units};
use crate::contract::registry::{HUB_SERVICES, Hub, built};
use crate::contract::text::clean_json;
use crate::contract::workload::JobType;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

/// Largest status or control file that is read, bytes.
const MAX_FILE: u64 = 4 << 20;
/// A device of a GPU's driver: without it there is no GPU to lose.
const GPU_DEVICE: &str = "/dev/nvidia0";

/// Where everything lies.
#[derive(Debug, Clone)]
pub struct Places {
    /// `/run/ringrift`.
    pub run: PathBuf,
    /// The folder of notices.
    pub notices: PathBuf,
    /// The configuration.
    pub dirs: Dirs,
    /// Who has to be able to read it.
    pub readers: Vec<Reader>,
}

/// When the content and when anything of the configuration's files was changed, their modes for example, and how large
/// they are.
type Signature = Vec<(PathBuf, Option<i64>, (i64, i64), u64)>;

/// Looks again and again; remembers what need not be read twice.
pub struct Collector {
    places: Places,
    machine: Machine,
    config: Mutex<Option<(Signature, ConfigFacts)>>,
}

impl Collector {
    /// For these places.
    pub fn new(places: Places) -> Collector {
        Collector { places, machine: Machine::new(node_id(""), paths::STATE), config: Mutex::new(None) }
    }

    /// One look.
    pub fn collect(&self, units: &dyn Units) -> Facts {
        let units = units.list(&names().iter().map(String::as_str).collect::<Vec<_>>());
        let (reports, torn) = self.reports();
        let machine = self.machine.snapshot();
        let gpu_lost = machine.gpu_absent.clone().filter(|_| Path::new(GPU_DEVICE).exists());
        Facts {
            now_us: now_us(),
            host_name: nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default(),
            units,
            reports,
            torn,
            controls: self.controls(),
            config: self.config(),
            notices: Notices::at(&self.places.notices).read(),
            machine,
            flag: flags::text(&self.places.run.join("EMERGENCY_HALT")).map_err(|e| e.to_string()),
            gpu_lost,
        }
    }

    fn reports(&self) -> (BTreeMap<String, StatusFile>, Vec<Missing>) {
        let (mut reports, mut torn) = (BTreeMap::new(), Vec::new());
        let folders = built().map(|s| s.daemon.kebab()).chain(["master", "coordinator"].map(str::to_owned));
        for folder in folders {
            let path = self.places.run.join(&folder).join("status.json");
            match read(&path) {
                Ok(Some(report)) => drop(reports.insert(folder, report)),
                Ok(None) => {}
                Err(why) => {
                    torn.push(Missing {
                        source: path.display().to_string(),
                        process: Some(folder),
                        why,
                        since_us: changed_us(&path),
                    });
                }
            }
        }
        (reports, torn)
    }

    fn controls(&self) -> BTreeMap<String, crate::contract::master::Control> {
        let control = |folder: String| {
            let text = fs::read(self.places.run.join("control").join(&folder)).ok()?;
            Some((folder, serde_json::from_slice(&text).ok()?))
        };
        built().filter_map(|s| control(s.daemon.kebab())).collect()
    }

    /// Read again only when a file of it has changed.
    fn config(&self) -> ConfigFacts {
        let dirs = &self.places.dirs;
        let mut files = dirs.files().unwrap_or_default();
        files.extend([dirs.etc.join("environment"), dirs.etc.join("conf.d"), dirs.etc.clone()]);
        let of = |path: PathBuf| {
            let about = fs::metadata(&path);
            let (changed, size) = about.map_or(((0, 0), 0), |m| ((m.ctime(), m.ctime_nsec()), m.len()));
            let at = changed_us(&path);
            (path, at, changed, size)
        };
        let signature: Signature = files.into_iter().map(of).collect();
        let mut known = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, facts)) = known.as_ref().filter(|(before, _)| *before == signature) {
            return facts.clone();
        }
        let mut facts = look(dirs, &self.places.readers);
        // The folder above holds other things, too.
        facts.changed_us = signature.iter().filter(|(path, ..)| *path != dirs.etc).filter_map(|(_, at, ..)| *at).max();
        let usable = |before: &&ConfigFacts| before.thresholds_from != ThresholdSource::Defaults;
        if facts.thresholds_from == ThresholdSource::Defaults
            && let Some(before) = known.as_ref().map(|(_, before)| before).filter(usable)
        {
            (facts.thresholds, facts.thresholds_from) = (before.thresholds, ThresholdSource::Remembered);
        }
        *known = Some((signature, facts.clone()));
        facts
    }
}

/// Reads the configuration. What this process alone may not read leaves it unknown; what the suite's users may not read
/// is an error, whoever looks.
fn look(dirs: &Dirs, readers: &[Reader]) -> ConfigFacts {
    let barred = dirs.unreadable(readers);
    let hidden = dirs.hidden();
    let errors = match (config::load(dirs), barred) {
        (Ok(loaded), Ok(barred)) if barred.is_empty() && hidden.is_none() => return of_loaded(&loaded),
        // It is unknown what else is wrong with files that cannot be read here.
        (_, Ok(barred)) if hidden.is_some() => barred,
        (Ok(_), Ok(barred)) => barred,
        (Err(errors), Ok(barred)) => errors.0.into_iter().chain(barred).collect(),
        (_, Err(_)) if hidden.is_some() => Vec::new(),
        (_, Err(errors)) => errors.0,
    };
    ConfigFacts {
        first_file: errors.first().map(|e| e.file.clone()),
        hidden: hidden.filter(|_| errors.is_empty()).map(|path| path.display().to_string()),
        errors: errors.iter().map(ToString::to_string).collect(),
        thresholds_from: ThresholdSource::Defaults,
        ..ConfigFacts::default()
    }
}

fn of_loaded(loaded: &Loaded) -> ConfigFacts {
    let mut facts = ConfigFacts::of(&loaded.config);
    for kind in JobType::ALL {
        let origin = loaded.origin(&format!("workload.{kind}.command"));
        if origin != config::Origin::Default {
            let command = loaded.config.workload.stage(kind).command.join(" ");
            facts.commands.insert(kind.name().into(), (command, origin.to_string()));
        }
    }
    facts
}

/// The suite's units: services, sockets and the watch over the emergency flags; jobs' are the coordinator's to tell.
fn names() -> Vec<String> {
    let mut names: Vec<String> = built().map(|s| s.daemon.unit()).collect();
    names.extend(HUB_SERVICES.map(str::to_owned));
    names.extend([Hub::Router, Hub::Coordinator, Hub::Catalog].map(|hub| hub.socket_unit().to_owned()));
    names.extend(["ringrift-job.socket", "ringrift-emergency.path"].map(str::to_owned));
    names.sort();
    names.dedup();
    names
}

/// A status file, if there is one; an error when there is one and it says nothing.
fn read(path: &Path) -> Result<Option<StatusFile>, String> {
    match fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.to_string()),
        Ok(about) if about.len() > MAX_FILE => return Err(format!("it has {} bytes", about.len())),
        Ok(_) => {}
    }
    let text = fs::read(path).map_err(|e| e.to_string())?;
    serde_json::from_slice(&text)
        .map(clean_json)
        .and_then(serde_json::from_value)
        .map(Some)
        .map_err(|e| format!("not a report: {e}"))
}

fn changed_us(path: &Path) -> Option<i64> {
    let at = fs::metadata(path).and_then(|m| m.modified()).ok()?;
    i64::try_from(at.duration_since(UNIX_EPOCH).ok()?.as_micros()).ok()
}

/// A view of systemd that also collects facts: for HEALTH_SERVER.
pub struct Lookout {
    view: SystemdView,
    collector: Collector,
}

impl Lookout {
    /// Over this `/run/ringrift`, with the daemons' configuration.
    pub fn at(run: &Path) -> Lookout {
        let places = Places {
            run: run.to_owned(),
            notices: paths::NOTICES.into(),
            dirs: Dirs::daemon(),
            readers: Reader::all(),
        };
        Lookout { view: SystemdView::at(None, run), collector: Collector::new(places) }
    }
}

impl Units for Lookout {
    fn list(&self, patterns: &[&str]) -> Result<Vec<UnitView>, String> {
        self.view.list(patterns)
    }
    fn status_file(&self, kebab: &str) -> Option<StatusFile> {
        self.view.status_file(kebab)
    }
    fn facts(&self) -> Facts {
        self.collector.collect(&self.view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct NoBus;
    impl Units for NoBus {
        fn list(&self, _: &[&str]) -> Result<Vec<UnitView>, String> {
            Err("no bus".into())
        }
        fn status_file(&self, _: &str) -> Option<StatusFile> {
            None
        }
    }

    #[test]
    fn what_is_torn_or_missing_is_told_and_a_changed_configuration_is_read_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let etc = dir.path().join("etc");
        fs::create_dir_all(etc.join("conf.d")).expect("made");
        fs::create_dir_all(dir.path().join("auto-export")).expect("made");
        fs::write(dir.path().join("auto-export/status.json"), "{\"daemon\":").expect("written");
        let dirs = Dirs { etc: etc.clone(), ..Dirs::default() };
        let places = Places { run: dir.path().into(), notices: dir.path().join("notices"), dirs, readers: Vec::new() };
        let collector = Collector::new(places.clone());
        let facts = collector.collect(&NoBus);
        assert_eq!(facts.units, Err("no bus".to_owned()));
        assert!(
            facts.torn.len() == 1
                && facts.torn[0].process.as_deref() == Some("auto-export")
                && facts.torn[0].since_us.is_some(),
            "{:?}",
            facts.torn
        );
        assert!(facts.config.errors.is_empty() && facts.reports.is_empty(), "{:?}", facts.config);
        fs::write(etc.join("conf.d/50-disk.yaml"), "safeguards: {disk: {warning: 40, critical: 50}}\n")
            .expect("written");
        let config = collector.collect(&NoBus).config;
        assert_eq!((config.thresholds.disk.critical, config.thresholds_from), (50.0, ThresholdSource::Files));
        fs::write(etc.join("conf.d/90-mine.yaml"), "limits: {nonsense: 1}\n").expect("written");
        let facts = collector.collect(&NoBus);
        assert_eq!(facts.config.errors.len(), 1, "{:?}", facts.config);
        assert_eq!(
            (facts.config.thresholds.disk.critical, facts.config.thresholds_from),
            (50.0, ThresholdSource::Remembered)
        );
        // Who looks for the first time has seen no valid ones.
        let first = Collector::new(places).collect(&NoBus).config;
        assert_eq!((first.thresholds.disk.critical, first.thresholds_from), (70.0, ThresholdSource::Defaults));
        assert!(
            facts.config.first_file.as_deref().is_some_and(|f| f.ends_with("90-mine.yaml"))
                && facts.config.changed_us.is_some()
        );
        fs::write(etc.join("conf.d/90-mine.yaml"), "workload: {training: {command: [/bin/false]}}\n").expect("written");
        let facts = collector.collect(&NoBus);
        let (command, place) = facts.config.commands.get("training").expect("set");
        assert!(command == "/bin/false" && place.ends_with("90-mine.yaml:1"), "{place}");
    }

    /// Root can read everything: that the suite's users cannot is an error all the same, and one that only a change of
    /// modes makes.
    #[test]
    fn what_the_suites_users_cannot_read_is_an_error_whoever_looks() {
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("set")
        };
        let dir = tempfile::tempdir().expect("a directory");
        let etc = dir.path().join("etc");
        let file = etc.join("conf.d/90-mine.yaml");
        fs::create_dir_all(etc.join("conf.d")).expect("made");
        fs::write(&file, "limits: {}\n").expect("written");
        [dir.path(), &etc, &etc.join("conf.d")].into_iter().for_each(|folder| mode(folder, 0o755));
        mode(&file, 0o644);
        let dirs = Dirs { etc, ..Dirs::default() };
        let places = Places {
            run: dir.path().into(),
            notices: dir.path().join("notices"),
            dirs,
            readers: Reader::find("nobody").into_iter().collect(),
        };
        let collector = Collector::new(places);
        assert_eq!(collector.collect(&NoBus).config.errors, Vec::<String>::new());
        mode(&file, 0o600);
        let config = collector.collect(&NoBus).config;
        assert!(
            config.errors.len() == 1
                && config.errors[0].contains("not readable by user nobody")
                && config.hidden.is_none(),
            "{config:?}"
        );
        mode(&file, 0o644);
        assert_eq!(collector.collect(&NoBus).config.errors, Vec::<String>::new());
    }
}
