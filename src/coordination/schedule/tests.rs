//! The order of the queue: levels, shares, deadlines, and that nothing starves.
use super::*;
use proptest::prelude::*;

const SECOND: Span = Span::SECOND;
const HOUR: Span = Span::HOUR;
const NOW: Wall = Wall::of_us(1_000_000 * HOUR.us());

fn item(number: i64, config: &str, priority: u8) -> Waiting {
    Waiting {
        number,
        kind: JobType::Selfplay,
        config: config.into(),
        priority,
        created: NOW + Span::of_us(number),
        latest_start: None,
    }
}

fn numbers(waiting: &[Waiting], granted: Granted) -> Vec<i64> {
    order(waiting, granted, &Scheduler::default(), NOW).into_iter().map(|p| p.number).collect()
}

#[test]
fn level_goes_before_age_and_age_decides_within_a_level() {
    let items = [item(1, "a", 45), item(2, "a", 20), item(3, "a", 95), item(4, "a", 60), item(5, "a", 75)];
    assert_eq!(numbers(&items, Granted::default()), [3, 5, 1, 4, 2]);
}

#[test]
fn four_hours_raise_an_item_by_a_level() {
    let mut old = item(9, "a", 10);
    for (hours, level) in [
        (0, Level::Low),
        (3, Level::Low),
        (4, Level::Normal),
        (8, Level::High),
        (12, Level::Critical),
        (99, Level::Critical),
    ] {
        old.created = NOW - hours * HOUR;
        assert_eq!(
            order(std::slice::from_ref(&old), Granted::default(), &Scheduler::default(), NOW)[0].level,
            level,
            "{hours} h"
        );
    }
    old.created = NOW + HOUR;
    assert_eq!(
        order(&[old], Granted::default(), &Scheduler::default(), NOW)[0].aged,
        0,
        "a clock that went back ages nobody"
    );
}

#[test]
fn a_configuration_above_its_share_yields_to_one_below_but_not_what_is_critical() {
    let mut granted = Granted::default();
    granted.add(JobType::Selfplay, "a", 6);
    granted.add(JobType::Selfplay, "b", 4);
    granted.add(JobType::Selfplay, "c", 1);
    let items = [item(1, "a", 80), item(2, "c", 10), item(3, "a", 90)];
    assert_eq!(numbers(&items, granted.clone()), [3, 2, 1]);
    let other_type = Waiting { kind: JobType::Export, ..item(1, "a", 80) };
    assert_eq!(numbers(&[other_type, items[1].clone()], granted), [1, 2], "shares are counted by type");
}

#[test]
fn a_near_deadline_is_critical_and_a_far_one_changes_nothing() {
    let mut late = item(3, "b", 10);
    late.latest_start = Some(NOW + 60 * SECOND);
    assert_eq!(numbers(&[item(1, "a", 80), item(2, "a", 50), late.clone()], Granted::default())[0], 3);
    late.latest_start = Some(NOW + 20 * HOUR);
    assert_eq!(numbers(&[item(1, "a", 80), item(2, "a", 50), late], Granted::default())[2], 3);
}

#[test]
fn what_an_urgent_item_waits_for_is_as_urgent() {
    let edge = |item, priority, latest_start, needs| Edge { item, priority, latest_start, needs };
    let inherited = inherit(vec![
        edge(2, 50, None, 1),
        edge(7, 95, Some(Wall::of_us(5)), 2),
        edge(6, 10, Some(Wall::of_us(3)), 2),
        edge(4, 20, None, 3),
    ]);
    assert_eq!(inherited[&2], Inherited { priority: 95, latest_start: Some(Wall::of_us(3)) });
    assert_eq!(inherited[&1], Inherited { priority: 95, latest_start: Some(Wall::of_us(3)) }, "along the chain");
    assert_eq!(inherited[&3], Inherited { priority: 20, latest_start: None });
}

/// One slot that is free every `STEP`; more comes than can be served.
const STEP: Span = Span::of_secs(600);

struct Simulation {
    now: Wall,
    waiting: Vec<Waiting>,
    grants: VecDeque<(Wall, Waiting)>,
    numbers: i64,
}

