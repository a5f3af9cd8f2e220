//! DATA_PIPELINE's housekeeping: job folders and artefacts that are no longer needed go; whatever is in doubt stays.
use crate::contract::catalog::Fate;
use crate::contract::config::{Config, Retention};
use crate::contract::coordinator::{WorkItem, WorkSelection};
use crate::contract::daemon::HandlerError;
use crate::contract::ids::{Digest, JobId};
use crate::contract::ports::{CatalogStore, Current, Queue, StoreError};
use crate::contract::text;
use crate::contract::time::Span;
use crate::contract::workload::Inputs;
use crate::coordination::retention::{self, Protected};
use std::collections::BTreeSet;

/// Files deleted in one turn.
const MAX_FILES: usize = 500;
const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;

/// The ports that the housekeeping asks.
pub(super) struct Keeping<'a> {
    pub(super) queue: &'a dyn Queue,
    pub(super) current: &'a dyn Current,
    pub(super) store: &'a dyn CatalogStore,
}

/// What the housekeeping works by and remembers.
#[derive(Debug)]
pub(super) struct Housekeeping {
    retention: Retention,
    keep_failed_us: i64,
    keep_ended_us: i64,
    /// Directories that were not needed at the last turn; the unit's last process may still have been at work in them.
    unneeded: BTreeSet<JobId>,
}

/// What one turn did.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Job directories deleted.
    folders: u64,
    /// Artefacts deleted.
    files: u64,
    /// Size of these artefacts.
    bytes: u64,
    /// What was in the way of the rest.
    stuck: Option<HandlerError>,
}

impl Turn {
    /// One line: what was deleted and what was in the way; absent: there was nothing to do. An error: the database is
    /// of no use.
    pub(super) fn line(self) -> Result<Option<String>, HandlerError> {
        let (folders, files) = (text::count(self.folders, "job directory"), text::count(self.files, "artefact"));
        let deleted = || format!("deleted: {folders}, {files} ({:.1} MB)", self.bytes as f64 / 1e6);
        Ok(match (self.stuck, self.folders + self.files) {
            (Some(broken @ HandlerError::Broken(_)), _) => return Err(broken),
            (Some(why), 0) => Some(format!("nothing deleted: {why}")),
            (Some(why), _) => Some(format!("{}; not everything: {why}", deleted())),
            (None, 0) => None,
            (None, _) => Some(deleted()),
        })
    }

    /// Whether something was in the way.
    pub(super) fn is_stuck(&self) -> bool {
        self.stuck.is_some()
    }
}

impl Housekeeping {
    pub(super) fn new(config: &Config) -> Housekeeping {
        Housekeeping {
            retention: config.retention.clone(),
            keep_failed_us: i64::from(config.limits.keep_failed_hours) * HOUR_US,
            keep_ended_us: i64::from(config.limits.keep_ended_days) * DAY_US,
            unneeded: BTreeSet::new(),
        }
    }

    /// Works by another configuration; what was seen at the last turn stays.
    pub(super) fn configure(&mut self, config: &Config) {
        let unneeded = std::mem::take(&mut self.unneeded);
        *self = Housekeeping { unneeded, ..Housekeeping::new(config) };
    }

    /// One turn: what was deleted, and what was in the way of the rest.
    pub(super) fn turn(&mut self, ports: &Keeping<'_>) -> Turn {
        let mut turn = Turn::default();
        // The first thing in the way: a folder, say, before what came of going on without it.
        match self.delete(ports, &mut turn) {
            Err(broken @ HandlerError::Broken(_)) => turn.stuck = Some(broken),
            Err(why) => drop(turn.stuck.get_or_insert(why)),
            Ok(()) => {}
        }
        turn
    }

