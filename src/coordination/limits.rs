//! How many slots of a type there are, on a node and in all, and every reason against taking one more.
use crate::contract::config::Limits;
use crate::contract::ids::NodeId;
use crate::contract::reason::{Reason, ReasonCode};
use crate::contract::workload::JobType;
use std::collections::{BTreeMap, HashMap};

/// Used slots, fenced ones included: they are free only when their unit is gone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    counts: [HashMap<NodeId, u32>; JobType::ALL.len()],
    totals: [u32; JobType::ALL.len()],
}

impl Usage {
    /// Counts one more slot.
    pub fn take(&mut self, kind: JobType, node: &NodeId) {
        self.totals[kind as usize] += 1;
        match self.counts[kind as usize].get_mut(node) {
            Some(count) => *count += 1,
            None => {
                self.counts[kind as usize].insert(node.clone(), 1);
            }
        }
    }
    /// Counts one slot less; a slot that was not taken changes nothing.
    pub fn free(&mut self, kind: JobType, node: &NodeId) {
        if let Some(count) = self.counts[kind as usize].get_mut(node).filter(|count| **count > 0) {
            *count -= 1;
            self.totals[kind as usize] -= 1;
        }
    }
    /// Slots of the type on the node.
    pub fn on(&self, kind: JobType, node: &NodeId) -> u32 {
        self.counts[kind as usize].get(node).copied().unwrap_or(0)
    }
    /// Slots of the type in all.
    pub fn in_all(&self, kind: JobType) -> u32 {
        self.totals[kind as usize]
    }
    /// Slots of the type by node.
    pub fn by_node(&self, kind: JobType) -> BTreeMap<String, u32> {
        self.counts[kind as usize].iter().filter(|(_, count)| **count > 0).map(|(n, c)| (n.to_string(), *c)).collect()
    }
}

/// A node's processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cores {
    /// Logical processors.
    pub count: u32,
    /// They are a GH200's: many, for one GPU.
    pub gh200: bool,
}

impl Cores {
    /// Ordinary ones.
    pub fn of(count: u32) -> Cores {
        Cores { count, gh200: false }
    }
    /// Self-play jobs for each.
    pub fn share(self, limits: &Limits) -> f64 {
        if self.gh200 { limits.selfplay_per_core.max(limits.selfplay_per_core_gh200) } else { limits.selfplay_per_core }
    }
}

/// Self-play jobs that the processors of a node allow: cores × share, rounded up, at least 1. A node whose hardware is
/// not known gets 1: unknown is neither nothing nor everything.
pub fn hardware(limits: &Limits, cores: Option<Cores>) -> u32 {
    let Some(cores) = cores else { return 1 };
    let jobs = (f64::from(cores.count) * cores.share(limits)).ceil();
    // In range: cores fit 32 bits, the share is at most 4.
    (jobs.min(f64::from(u32::MAX)) as u32).max(1)
}

/// Slots of the type on one node; nothing means no limit.
pub fn per_node(limits: &Limits, kind: JobType, cores: Option<Cores>) -> Option<u32> {
    let configured = limits.of(kind).per_node;
    if kind != JobType::Selfplay {
        return configured;
    }
    let bound = hardware(limits, cores);
    Some(configured.map_or(bound, |limit| limit.min(bound)))
}

/// Every limit against one more slot of the type on the node; empty: there is room.
pub fn reasons(limits: &Limits, usage: &Usage, kind: JobType, node: &NodeId, cores: Option<Cores>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Some(limit) = per_node(limits, kind, cores)
        && usage.on(kind, node) >= limit
    {
        let text = format!("{kind}: {} of {limit} slots on node {node} in use", usage.on(kind, node));
        reasons.push(Reason::new(ReasonCode::Slots, text));
    }
    if let Some(limit) = limits.of(kind).cluster
        && usage.in_all(kind) >= limit
    {
        let text = format!("{kind}: {} of {limit} slots in the cluster in use", usage.in_all(kind));
        reasons.push(Reason::new(ReasonCode::Slots, text));
    }
    reasons
}

/// Whether there is room for one more: the same answer as `reasons`, without the words.
pub fn has_room(limits: &Limits, usage: &Usage, kind: JobType, node: &NodeId, cores: Option<Cores>) -> bool {
    per_node(limits, kind, cores).is_none_or(|limit| usage.on(kind, node) < limit)
        && limits.of(kind).cluster.is_none_or(|limit| usage.in_all(kind) < limit)
}

/// Slots of the type that are free on these nodes together, at most.
pub fn room<'a>(
    limits: &Limits,
    usage: &Usage,
    kind: JobType,
    nodes: impl Iterator<Item = (&'a NodeId, Option<Cores>)>,
) -> u32 {
    let free = |limit: Option<u32>, used| limit.map_or(u32::MAX, |limit| limit.saturating_sub(used));
    let on_nodes = nodes
        .map(|(node, cores)| free(per_node(limits, kind, cores), usage.on(kind, node)))
        .fold(0u32, u32::saturating_add);
    on_nodes.min(free(limits.of(kind).cluster, usage.in_all(kind)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn node(name: &str) -> NodeId {
        NodeId::new(name).expect("a node")
    }

    #[test]
    fn hardware_rounds_up_and_never_forbids_all() {
        let limits = Limits::default();
        let table = [(None, 1), (Some(1), 1), (Some(2), 1), (Some(3), 2), (Some(8), 4), (Some(200), 100)];
        for (cores, jobs) in table {
            assert_eq!(hardware(&limits, cores.map(Cores::of)), jobs, "{cores:?}");
        }
        assert_eq!(hardware(&limits, Some(Cores { count: 72, gh200: true })), 58, "72 × 0.8");
        assert_eq!(
            per_node(&limits, JobType::Selfplay, Some(Cores::of(200))),
            Some(32),
            "the configured limit still holds"
        );
    }

    #[test]
    fn both_limits_are_named_when_both_are_reached() {
        let limits = Limits::default();
        let mut usage = Usage::default();
        for name in ["a", "b", "c"] {
            usage.take(JobType::Training, &node(name));
        }
        assert_eq!(reasons(&limits, &usage, JobType::Training, &node("a"), None).len(), 2);
        assert_eq!(reasons(&limits, &usage, JobType::Training, &node("d"), None).len(), 1);
    }

    proptest! {
        #[test]
        fn taking_only_without_reasons_never_passes_a_limit(asks in prop::collection::vec((0usize..9, 0usize..6), 0..600), cores in 1u32..64) {
            let limits = Limits::default();
            let nodes: Vec<NodeId> = (0..6).map(|n| node(&format!("n{n}"))).collect();
            let mut usage = Usage::default();
            let cores = Some(Cores::of(cores));
            for (kind, at) in asks {
                let (kind, at) = (JobType::ALL[kind], &nodes[at]);
                let free = reasons(&limits, &usage, kind, at, cores).is_empty();
                prop_assert_eq!(free, has_room(&limits, &usage, kind, at, cores));
                prop_assert_eq!(free, room(&limits, &usage, kind, std::iter::once((at, cores))) > 0);
                if free {
                    usage.take(kind, at);
                }
                if let Some(limit) = per_node(&limits, kind, cores) {
                    prop_assert!(usage.on(kind, at) <= limit);
                }
                if let Some(limit) = limits.of(kind).cluster {
                    prop_assert!(usage.in_all(kind) <= limit);
                }
            }
        }
    }
}
