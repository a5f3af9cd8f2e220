//! In which order waiting items get slots: by level, with ageing, deadlines, inheritance along dependencies and a fair
//! share for each configuration; and why nothing starves.
//!
//! Among the items of one type the next is found in two steps. Items that were declared CRITICAL are outside the fair
//! share; of the others, those of configurations below their share go first, then level, then age. The better of the
//! two by level and age is next. An item rises a level for each `ageing_seconds` that it waits, so after three of them
//! it is CRITICAL whatever it was, and older than all that comes later. Its configuration yields only while it is being
//! served more than its share, and then what is served is what stands before it. So only finitely many items can go
//! first.
use crate::contract::config::Scheduler;
use crate::contract::time::{Span, Wall};
use crate::contract::workload::JobType;
use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

/// How urgent an item is. Later is more urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Priority below 40.
    Low,
    /// 40 to 69.
    Normal,
    /// 70 to 89.
    High,
    /// 90 and more.
    Critical,
}

impl Level {
    /// All of them, the least urgent first.
    pub const ALL: [Level; 4] = [Level::Low, Level::Normal, Level::High, Level::Critical];

    /// The level of a priority.
    pub fn of(priority: u8) -> Level {
        match priority {
            90.. => Level::Critical,
            70.. => Level::High,
            40.. => Level::Normal,
            _ => Level::Low,
        }
    }
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Level::Low => "LOW",
            Level::Normal => "NORMAL",
            Level::High => "HIGH",
            Level::Critical => "CRITICAL",
        }
    }
    fn raised(self, by: i64) -> Level {
        Level::ALL[(self as i64 + by).clamp(0, 3) as usize]
    }
}

/// An item that may be granted now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its number; a smaller one is older.
    pub number: i64,
    /// Its type.
    pub kind: JobType,
    /// Its configuration.
    pub config: String,
    /// Its priority, or the highest one among those that wait for it.
    pub priority: u8,
    /// When it was queued.
    pub created: Wall,
    /// When it must start for its deadline, or for that of one that waits for it.
    pub latest_start: Option<Wall>,
}

/// Grants of the window by type and configuration, CRITICAL ones left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Granted(BTreeMap<JobType, BTreeMap<String, u32>>);

impl Granted {
    /// Counts grants.
    pub fn add(&mut self, kind: JobType, config: &str, count: u32) {
        *self.0.entry(kind).or_default().entry(config.to_owned()).or_default() += count;
    }
    /// Grants of the type to the configuration, and in all.
    pub fn of(&self, kind: JobType, config: &str) -> (u32, u32) {
        let Some(by_config) = self.0.get(&kind) else { return (0, 0) };
        (by_config.get(config).copied().unwrap_or(0), by_config.values().sum())
    }
    /// Whether one more grant would be more than the share.
    pub fn is_over(&self, kind: JobType, config: &str, share_percent: f64) -> bool {
        let (own, all) = self.of(kind, config);
        f64::from(own + 1) * 100.0 > share_percent * f64::from(all + 1)
    }
}

/// An item's place in the order and what it owes it to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The item.
    pub number: i64,
    /// Its type.
    pub kind: JobType,
    /// Its level now.
    pub level: Level,
    /// Levels it rose by waiting.
    pub aged: u8,
    /// It must start soon for a deadline.
    pub urgent: bool,
    /// Its configuration was above its share when its turn came.
    pub over_share: bool,
}

#[derive(Debug, Clone)]
struct Ranked {
    level: Level,
    due: Wall,
    place: Place,
}

impl Ranked {
    fn key(&self) -> (Reverse<Level>, Wall, i64) {
        (Reverse(self.level), self.due, self.place.number)
    }
}

fn rank(item: &Waiting, settings: &Scheduler, now: Wall) -> Ranked {
    let ageing = Span::of_secs(settings.ageing_seconds.into());
    let aged = ((now - item.created).max(Span::ZERO) / ageing).min(3);
    let margin = Span::of_secs(settings.deadline_margin_seconds.into());
    let urgent = item.latest_start.is_some_and(|at| at - margin <= now);
    let level = if urgent { Level::Critical } else { Level::of(item.priority).raised(aged) };
    // A deadline may put an item before older ones, but only by one step of ageing: else a stream of deadlines would go
    // first for ever.
    let wished = item.latest_start.map_or(item.created, |at| at.min(item.created));
    let due = wished.max(item.created - ageing);
    let place = Place {
        number: item.number,
        kind: item.kind,
        level,
        aged: u8::try_from(aged).unwrap_or(3),
        urgent,
        over_share: false,
    };
    Ranked { level, due, place }
}

