//! Lanes that stand: events of one key wait behind one that its subscriber does not get done with. An operator has to
//! hear of it.
use super::delivery::{Key, Seq};
use super::hub::Hub;
use crate::contract::ids::SubscriberName;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The key of this trouble in the router's health.
const TROUBLE: &str = "standing";
/// Longer than any declared handler takes, and all tries of one that fails at once.
const BLOCKED_AFTER: Duration = Duration::from_secs(60);
/// More lanes are only counted.
const MAX_NAMED: usize = 3;

/// A lane: whose, and of which key.
type Lane = (SubscriberName, Key);

/// Since when each lane has had its first event.
#[derive(Debug, Default)]
pub struct Lanes(HashMap<Lane, (Seq, Instant)>);

impl Lanes {
    /// Looks at the lanes of those that are connected. Who is away is another trouble.
    pub fn look(&mut self, hub: &Hub, now: Instant) {
        let heads: Vec<(Lane, Seq)> = {
            let subs = hub.subs.borrow();
            let connected = subs.iter().filter(|(_, sub)| sub.stream.is_some());
            connected
                .flat_map(|(name, sub)| sub.delivery.heads().map(|(key, head)| ((name.clone(), key.clone()), head)))
                .collect()
        };
        let late = self.standing(heads, now);
        let text = words(&late);
        let mut names: Vec<SubscriberName> = late.into_iter().map(|((name, _), _)| name).collect();
        names.dedup();
        *hub.counters.standing.borrow_mut() = names;
        let mut trouble = hub.counters.trouble.borrow_mut();
        match text {
            None => drop(trouble.remove(TROUBLE)),
            Some(text) if trouble.get(TROUBLE) == Some(&text) => {}
            Some(text) => {
                tracing::warn!("{text}");
                trouble.insert(TROUBLE, text);
            }
        }
    }

    /// Those whose first event has been the same for too long, in order.
    fn standing(&mut self, heads: Vec<(Lane, Seq)>, now: Instant) -> Vec<(Lane, Seq)> {
        let known = std::mem::take(&mut self.0);
        let mut late = Vec::new();
        for (lane, head) in heads {
            let since = known.get(&lane).filter(|(seq, _)| *seq == head).map_or(now, |(_, since)| *since);
            if now.saturating_duration_since(since) > BLOCKED_AFTER {
                late.push((lane.clone(), head));
            }
            self.0.insert(lane, (head, since));
        }
        late.sort();
        late
    }
}

fn words(late: &[(Lane, Seq)]) -> Option<String> {
    let mut named: Vec<String> =
        late.iter().take(MAX_NAMED).map(|((name, key), seq)| format!("{name}: {key} behind event {seq}")).collect();
    if late.len() > MAX_NAMED {
        named.push(format!("{} more", late.len() - MAX_NAMED));
    }
    let next = "see `ringrift events subscribers` and the daemon's log";
    (!late.is_empty())
        .then(|| format!("events blocked for more than a minute behind an unhandled one: {}; {next}", named.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_that_stands_for_a_minute_is_trouble_until_it_moves() {
        let lane = (SubscriberName::new("data-pipeline").expect("a name"), Key::from("square8_2p"));
        let (mut lanes, begin) = (Lanes::default(), Instant::now());
        let mut at = |seconds, head| lanes.standing(vec![(lane.clone(), head)], begin + Duration::from_secs(seconds));
        assert!(at(0, 7).is_empty() && at(60, 7).is_empty());
        let late = at(61, 7);
        assert_eq!(late, [(lane.clone(), 7)]);
        assert!(words(&late).is_some_and(|text| text.contains("data-pipeline: square8_2p behind event 7")));
        assert!(at(62, 8).is_empty(), "it has moved");
        assert!(at(122, 8).is_empty() && !at(123, 8).is_empty());
        assert_eq!(words(&[]), None);
    }
}
