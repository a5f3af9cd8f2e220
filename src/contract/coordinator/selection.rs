//! Which jobs a call is about: their number, a page of them, or all of them.
use super::work::{WorkItem, WorkStatus};
use crate::contract::ids::{ConfigKey, JobId};
use crate::contract::workload::JobType;
use serde::{Deserialize, Serialize};

/// Which jobs; a part that is not set excludes none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkSelection {
    /// Of these types; all when empty.
    #[serde(default)]
    pub types: Vec<JobType>,
    /// In these states; all when empty.
    #[serde(default)]
    pub statuses: Vec<WorkStatus>,
    /// Of one configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_key: Option<ConfigKey>,
}

/// Jobs of one answer when all are read.
const PAGE: u32 = 1000;

impl WorkSelection {
    /// Queued, starting or running jobs.
    pub fn active() -> WorkSelection {
        WorkSelection::of(&[WorkStatus::Pending, WorkStatus::Claimed, WorkStatus::Running])
    }

    /// Jobs in these states.
    pub fn of(statuses: &[WorkStatus]) -> WorkSelection {
        WorkSelection { statuses: statuses.to_vec(), ..WorkSelection::default() }
    }

    /// Those of one type only.
    pub fn kind(self, kind: JobType) -> WorkSelection {
        WorkSelection { types: vec![kind], ..self }
    }

    /// Those of one configuration only.
    pub fn key(self, key: &ConfigKey) -> WorkSelection {
        WorkSelection { config_key: Some(key.clone()), ..self }
    }

    /// Whether a job is one of them.
    pub fn fits(&self, item: &WorkItem) -> bool {
        (self.types.is_empty() || self.types.contains(&item.work.work_type))
            && (self.statuses.is_empty() || self.statuses.contains(&item.status))
            && self.config_key.as_ref().is_none_or(|key| *key == item.work.config_key)
    }

    /// Reads every job that fits, newest first: asks List as often as one answer does not hold the rest. A job that
    /// fits from the first question to the last one is in the result; one that begins or ends to fit meanwhile may be.
    pub fn all<E>(&self, mut list: impl FnMut(&WorkFilter) -> Result<Listed, E>) -> Result<Vec<WorkItem>, E> {
        let WorkSelection { types, statuses, config_key } = self.clone();
        let mut filter = WorkFilter { types, statuses, config_key, before: None, limit: Some(PAGE) };
        let mut items: Vec<WorkItem> = Vec::new();
        loop {
            let listed = list(&filter)?;
            let oldest = listed.items.last().map(|item| item.work_id.clone());
            items.extend(listed.items);
            // An answer holds at least one job, so that an empty one is the last.
            match oldest {
                Some(oldest) if listed.truncated => filter.before = Some(oldest),
                _ => return Ok(items),
            }
        }
    }
}

/// One page of jobs, as List returns it; newest first. Who needs all of them asks [`WorkSelection::all`], who needs
/// their number Count.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkFilter {
    /// Of these types; all when empty.
    #[serde(default)]
    pub types: Vec<JobType>,
    /// In these states; all when empty.
    #[serde(default)]
    pub statuses: Vec<WorkStatus>,
    /// Of one configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_key: Option<ConfigKey>,
    /// Only jobs that are older than this one: the last of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<JobId>,
    /// Maximum number; 100 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl WorkFilter {
    /// Which jobs, whatever the page.
    pub fn selection(&self) -> WorkSelection {
        WorkSelection {
            types: self.types.clone(),
            statuses: self.statuses.clone(),
            config_key: self.config_key.clone(),
        }
    }
}

/// Result of List: a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Newest first.
    pub items: Vec<WorkItem>,
    /// More fit the filter than its limit or a frame allows; ask for those before the last one.
    #[serde(default)]
    pub truncated: bool,
}

/// Result of Count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// How many jobs fit.
    pub jobs: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ports::fakes::Items;
    use std::convert::Infallible;

    #[test]
    fn all_jobs_are_read_however_few_an_answer_holds() {
        let mut items = Items::default();
        (0..7).for_each(|_| items.queued(JobType::Selfplay, WorkStatus::Pending));
        items.queued(JobType::Export, WorkStatus::Pending);
        items.queued(JobType::Selfplay, WorkStatus::Running);
        let newest_first: Vec<WorkItem> = items.work.iter().rev().cloned().collect();
        let which = WorkSelection::of(&[WorkStatus::Pending]).kind(JobType::Selfplay);
        for page in 1..=8 {
            let list = |filter: &WorkFilter| -> Result<Listed, Infallible> {
                let older = |i: &&WorkItem| {
                    filter
                        .before
                        .as_ref()
                        .is_none_or(|b| position(&newest_first, b) < position(&newest_first, &i.work_id))
                };
                let fit: Vec<WorkItem> =
                    newest_first.iter().filter(|i| filter.selection().fits(i)).filter(older).cloned().collect();
                Ok(Listed { truncated: fit.len() > page, items: fit.into_iter().take(page).collect() })
            };
            let Ok(all) = which.all(list);
            let ids: Vec<&str> = all.iter().map(|i| i.work_id.as_str()).collect();
            assert_eq!(ids, ["t-6", "t-5", "t-4", "t-3", "t-2", "t-1", "t-0"], "pages of {page}");
        }
    }

    fn position(items: &[WorkItem], id: &JobId) -> Option<usize> {
        items.iter().position(|i| i.work_id == *id)
    }
}
