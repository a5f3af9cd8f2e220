//! The router's dead letters.
use super::{Fake, Held};
use crate::contract::ports::{Letters, Port};
use crate::contract::router::{DeadLetter, DeadLetterFilter, Stats};
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
    fn dead_letters(&self, _: &DeadLetterFilter) -> Result<Vec<DeadLetter>, CallError> {
        Ok(self.asked().letters.clone())
    }
    fn redrive(&self, filter: &DeadLetterFilter) -> Result<u64, CallError> {
        let mut dead = self.asked();
        dead.redriven.push(filter.clone());
        Ok(u64::from(filter.id.is_none_or(|id| id >= dead.unwanted)))
    }
    fn router_stats(&self) -> Result<Stats, CallError> {
        Ok(Stats { dead_letters: self.asked().letters.len() as u64, ..Stats::default() })
    }
}