impl Simulation {
    fn arrive(&mut self, config: &str, priority: u8, deadline: Option<Span>) {
        self.numbers += 1;
        let mut new = item(self.numbers, config, priority);
        (new.created, new.latest_start) = (self.now, deadline.map(|d| self.now + d));
        self.waiting.push(new);
    }
    fn grant(&mut self) -> Option<Waiting> {
        let settings = Scheduler::default();
        let window = Span::of_secs(settings.window_seconds.into());
        while self.grants.front().is_some_and(|(at, _)| *at <= self.now - window) {
            self.grants.pop_front();
        }
        let mut granted = Granted::default();
        for (_, item) in self.grants.iter().filter(|(_, i)| Level::of(i.priority) != Level::Critical) {
            granted.add(item.kind, &item.config, 1);
        }
        let first = order(&self.waiting, granted, &settings, self.now).first()?.number;
        let at = self.waiting.iter().position(|w| w.number == first)?;
        let item = self.waiting.swap_remove(at);
        self.grants.push_back((self.now, item.clone()));
        self.now += STEP;
        Some(item)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    /// Whatever comes, an item of the lowest level is served: within twelve hours it is CRITICAL; what may still go
    /// first is older, or came with a deadline in its first four hours, or belongs to a configuration that is below its
    /// share for now.
    #[test]
    fn nothing_starves(
        victim in 0usize..5,
        backlog in prop::collection::vec((0usize..5, 0u8..=100), 0..20),
        flood in prop::collection::vec((0usize..5, 0u8..=100, prop::option::of(-100_000i64..100_000)), 1..40),
    ) {
        let name = |n: usize| format!("c{n}");
        let mut s = Simulation { now: NOW, waiting: vec![], grants: VecDeque::new(), numbers: 0 };
        for (config, priority) in &backlog {
            s.arrive(&name(*config), *priority, None);
        }
        s.arrive(&name(victim), 0, None);
        let wanted = s.numbers;
        // Twelve hours to rise, then one step for each of the backlog and of the first four hours' arrivals, thrice for
        // its share.
        let steps = 72 + 3 * (backlog.len() + 2 * 24) + 6;
        let served = (0..steps).any(|step| {
            for arrival in [2 * step, 2 * step + 1] {
                let (config, priority, deadline) = &flood[arrival % flood.len()];
                s.arrive(&name(*config), *priority, deadline.map(|d| d * SECOND));
            }
            s.grant().is_some_and(|item| item.number == wanted)
        });
        prop_assert!(served, "not served after {steps} steps; {} wait", s.waiting.len());
    }

    /// While others wait, no configuration gets more than its share of a window, but for what is CRITICAL.
    #[test]
    fn nobody_gets_more_than_the_share(priorities in prop::collection::vec(0u8..90, 5), greedy in 0usize..5) {
        let mut s = Simulation { now: NOW, waiting: vec![], grants: VecDeque::new(), numbers: 0 };
        let step = Span::of_us(STEP.us() / 20);
        let mut granted = Vec::new();
        for _ in 0..400 {
            for (config, priority) in priorities.iter().enumerate() {
                let items = if config == greedy { 4 } else { 1 };
                while s.waiting.iter().filter(|w| w.config == format!("c{config}")).count() < items {
                    s.arrive(&format!("c{config}"), *priority, None);
                }
            }
            granted.push(s.grant().expect("there is work").config);
            s.now += step - STEP;
        }
        let window = usize::try_from(HOUR / step).expect("a count");
        for taken in granted.windows(window) {
            for config in 0..5 {
                let own = taken.iter().filter(|c| **c == format!("c{config}")).count();
                prop_assert!(own <= window * 30 / 100 + 1, "{own} of {window}");
            }
        }
    }

    #[test]
    fn every_item_has_exactly_one_place(items in prop::collection::vec((0usize..9, 0usize..4, 0u8..=100, 0i64..100), 0..60)) {
        let items: Vec<Waiting> = items.iter().enumerate().map(|(n, (kind, config, priority, age))| Waiting {
            kind: JobType::ALL[*kind], created: NOW - *age * HOUR, ..item(n as i64, &format!("c{config}"), *priority)
        }).collect();
        let mut placed = numbers(&items, Granted::default());
        placed.sort_unstable();
        prop_assert_eq!(placed, (0..items.len() as i64).collect::<Vec<_>>());
    }
}
