//! Which waiting items get the free slots, in the order that `schedule` gave them; what has no room does not hold up
//! what has.
use super::admission::{Ask, Decisions, Rules};
use super::limits::{Cores, Usage};
use crate::contract::ids::NodeId;
use crate::contract::time::Mono;
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
    pub cores: Option<Cores>,
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

/// Decides until no candidate fits any more, and takes what it decides from the decisions. Among several nodes the one
/// with the fewest slots of the type is taken.
pub fn pick(
    candidates: Vec<Candidate>,
    nodes: &[Node],
    rules: &Rules<'_>,
    decisions: &mut Decisions,
    now: Mono,
) -> Vec<Grant> {
    let mut grants = Vec::new();
    // A node that refuses a type continues refusing it: within one decision slots and tokens only become fewer.
    let mut refuses = vec![[false; JobType::ALL.len()]; nodes.len()];
    for candidate in candidates {
        let kind = candidate.kind;
        while decisions.may_start(rules, kind, now) {
            let left = nodes
                .iter()
                .enumerate()
                .filter(|(at, n)| !refuses[*at][kind as usize] && n.wants(&decisions.usage, kind));
            let Some((at, node)) = left.min_by_key(|(_, n)| decisions.usage.on(kind, &n.id)) else { break };
            if decisions.take(rules, Ask { kind, node: &node.id, cores: node.cores }, now) {
                grants.push(Grant { number: candidate.number, kind, node: node.id.clone() });
                break;
            }
            refuses[at][kind as usize] = true;
        }
    }
    grants
}

/// Percent of the hard limit at which a queue that was full counts as short enough again; the earlier implementation's
/// 400 of 1000.
const RECOVERED: u64 = 40;

