//! Which waiting items get the free slots, in the order that `schedule` gave them; what has no room does not hold up what has.
use super::limits::{self, Usage};
use crate::contract::config::Limits;
use crate::contract::ids::NodeId;
use crate::contract::workload::JobType;

/// An item that may be granted: its dependencies are complete and its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its number.
    pub number: i64,
    /// Its type.
    pub kind: JobType,
}

/// A node that takes work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// Its logical processors, if known.
    pub cores: Option<u32>,
    /// Self-play jobs that the optimizer wants there at most, if it has a wish.
    pub most_selfplay: Option<u32>,
}

impl Node {
    /// Whether the optimizer's wish leaves room for one more.
    pub fn wants(&self, usage: &Usage, kind: JobType) -> bool {
        kind != JobType::Selfplay || self.most_selfplay.is_none_or(|most| usage.on(kind, &self.id) < most)
    }
}

/// A decision: this item, there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The item.
    pub number: i64,
    /// Its type.
    pub kind: JobType,
    /// Where.
    pub node: NodeId,
}

/// Decides until no candidate fits any more. Among several nodes the one with the fewest slots of the type is taken.
pub fn pick(candidates: Vec<Candidate>, nodes: &[Node], limits: &Limits, mut usage: Usage) -> Vec<Grant> {
    let mut grants = Vec::new();
    for candidate in candidates {
        let kind = candidate.kind;
        let room = nodes.iter().filter(|n| n.wants(&usage, kind) && limits::reasons(limits, &usage, kind, &n.id, n.cores).is_empty());
        if let Some(node) = room.min_by_key(|n| usage.on(kind, &n.id)) {
            usage.take(kind, &node.id);
            grants.push(Grant { number: candidate.number, kind, node: node.id.clone() });
        }
    }
    grants
}

/// Percent of the hard limit at which a queue that was full counts as short enough again; the original's 400 of 1000.
const RECOVERED: u64 = 40;

/// Whether the queue is full, given whether it was: it becomes so at the hard limit and stays so until 40 % of it.
pub fn is_full(active: u32, hard: u32, was: bool) -> bool {
    let threshold = if was { u64::from(hard) * RECOVERED / 100 + 1 } else { u64::from(hard) };
    u64::from(active) >= threshold
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nodes(count: usize) -> Vec<Node> {
        (0..count).map(|n| Node { id: NodeId::new(format!("n{n}")).expect("a node"), cores: Some(4), most_selfplay: None }).collect()
    }

    #[test]
    fn a_full_queue_recovers_at_forty_percent() {
        assert!(!is_full(999, 1000, false) && is_full(1000, 1000, false));
        assert!(is_full(401, 1000, true) && !is_full(400, 1000, true));
    }

    #[test]
    fn the_order_is_kept_and_a_full_type_holds_up_nobody() {
        let training = |number| Candidate { number, kind: JobType::Training };
        let export = Candidate { number: 9, kind: JobType::Export };
        let picked = pick(vec![training(2), training(1), training(3), export], &nodes(1), &Limits::default(), Usage::default());
        assert_eq!(picked.iter().map(|g| g.number).collect::<Vec<_>>(), [2, 9]);
    }

    #[test]
    fn the_optimizers_wish_is_kept_for_self_play_alone() {
        let mut nodes = nodes(2);
        nodes[0].most_selfplay = Some(1);
        let mut candidates: Vec<Candidate> = (0..9).map(|number| Candidate { number, kind: JobType::Selfplay }).collect();
        candidates.push(Candidate { number: 9, kind: JobType::Training });
        let picked = pick(candidates, &nodes, &Limits::default(), Usage::default());
        let there = |node: usize| picked.iter().filter(|g| g.kind == JobType::Selfplay && g.node == nodes[node].id).count();
        assert_eq!((there(0), there(1), picked.len()), (1, 2, 4));
    }

    proptest! {
        #[test]
        fn nothing_waits_that_has_room_and_is_first(
            items in prop::collection::vec(0usize..9, 0..60), count in 0usize..4, taken in prop::collection::vec((0usize..9, 0usize..4), 0..20),
        ) {
            let limits = Limits::default();
            let nodes = nodes(count);
            let mut usage = Usage::default();
            for (kind, at) in taken {
                if let Some(node) = nodes.get(at) && limits::reasons(&limits, &usage, JobType::ALL[kind], &node.id, node.cores).is_empty() {
                    usage.take(JobType::ALL[kind], &node.id);
                }
            }
            let candidates: Vec<Candidate> =
                items.iter().enumerate().map(|(n, kind)| Candidate { number: n as i64, kind: JobType::ALL[*kind] }).collect();
            let grants = pick(candidates.clone(), &nodes, &limits, usage.clone());
            let mut after = usage;
            for grant in &grants {
                after.take(grant.kind, &grant.node);
            }
            for kind in JobType::ALL {
                let of_kind = |c: &&Candidate| c.kind == kind;
                let granted = |c: &Candidate| grants.iter().any(|g| g.number == c.number);
                let waiting: Vec<_> = candidates.iter().filter(of_kind).filter(|c| !granted(c)).collect();
                if !waiting.is_empty() {
                    // Full everywhere ...
                    prop_assert!(nodes.iter().all(|n| !limits::reasons(&limits, &after, kind, &n.id, n.cores).is_empty()));
                }
                // ... and whoever got a slot of the type was not behind one who waits.
                for loser in waiting {
                    for winner in candidates.iter().filter(of_kind).filter(|c| granted(c)) {
                        prop_assert!(winner.number < loser.number);
                    }
                }
                for node in &nodes {
                    if let Some(limit) = limits::per_node(&limits, kind, node.cores) {
                        prop_assert!(after.on(kind, &node.id) <= limit);
                    }
                }
            }
        }
    }
}
