//! Arguments and answers of the methods.
use super::records::{ArtefactFilter, ArtefactRecord, Fate, LineageStep, Rating, StageState};
use crate::contract::envelope::Event;
use crate::contract::ids::{ConfigKey, Digest};
use crate::contract::wire::MAX_FRAME;
use serde::{Deserialize, Serialize};

/// Arguments of Get and Lineage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ById {
    /// SHA-256.
    pub id: Digest,
}

/// Arguments of Ratings and Stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByKey {
    /// The configuration.
    pub config_key: ConfigKey,
}

/// Arguments of Stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct All {}

/// Arguments of Prune.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prune {
    /// Only say what would be deleted.
    pub dry_run: bool,
}

/// Arguments of Rebuild: one part, files or events of the log in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rebuild {
    /// Look at files.
    pub files: bool,
    /// Behind this one; from the first when absent.
    #[serde(default)]
    pub after: Option<String>,
    /// Events to be taken in.
    #[serde(default)]
    pub events: Vec<Event>,
}

/// Result of Get.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Got {
    /// The artefact.
    pub artefact: ArtefactRecord,
}

/// Result of List: a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listed {
    /// Those that fit, newest first.
    pub artefacts: Vec<ArtefactRecord>,
    /// More fit than the limit or a frame allows; ask for those before the last one.
    #[serde(default)]
    pub truncated: bool,
}

/// Room for artefacts in one reply, bytes.
const ROOM: usize = MAX_FRAME - 16 * 1024;
/// Artefacts of one answer at most, and when all are read.
const PAGE: u32 = 500;

impl Listed {
    /// The answer to a filter. `read` reads those that fit: one more than an answer holds at most, which shows that
    /// there are more.
    pub fn page<E>(
        filter: &ArtefactFilter,
        read: impl FnOnce(&ArtefactFilter) -> Result<Vec<ArtefactRecord>, E>,
    ) -> Result<Listed, E> {
        let most = filter.most().min(PAGE);
        let fit = read(&ArtefactFilter { limit: Some(most + 1), ..filter.clone() })?;
        Ok(Listed::cut(fit, most))
    }

    /// So many of these as the limit and a frame allow, at least one. To see that there are more, one more than the
    /// limit is needed.
    fn cut(mut fit: Vec<ArtefactRecord>, most: u32) -> Listed {
        let more = fit.len() > most as usize;
        fit.truncate(most as usize);
        let left_out = fit_a_frame(&mut fit);
        Listed { artefacts: fit, truncated: more || left_out > 0 }
    }
}

/// Leaves as many of these as a frame holds, at least one; returns how many are left out.
fn fit_a_frame<T: Serialize>(items: &mut Vec<T>) -> u64 {
    let mut size = 0;
    let holds = |item: &T| {
        size += serde_json::to_vec(item).map_or(0, |bytes| bytes.len() + 1);
        size <= ROOM
    };
    let room = items.iter().map(holds).take_while(|holds| *holds).count().max(1);
    let left_out = items.len().saturating_sub(room);
    items.truncate(room);
    left_out as u64
}

impl ArtefactFilter {
    /// Hands out what fits, newest first, until `each` wants no more, the limit is reached or nothing is left. Asks
    /// List as often as one answer does not hold the rest.
    pub fn walk<E>(
        &self,
        mut list: impl FnMut(&ArtefactFilter) -> Result<Listed, E>,
        mut each: impl FnMut(ArtefactRecord) -> bool,
    ) -> Result<(), E> {
        let (mut page, mut left) = (self.clone(), self.limit.unwrap_or(u32::MAX));
        while left > 0 {
            page.limit = Some(left.min(PAGE));
            let listed = list(&page)?;
            for artefact in listed.artefacts.into_iter().take(left as usize) {
                (page.before, left) = (Some(artefact.seq), left - 1);
                if !each(artefact) {
                    return Ok(());
                }
            }
            if !listed.truncated {
                break;
            }
        }
        Ok(())
    }
}

/// Result of Lineage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lineage {
    /// The artefact and what it was made from.
    pub steps: Vec<LineageStep>,
    /// How many more there are than a frame allows; they are the farthest.
    #[serde(default)]
    pub left_out: u64,
}

impl Lineage {
    /// The nearest ones that a frame allows, in their order.
    pub fn cut(mut steps: Vec<LineageStep>) -> Lineage {
        steps.sort_by_key(|step| step.depth.abs());
        let left_out = fit_a_frame(&mut steps);
        steps.sort_by_key(|step| (step.depth, step.artefact.seq));
        Lineage { steps, left_out }
    }
}

