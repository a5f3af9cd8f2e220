//! The router's dead letters.
use super::{Fake, Held};
use crate::contract::ids::SubscriberName;
use crate::contract::ports::{Letters, Port};
use crate::contract::router::{DeadLetter, DeadLetterFilter, DeadLetterList, Interest, Stats, SubscriberState};
use crate::contract::wire::CallError;
use std::collections::BTreeMap;
use std::convert::Infallible;

/// Dead letters.
#[derive(Debug, Default)]
pub struct Dead {
    pub letters: Vec<DeadLetter>,
    pub redriven: Vec<DeadLetterFilter>,
    /// Whose subscriptions were retired: the router does not know them and keeps their letters.
    pub retired: Vec<SubscriberName>,
    /// How many letters were handed over in lists.
    pub listed: usize,
}

impl Held for Dead {
    const PORT: Port = Port::Letters;
}

/// A letter of `evaluation` that was given up in 1970.
pub fn letter(id: u64) -> DeadLetter {
    DeadLetter {
        id,
        subscriber: SubscriberName::new("evaluation").expect("a name"),
        seq: id,
        event: None,
        attempts: 5,
        reason: "x".into(),
        history: vec![],
        dead_us: 0,
        redriven: 0,
    }
}

fn subscriber(name: SubscriberName, dead: u64) -> SubscriberState {
    SubscriberState {
        name,
        interest: Interest::default(),
        low_water: 0,
        lag: 0,
        in_flight: 0,
        retrying: 0,
        dead,
        connected: true,
        last_seen_us: None,
        created_us: 0,
    }
}

impl Letters for Fake<Dead> {
    fn dead_letters(&self, filter: &DeadLetterFilter) -> Result<DeadLetterList, CallError> {
        let mut dead = self.asked();
        let mut letters: Vec<DeadLetter> = dead.letters.iter().filter(|letter| filter.fits(letter)).cloned().collect();
        letters.sort_by_key(DeadLetter::place);
        let Ok(page) = DeadLetterList::page(filter, letters.into_iter().map(Ok::<_, Infallible>));
        dead.listed += page.letters.len();
        Ok(page)
    }
    fn subscribers(&self) -> Result<Vec<SubscriberState>, CallError> {
        let dead = self.asked();
        let mut known = BTreeMap::new();
        for letter in dead.letters.iter().filter(|letter| !dead.retired.contains(&letter.subscriber)) {
            *known.entry(letter.subscriber.clone()).or_default() += 1;
        }
        Ok(known.into_iter().map(|(name, dead)| subscriber(name, dead)).collect())
    }
    fn redrive(&self, filter: &DeadLetterFilter) -> Result<u64, CallError> {
        let dead = &mut *self.asked();
        dead.redriven.push(filter.clone());
        let before = dead.letters.len();
        // What is delivered again is no dead letter any more.
        dead.letters.retain(|letter| !filter.fits(letter) || dead.retired.contains(&letter.subscriber));
        Ok((before - dead.letters.len()) as u64)
    }
    fn router_stats(&self) -> Result<Stats, CallError> {
        Ok(Stats { dead_letters: self.asked().letters.len() as u64, ..Stats::default() })
    }
}