    fn delete(&mut self, ports: &Keeping<'_>, turn: &mut Turn) -> Result<(), HandlerError> {
        let active = active(ports)?;
        self.folders(ports, &active, turn)?;
        ports.store.finish_forgetting()?;
        let fates = self.fates(ports, &active)?;
        for fate in fates.into_iter().filter(|f| !f.stays).take(MAX_FILES) {
            ports.store.forget(&fate.id, &fate.why)?;
            (turn.files, turn.bytes) = (turn.files + 1, turn.bytes + fate.bytes);
        }
        Ok(())
    }

    /// What a turn would do with each artefact.
    pub(super) fn dry_run(&self, ports: &Keeping<'_>) -> Result<Vec<Fate>, HandlerError> {
        self.fates(ports, &active(ports)?)
    }

    fn fates(&self, ports: &Keeping<'_>, active: &[WorkItem]) -> Result<Vec<Fate>, HandlerError> {
        let artefacts = ports.store.kept()?;
        let mut protected: Protected = ports.store.protected(self.retention.champions, self.retention.ancestors)?;
        for item in active {
            for id in inputs(&item.work.inputs) {
                protected.insert(id, format!("input of {} {}", item.work.work_type, item.work_id));
            }
        }
        let keys: BTreeSet<_> = artefacts.iter().map(|a| a.config_key.clone()).collect();
        for key in keys {
            // A link that cannot be read might name anything.
            if let Some(id) = ports.current.current(&key).map_err(HandlerError::Failed)? {
                protected.insert(id, format!("the current model of {key}"));
            }
        }
        Ok(retention::decide(artefacts, &self.retention, &protected))
    }

    /// Deletes folders; one that cannot go holds up no other.
    fn folders(&mut self, ports: &Keeping<'_>, active: &[WorkItem], turn: &mut Turn) -> Result<(), HandlerError> {
        let permit = ports.store.age_permit();
        let active: BTreeSet<&JobId> = active.iter().map(|item| &item.work_id).collect();
        let before = std::mem::take(&mut self.unneeded);
        for folder in ports.store.job_folders()? {
            // A verified result that is not registered waits for its event; only a queue that forgot the job gives it
            // up.
            let keep_us = if folder.verified { self.keep_ended_us } else { self.keep_failed_us };
            let old = permit.is_some_and(|p| folder.changed_us < p.before(Span::of_us(keep_us)).us());
            if active.contains(&folder.job_id) || !(folder.registered || old) {
                continue;
            }
            if !before.contains(&folder.job_id) {
                self.unneeded.insert(folder.job_id);
                continue;
            }
            match ports.store.remove_job(&folder.job_id) {
                Ok(()) => turn.folders += 1,
                Err(broken @ StoreError::Broken { .. }) => return Err(broken.into()),
                Err(error) => {
                    turn.stuck.get_or_insert(error.into());
                    self.unneeded.insert(folder.job_id);
                }
            }
        }
        Ok(())
    }
}

/// Items that wait or run. Without them nobody knows what is read, so nothing is deleted.
fn active(ports: &Keeping<'_>) -> Result<Vec<WorkItem>, HandlerError> {
    Ok(ports.queue.all(&WorkSelection::active())?)
}

