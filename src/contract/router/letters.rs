//! Dead letters: deliveries that were given up, and the pages in which they are listed.
use crate::contract::envelope::Event;
use crate::contract::ids::SubscriberName;
use crate::contract::wire::MAX_FRAME;
use serde::{Deserialize, Serialize};

/// A delivery that was given up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its number.
    pub id: u64,
    /// Whose handler failed.
    pub subscriber: SubscriberName,
    /// The event's place.
    pub seq: u64,
    /// The event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
    /// Tries made.
    pub attempts: u32,
    /// The last reason.
    pub reason: String,
    /// Every reason with its time, oldest first.
    #[serde(default)]
    pub history: Vec<(i64, String)>,
    /// When it was given up, microseconds since 1970.
    pub dead_us: i64,
    /// How often it was redriven.
    #[serde(default)]
    pub redriven: u32,
}

/// Where a letter stands in the order of lists. It holds also when the letter is gone: it was delivered again, or
/// deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetterPlace {
    /// When it was given up, microseconds since 1970.
    pub dead_us: i64,
    /// Its number.
    pub id: u64,
}

/// Dead letters of one answer at most.
pub const MAX_LETTERS: u32 = 500;
/// Room for them, bytes.
const ROOM: usize = MAX_FRAME - 16 * 1024;
/// Reasons that are left of a letter that is larger than an answer.
const MAX_REASONS: usize = 5;

impl DeadLetter {
    /// Its place in the order of lists.
    pub fn place(&self) -> LetterPlace {
        LetterPlace { dead_us: self.dead_us, id: self.id }
    }

    /// The letter as one answer holds it: of one that is too large the older reasons are left out, and if need be the
    /// event, which Fetch has.
    pub fn fitting(mut self) -> DeadLetter {
        if self.bytes() > ROOM {
            self.history.drain(..self.history.len().saturating_sub(MAX_REASONS));
        }
        if self.bytes() > ROOM {
            self.event = None;
        }
        self
    }

    /// What it adds to an answer.
    fn bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(0, |bytes| bytes.len() + ",".len())
    }
}

/// Which dead letters: all of them when nothing is set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetterFilter {
    /// By number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Of one subscriber.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscriber: Option<SubscriberName>,
    /// Given up before this time, microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_us: Option<i64>,
    /// Redriven at most this often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_redriven: Option<u32>,
    /// Behind this place: that of the last letter of the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<LetterPlace>,
    /// Maximum number. One answer holds 500 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl DeadLetterFilter {
    /// The maximum number of one answer.
    pub fn most(&self) -> u32 {
        self.limit.unwrap_or(MAX_LETTERS).min(MAX_LETTERS)
    }
    /// Whether a dead letter fits, whatever the limit.
    pub fn fits(&self, letter: &DeadLetter) -> bool {
        self.id.is_none_or(|id| id == letter.id)
            && self.subscriber.as_ref().is_none_or(|name| *name == letter.subscriber)
            && self.before_us.is_none_or(|before| letter.dead_us < before)
            && self.max_redriven.is_none_or(|most| letter.redriven <= most)
            && self.after.is_none_or(|after| letter.place() > after)
    }
}

/// Results of DeadLetterList: a page.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DeadLetterList {
    /// Oldest first.
    pub letters: Vec<DeadLetter>,
    /// More fit than the limit or a frame allows; ask for those after the last one.
    #[serde(default)]
    pub truncated: bool,
}

impl DeadLetterList {
    /// So many of these as the filter's limit and a frame allow, at least one. To see that there are more, `letters`
    /// must have one more.
    pub fn page<E>(
        filter: &DeadLetterFilter,
        letters: impl IntoIterator<Item = Result<DeadLetter, E>>,
    ) -> Result<DeadLetterList, E> {
        let (mut page, mut size) = (DeadLetterList::default(), 0);
        for letter in letters {
            let letter = letter?.fitting();
            size += letter.bytes();
            let full = page.letters.len() >= filter.most() as usize || size > ROOM;
            if full && !page.letters.is_empty() {
                page.truncated = true;
                break;
            }
            page.letters.push(letter);
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::envelope::Event;
    use crate::contract::ports::fakes::letter;
    use serde_json::json;
    use std::convert::Infallible;

    fn with_event(id: u64, bytes: usize) -> DeadLetter {
        let event = json!({
            "id": crate::contract::envelope::event_id(1, 1), "node": "n1", "origin_seq": 1, "type": "external.x", "schema": 1, "source": "test",
            "time_us": 1, "payload": { "text": "y".repeat(bytes) },
        });
        DeadLetter { event: Some(serde_json::from_value::<Event>(event).expect("an event")), ..letter(id) }
    }

    fn page(filter: &DeadLetterFilter, letters: &[DeadLetter]) -> DeadLetterList {
        let fit = letters.iter().filter(|letter| filter.fits(letter)).cloned().map(Ok::<_, Infallible>);
        let Ok(page) = DeadLetterList::page(filter, fit);
        page
    }

    #[test]
    fn a_page_fits_a_frame_and_the_next_one_begins_behind_it() {
        let letters: Vec<_> = (1..=30).map(|id| with_event(id, 100_000)).collect();
        let (mut filter, mut seen) = (DeadLetterFilter::default(), Vec::new());
        loop {
            let page = page(&filter, &letters);
            assert!(serde_json::to_vec(&page).expect("JSON").len() <= MAX_FRAME - 4096);
            filter.after = page.letters.last().map(DeadLetter::place);
            seen.extend(page.letters.iter().map(|l| l.id));
            if !page.truncated {
                break;
            }
        }
        assert_eq!(seen, (1..=30).collect::<Vec<_>>());
        assert_eq!(page(&DeadLetterFilter { limit: Some(2), ..Default::default() }, &letters).letters.len(), 2);
    }

    #[test]
    fn of_a_letter_that_no_answer_holds_the_reasons_stay() {
        let history: Vec<_> = (0..600).map(|n| (n, "x".repeat(1024))).collect();
        let large = DeadLetter { history: history.clone(), ..with_event(1, MAX_FRAME / 2) };
        let page = page(&DeadLetterFilter::default(), &[large.clone(), letter(2)]);
        assert_eq!((page.letters.len(), page.truncated), (2, false));
        assert_eq!((&page.letters[0].history[..], page.letters[0].event.is_some()), (&history[595..], true));
        let larger = DeadLetter { history, ..with_event(1, MAX_FRAME - 8192) }.fitting();
        assert_eq!((larger.history.len(), larger.event), (5, None));
    }
}
