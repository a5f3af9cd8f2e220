//! The router's dead letters.
use super::{Fake, Held};
use crate::contract::ports::{Letters, Port};
use crate::contract::router::{DeadLetter, DeadLetterFilter, MAX_LETTERS, Stats};
use crate::contract::wire::CallError;

/// Dead letters.
#[derive(Debug, Default)]
pub struct Dead {
    pub letters: Vec<DeadLetter>,
    pub redriven: Vec<DeadLetterFilter>,
    /// Letters with a lower number are of subscribers that were retired.
    pub unwanted: u64,
}

impl Held for Dead {
    const PORT: Port = Port::Letters;
}

impl Letters for Fake<Dead> {
    fn dead_letters(&self, filter: &DeadLetterFilter) -> Result<Vec<DeadLetter>, CallError> {
        let mut letters = self.asked().letters.clone();
        letters.sort_by_key(|letter| (letter.dead_us, letter.id));
        let from = match filter.after {
            Some(after) => letters.iter().position(|l| l.id == after).map_or(letters.len(), |at| at + 1),
            None => 0,
        };
        let most = filter.limit.unwrap_or(MAX_LETTERS).min(MAX_LETTERS) as usize;
        Ok(letters.into_iter().skip(from).filter(|letter| filter.fits(letter)).take(most).collect())
    }
    fn redrive(&self, filter: &DeadLetterFilter) -> Result<u64, CallError> {
        let mut dead = self.asked();
        dead.redriven.push(filter.clone());
        let unwanted = dead.unwanted;
        let mut count = 0;
        for letter in dead.letters.iter_mut().filter(|letter| filter.fits(letter) && letter.id >= unwanted) {
            (letter.redriven, count) = (letter.redriven + 1, count + 1);
        }
        Ok(count)
    }
    fn router_stats(&self) -> Result<Stats, CallError> {
        Ok(Stats { dead_letters: self.asked().letters.len() as u64, ..Stats::default() })
    }
}
