//! The order in which daemons start and stop: dependencies first, the original's positions kept, ties by name.
use super::names::DaemonType;
use super::spec::{Category, DaemonSpec, Stage};
use std::fmt;

/// Why there is no order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderError {
    /// The whole cycle, first name repeated at the end.
    Cycle(Vec<&'static str>),
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OrderError::Cycle(names) => write!(f, "dependency cycle: {}", names.join(" -> ")),
        }
    }
}

impl std::error::Error for OrderError {}

/// Everything that must start before this one: its dependencies, and the subscribers that are declared `before_emitter`
/// of it.
fn predecessors(spec: &DaemonSpec, all: &[&DaemonSpec]) -> Vec<DaemonType> {
    let mut before: Vec<DaemonType> = spec.depends_on.iter().map(|d| resolve(*d, all)).collect();
    before.extend(all.iter().filter(|s| s.before_emitter.contains(&spec.daemon)).map(|s| s.daemon));
    before.retain(|d| *d != spec.daemon);
    before.sort();
    before.dedup();
    before
}

fn resolve(daemon: DaemonType, all: &[&DaemonSpec]) -> DaemonType {
    match all.iter().find(|s| s.daemon == daemon).map(|s| s.stage) {
        Some(Stage::Alias { of, .. }) => of,
        _ => daemon,
    }
}

/// Where an unplaced daemon wants to be: just before the first of its dependents that has a place, else at the end.
fn rank(spec: &DaemonSpec, all: &[&DaemonSpec]) -> u32 {
    if let Some(place) = spec.order {
        return u32::from(place) * 10;
    }
    let dependents = all.iter().filter(|s| s.depends_on.contains(&spec.daemon)).filter_map(|s| s.order).min();
    dependents.map_or(10_000, |place| u32::from(place) * 10 - 5)
}

/// Start order of the given entries; fails on a cycle, which it names whole.
pub fn start_order<'a>(specs: impl Iterator<Item = &'a DaemonSpec>) -> Result<Vec<DaemonType>, OrderError> {
    let all: Vec<&DaemonSpec> = specs.collect();
    let mut left: Vec<&DaemonSpec> = all.clone();
    left.sort_by_key(|s| (rank(s, &all), s.name));
    let mut order: Vec<DaemonType> = Vec::with_capacity(all.len());
    while !left.is_empty() {
        let ready = left.iter().position(|s| {
            predecessors(s, &all).iter().all(|d| order.contains(d) || !all.iter().any(|s| s.daemon == *d))
        });
        match ready {
            Some(at) => order.push(left.remove(at).daemon),
            None => return Err(OrderError::Cycle(cycle(&left, &all))),
        }
    }
    Ok(order)
}

/// Follows unmet predecessors until a name comes again.
fn cycle(left: &[&DaemonSpec], all: &[&DaemonSpec]) -> Vec<&'static str> {
    let mut path: Vec<&DaemonSpec> = vec![left[0]];
    loop {
        let last = path[path.len() - 1];
        let next = predecessors(last, all).into_iter().find_map(|d| left.iter().find(|s| s.daemon == d));
        let Some(next) = next else { return path.iter().map(|s| s.name).collect() };
        if let Some(at) = path.iter().position(|s| s.daemon == next.daemon) {
            let mut names: Vec<&'static str> = path[at..].iter().map(|s| s.name).collect();
            names.push(next.name);
            return names;
        }
        path.push(next);
    }
}

/// Five groups, as the earlier implementation stopped them: the smaller stops first.
fn stop_group(spec: &DaemonSpec) -> u8 {
    match spec.category {
        Category::Resource | Category::Recovery | Category::Provider => 1,
        Category::Evaluation | Category::Feedback => 2,
        Category::Pipeline | Category::Queue => 3,
        Category::Sync | Category::Distribution => 4,
        Category::Event | Category::Health => 5,
    }
}

/// Stop order: dependents before dependencies, the five groups break ties.
pub fn stop_order(daemons: &[DaemonType]) -> Vec<DaemonType> {
    let mut left: Vec<DaemonType> = daemons.to_vec();
    left.sort_by_key(|d| (stop_group(d.spec()), std::cmp::Reverse(d.spec().order.unwrap_or(0)), d.name()));
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let free = left.iter().position(|d| {
            !left.iter().any(|other| other != d && other.spec().depends_on.iter().any(|x| x.resolve() == *d))
        });
        order.push(left.remove(free.unwrap_or(0)));
    }
    order
}