/// Whether the queue is full, given whether it was: it becomes so at the hard limit and stays so until 40 % of it.
pub fn is_full(active: u32, hard: u32, was: bool) -> bool {
    let threshold = if was { u64::from(hard) * RECOVERED / 100 + 1 } else { u64::from(hard) };
    u64::from(active) >= threshold
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::config::{Admission, Limits, Safeguards};
    use crate::contract::time::Span;
    use crate::coordination::limits;
    use proptest::prelude::*;

    const START: Mono = Mono::of_us(0);

    fn nodes(count: usize) -> Vec<Node> {
        (0..count)
            .map(|n| Node {
                id: NodeId::new(format!("n{n}")).expect("a node"),
                cores: Some(Cores::of(4)),
                most_selfplay: None,
            })
            .collect()
    }

    #[test]
    fn a_full_queue_recovers_at_forty_percent() {
        assert!(!is_full(999, 1000, false) && is_full(1000, 1000, false));
        assert!(is_full(401, 1000, true) && !is_full(400, 1000, true));
    }

    /// Rates that are no hindrance: these tests are about slots and order.
    fn open() -> Admission {
        Admission {
            per_minute: 1_000_000,
            selfplay_per_minute: 1_000_000,
            burst: 1_000_000,
            cooldown_ms: 0,
            window_starts: 1_000_000,
            ..Admission::default()
        }
    }

    fn rules<'a>(
        limits: &'a Limits,
        admission: &'a Admission,
        safeguards: &'a Safeguards,
        own: &'a NodeId,
    ) -> Rules<'a> {
        Rules { limits, admission, safeguards, gates: &[], own, selfplay_factor: 1.0 }
    }

    #[test]
    fn the_order_is_kept_and_a_full_type_holds_up_nobody() {
        let training = |number| Candidate { number, kind: JobType::Training };
        let export = Candidate { number: 9, kind: JobType::Export };
        let (limits, admission, safeguards, nodes) = (Limits::default(), open(), Safeguards::default(), nodes(1));
        let rules = rules(&limits, &admission, &safeguards, &nodes[0].id);
        let mut decisions = Decisions::new(&rules, START);
        let picked = pick(vec![training(2), training(1), training(3), export], &nodes, &rules, &mut decisions, START);
        assert_eq!(picked.iter().map(|g| g.number).collect::<Vec<_>>(), [2, 9]);
    }

    #[test]
    fn the_optimizers_wish_is_kept_for_self_play_alone() {
        let mut nodes = nodes(2);
        nodes[0].most_selfplay = Some(1);
        let mut candidates: Vec<Candidate> =
            (0..9).map(|number| Candidate { number, kind: JobType::Selfplay }).collect();
        candidates.push(Candidate { number: 9, kind: JobType::Training });
        let (limits, admission, safeguards) = (Limits::default(), open(), Safeguards::default());
        let nowhere = NodeId::new("nowhere").expect("a node");
        let rules = rules(&limits, &admission, &safeguards, &nowhere);
        let mut decisions = Decisions::new(&rules, START);
        let picked = pick(candidates, &nodes, &rules, &mut decisions, START);
        let there =
            |node: usize| picked.iter().filter(|g| g.kind == JobType::Selfplay && g.node == nodes[node].id).count();
        assert_eq!((there(0), there(1), picked.len()), (1, 2, 4));
    }

    #[test]
    fn a_flood_is_granted_at_the_rate() {
        let (limits, admission, safeguards, nodes) =
            (Limits::default(), Admission { cooldown_ms: 0, ..Admission::default() }, Safeguards::default(), nodes(40));
        let rules = rules(&limits, &admission, &safeguards, &nodes[0].id);
        let mut decisions = Decisions::new(&rules, START);
        let mut granted = 0;
        for second in 0..60i64 {
            let flood = (0..100).map(|number| Candidate { number, kind: JobType::Selfplay }).collect();
            granted += pick(flood, &nodes, &rules, &mut decisions, START + Span::SECOND * second).len();
        }
        assert_eq!(granted, 10 + 29, "a burst of ten, then one each two seconds");
    }

    proptest! {
        #[test]
        fn nothing_waits_that_has_room_and_is_first(
            items in prop::collection::vec(0usize..9, 0..60), count in 0usize..4, taken in prop::collection::vec((0usize..9, 0usize..4), 0..20),
        ) {
            let (limits, admission, safeguards, nodes) = (Limits::default(), open(), Safeguards::default(), nodes(count));
            let nowhere = NodeId::new("nowhere").expect("a node");
            let rules = rules(&limits, &admission, &safeguards, &nowhere);
            let mut decisions = Decisions::new(&rules, START);
            for (kind, at) in taken {
                if let Some(node) = nodes.get(at) {
                    decisions.take(&rules, Ask { kind: JobType::ALL[kind], node: &node.id, cores: node.cores }, START);
                }
            }
            let candidates: Vec<Candidate> =
                items.iter().enumerate().map(|(n, kind)| Candidate { number: n as i64, kind: JobType::ALL[*kind] }).collect();
            let grants = pick(candidates.clone(), &nodes, &rules, &mut decisions, START);
            for kind in JobType::ALL {
                let of_kind = |c: &&Candidate| c.kind == kind;
                let granted = |c: &Candidate| grants.iter().any(|g| g.number == c.number);
                let waiting: Vec<_> = candidates.iter().filter(of_kind).filter(|c| !granted(c)).collect();
                if !waiting.is_empty() {
                    // Full everywhere ...
                    prop_assert!(nodes.iter().all(|n| !limits::reasons(&limits, &decisions.usage, kind, &n.id, n.cores).is_empty()));
                }
                // ... and whoever got a slot of the type was not behind one who waits.
                for loser in waiting {
                    for winner in candidates.iter().filter(of_kind).filter(|c| granted(c)) {
                        prop_assert!(winner.number < loser.number);
                    }
                }
                for node in &nodes {
                    if let Some(limit) = limits::per_node(&limits, kind, node.cores) {
                        prop_assert!(decisions.usage.on(kind, &node.id) <= limit);
                    }
                }
            }
        }
    }
}