/// Result of Ratings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RatingList {
    /// Of the configuration's models, best first.
    pub ratings: Vec<Rating>,
    /// How many more there are than a frame allows; they are the worst.
    #[serde(default)]
    pub left_out: u64,
}

impl RatingList {
    /// The best ones that a frame allows.
    pub fn cut(mut ratings: Vec<Rating>) -> RatingList {
        let left_out = fit_a_frame(&mut ratings);
        RatingList { ratings, left_out }
    }
}

/// Result of Stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OneStage {
    /// Where the configuration stands.
    pub stage: StageState,
}

/// Result of Stages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageList {
    /// One a configuration.
    pub stages: Vec<StageState>,
}

/// Result of Prune.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fates {
    /// What is deleted first.
    pub fates: Vec<Fate>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ids::Digest;
    use crate::contract::ports::fakes::Catalogued;
    use serde_json::json;
    use std::convert::Infallible;

    fn many(count: u64, text: usize) -> Vec<ArtefactRecord> {
        let mut held = Catalogued::default();
        held.artefact("games", '0', json!({ "text": "x".repeat(text) }), &[]);
        let id = |n: u64| Digest::new(format!("{n:064x}")).expect("a digest");
        (1..=count).map(|n| ArtefactRecord { id: id(n), seq: n, ..held.artefacts[0].clone() }).collect()
    }

    #[test]
    fn a_page_fits_a_frame_and_says_that_there_is_more() {
        let page = Listed::cut(many(300, 10_000), 1000);
        let bytes = serde_json::to_vec(&page).expect("JSON").len();
        assert!(
            page.truncated && (MAX_FRAME / 2..MAX_FRAME).contains(&bytes),
            "{} artefacts, {bytes} bytes",
            page.artefacts.len()
        );
        assert!(!Listed::cut(many(3, 1), 3).truncated);
        assert_eq!(Listed::cut(many(2, 2 << 20), 9).artefacts.len(), 1, "never an empty page, or nobody gets past it");
    }

    #[test]
    fn a_long_lineage_keeps_its_nearest_steps() {
        let steps =
            many(300, 10_000).into_iter().map(|artefact| LineageStep { depth: artefact.seq as i32 - 100, artefact });
        let cut = Lineage::cut(steps.collect());
        let depths: Vec<i32> = cut.steps.iter().map(|step| step.depth).collect();
        assert_eq!(depths.len() as u64 + cut.left_out, 300);
        assert!(
            depths.contains(&0) && depths.is_sorted() && (depths[0] + depths[depths.len() - 1]).abs() <= 1,
            "{depths:?}"
        );
        assert_eq!(Lineage::cut(vec![]), Lineage { steps: vec![], left_out: 0 });
    }

    #[test]
    fn whatever_the_limit_no_more_is_read_than_an_answer_holds() {
        for (limit, wanted) in [(Some(u32::MAX), PAGE + 1), (Some(PAGE), PAGE + 1), (Some(3), 4)] {
            let filter = ArtefactFilter { limit, ..ArtefactFilter::default() };
            let read = |filter: &ArtefactFilter| -> Result<_, Infallible> {
                assert_eq!(filter.limit, Some(wanted));
                Ok(many(wanted.into(), 1))
            };
            let Ok(page) = Listed::page(&filter, read);
            assert_eq!((page.artefacts.len() as u32, page.truncated), (wanted - 1, true));
        }
    }

    #[test]
    fn a_walk_reads_as_many_pages_as_it_takes() {
        let mut newest_first = many(1200, 1);
        newest_first.reverse();
        let read = |limit: Option<u32>, stop_after: usize| {
            let list = |filter: &ArtefactFilter| -> Result<Listed, Infallible> {
                Listed::page(filter, |filter| Ok(newest_first.iter().filter(|a| filter.fits(a)).cloned().collect()))
            };
            let mut seen = Vec::new();
            let each = |artefact: ArtefactRecord| {
                seen.push(artefact.seq);
                seen.len() < stop_after
            };
            let Ok(()) = ArtefactFilter { limit, ..ArtefactFilter::default() }.walk(list, each);
            assert!(seen.iter().zip((1..=1200).rev()).all(|(seen, wanted)| *seen == wanted), "in order, none twice");
            seen.len()
        };
        assert_eq!(
            (read(None, usize::MAX), read(Some(700), usize::MAX), read(None, 501), read(Some(0), usize::MAX)),
            (1200, 700, 501, 0)
        );
    }
}