/// One configuration's items of one type, best first.
type Lane = VecDeque<Ranked>;

fn sorted(mut lane: Vec<Ranked>) -> Lane {
    lane.sort_by_key(Ranked::key);
    lane.into()
}

/// The order of one type: as if each were granted in turn, so that the shares change on the way.
fn order_of(
    kind: JobType,
    items: &[&Waiting],
    granted: &mut Granted,
    settings: &Scheduler,
    now: Wall,
) -> VecDeque<Ranked> {
    let (mut exempt, mut lanes) = (Vec::new(), BTreeMap::<&str, Vec<Ranked>>::new());
    for item in items {
        let ranked = rank(item, settings, now);
        match Level::of(item.priority) {
            Level::Critical => exempt.push(ranked),
            _ => lanes.entry(&item.config).or_default().push(ranked),
        }
    }
    let mut exempt = sorted(exempt);
    let mut lanes: BTreeMap<&str, Lane> = lanes.into_iter().map(|(config, lane)| (config, sorted(lane))).collect();
    let mut order = VecDeque::with_capacity(items.len());
    loop {
        let heads = lanes.iter().filter_map(|(config, lane)| lane.front().map(|head| (*config, head)));
        let judged =
            heads.map(|(config, head)| (granted.is_over(kind, config, settings.share_percent), head.key(), config));
        let shared = judged.min();
        let first = exempt.front().map(Ranked::key);
        let next = match (shared, first) {
            (Some((over, key, config)), first) if first.is_none_or(|f| key < f) => {
                let config = config.to_owned();
                let mut next = lanes.get_mut(config.as_str()).and_then(Lane::pop_front);
                if let Some(next) = &mut next {
                    next.place.over_share = over;
                }
                granted.add(kind, &config, 1);
                next
            }
            _ => exempt.pop_front(),
        };
        let Some(next) = next else { return order };
        order.push_back(next);
    }
}

/// The order in which items should get slots; types do not compete, so they are merged by level and age.
pub fn order(waiting: &[Waiting], mut granted: Granted, settings: &Scheduler, now: Wall) -> Vec<Place> {
    let mut by_kind = BTreeMap::<JobType, Vec<&Waiting>>::new();
    for item in waiting {
        by_kind.entry(item.kind).or_default().push(item);
    }
    let mut queues: Vec<VecDeque<Ranked>> =
        by_kind.into_iter().map(|(kind, items)| order_of(kind, &items, &mut granted, settings, now)).collect();
    let mut places = Vec::with_capacity(waiting.len());
    while let Some(best) = queues.iter_mut().filter(|q| !q.is_empty()).min_by_key(|q| q.front().map(Ranked::key)) {
        places.extend(best.pop_front().map(|r| r.place));
    }
    places
}

/// One dependency between waiting items: `item` waits for `needs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Waits.
    pub item: i64,
    /// Its priority.
    pub priority: u8,
    /// When it must start.
    pub latest_start: Option<Wall>,
    /// Is waited for. Always older: a dependency must exist before it can be named.
    pub needs: i64,
}

/// What an item inherits from those that wait for it, directly or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inherited {
    /// The highest priority among them.
    pub priority: u8,
    /// The earliest time that one of them must start.
    pub latest_start: Option<Wall>,
}

/// What each item inherits. An item that an urgent one waits for is as urgent.
pub fn inherit(mut edges: Vec<Edge>) -> BTreeMap<i64, Inherited> {
    edges.sort_by_key(|e| Reverse(e.item));
    let mut inherited = BTreeMap::<i64, Inherited>::new();
    for edge in edges {
        // Everybody who waits for `item` is younger, so it has inherited all it will.
        let own = inherited.get(&edge.item).copied().unwrap_or_default();
        let needed = inherited.entry(edge.needs).or_default();
        needed.priority = needed.priority.max(edge.priority).max(own.priority);
        needed.latest_start = [needed.latest_start, edge.latest_start, own.latest_start].into_iter().flatten().min();
    }
    inherited
}

#[cfg(test)]
#[path = "schedule/tests.rs"]
mod tests;