fn inputs(inputs: &Inputs) -> impl Iterator<Item = Digest> {
    let models = [&inputs.model, &inputs.champion, &inputs.candidate].into_iter().flatten();
    models.chain(&inputs.shards).chain(&inputs.samples).map(|file| file.sha256.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::catalog::JobFolder;
    use crate::contract::coordinator::WorkStatus;
    use crate::contract::workload::JobType;
    use crate::daemons::pipeline::data_pipeline::Fakes;
    use crate::daemons::testing::{champion, digest, job};
    use serde_json::json;

    fn keeping(fakes: &Fakes) -> Keeping<'_> {
        Keeping { queue: &fakes.queue, current: &fakes.current, store: &fakes.store }
    }

    fn folder(id: &str, registered: bool, verified: bool, changed_us: i64) -> JobFolder {
        JobFolder { job_id: job(id), registered, verified, changed_us }
    }

    fn left(fakes: &Fakes) -> Vec<String> {
        fakes.store.hold().folders.iter().map(|f| f.job_id.to_string()).collect()
    }

    #[test]
    fn folders_go_after_registration_and_failed_ones_by_their_age_but_only_with_the_permit() {
        let fakes = Fakes::new();
        fakes.queue.hold();
        fakes.store.hold().believed_us = Some(100 * DAY_US);
        let mut housekeeping = Housekeeping::new(&Config::default());
        fakes.store.hold().folders = vec![
            folder("t-1", true, true, 100 * DAY_US),
            folder("t-2", false, false, 98 * DAY_US),
            folder("t-3", false, false, 100 * DAY_US),
            folder("t-4", false, true, 98 * DAY_US),
        ];
        let mut turn = |fakes: &Fakes| housekeeping.turn(&keeping(fakes)).line().expect("a turn");
        assert_eq!(turn(&fakes), None, "the unit's last process may still be at work");
        assert_eq!(turn(&fakes).as_deref(), Some("deleted: 2 job directories, 0 artefacts (0.0 MB)"));
        assert_eq!(left(&fakes), ["t-3", "t-4"], "a recent failure, and a result that waits for its event");
        fakes.store.hold().believed_us = None;
        turn(&fakes);
        turn(&fakes);
        assert_eq!(left(&fakes), ["t-3", "t-4"], "a clock that is not believed deletes nothing");
    }

    #[test]
    fn what_leads_and_what_a_job_reads_is_never_deleted_and_a_dry_run_deletes_nothing() {
        let fakes = Fakes::new();
        let config = Config { retention: Retention { models: 1, ..Retention::default() }, ..Config::default() };
        let mut housekeeping = Housekeeping::new(&config);
        for id in ['a', 'b', 'c', 'd', 'e'] {
            fakes.store.hold().catalog.artefact("model", id, json!({}), &[]);
        }
        fakes.store.hold().catalog.stage.champion = Some(champion('a', 1));
        fakes.current.hold().model = Some(digest('b'));
        fakes.queue.hold().queued(JobType::Evaluation, WorkStatus::Pending);
        let reads = crate::contract::workload::InputFile { sha256: digest('c'), path: String::new() };
        fakes.queue.hold().work.iter_mut().for_each(|item| item.work.inputs.candidate = Some(reads.clone()));
        let fates = housekeeping.dry_run(&keeping(&fakes)).expect("fates");
        let gone: Vec<_> = fates.iter().filter(|f| !f.stays).map(|f| f.id.clone()).collect();
        assert_eq!(gone, [digest('d')]);
        assert_eq!(fakes.store.hold().catalog.artefacts.len(), 5);
        let said = housekeeping.turn(&keeping(&fakes)).line().expect("a turn");
        assert_eq!(said.as_deref(), Some("deleted: 0 job directories, 1 artefact (0.0 MB)"));
        assert_eq!(fakes.store.hold().catalog.artefacts.len(), 4);
    }

    #[test]
    fn what_was_deleted_is_said_also_when_something_was_in_the_way() {
        let fakes = Fakes::new();
        let mut housekeeping = Housekeeping::new(&Config::default());
        fakes.queue.hold();
        fakes.current.hold();
        fakes.store.hold().folders = ["t-1", "t-2", "t-3"].map(|id| folder(id, true, true, 0)).to_vec();
        fakes.store.hold().stuck = Some(job("t-2"));
        let mut turn = |fakes: &Fakes| housekeeping.turn(&keeping(fakes)).line().expect("a turn").unwrap_or_default();
        assert_eq!(turn(&fakes), "", "the unit's last process may still be at work");
        let said = turn(&fakes);
        assert!(
            said.starts_with("deleted: 2 job directories, 0 artefacts")
                && said.contains("not everything: removing t-2"),
            "{said}"
        );
        assert_eq!(left(&fakes), ["t-2"]);
        let said = turn(&fakes);
        assert!(said.starts_with("nothing deleted: removing t-2"), "{said}");
    }
}
