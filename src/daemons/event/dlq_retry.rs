//! DLQ_RETRY: hands dead letters out again after a rest, a bounded number of times, and raises its voice when they pile
//! up.
use crate::contract::config::Config;
use crate::contract::daemon::{Daemon, HandlerError, Input, Out};
use crate::contract::events;
use crate::contract::health::Health;
use crate::contract::ids::SubscriberName;
use crate::contract::registry::declare;
use crate::contract::router::DeadLetterFilter;
use crate::contract::time::{Span, Wall};

declare! {
    DlqRetry {
        name: "DLQ_RETRY",
        purpose: "Delivers dead letters again, a limited number of times",
        category: Category::Event,
        profiles: &[Profile::Standalone],
        depends_on: &[D::EventRouter],
        publishes: &[E::DlqEventsReplayed, E::DlqStaleEvents],
    }
    asks [clock, letters]
    settings {
        /// Maximum number of times a dead letter is delivered again.
        max_redrives: u32 = 1 in 0..=100 times;
        /// Seconds before a dead letter is delivered again.
        redrive_after: u32 = 3600 in 1..=604_800 seconds;
        /// Maximum number of dead letters delivered again per tick.
        batch: u32 = 10 in 1..=1000 letters;
        /// Number of dead letters that raises DLQ_STALE_EVENTS.
        stale_threshold: u32 = 50 in 1..=1_000_000 letters;
    }
}

/// A tick delivers again for so long at most; the next one goes on.
const LONGEST: Span = Span::of_secs(5);

/// The daemon.
#[derive(Debug)]
pub struct DlqRetry {
    settings: Settings,
    /// Whose letters came last when the batch or the time of a tick was over before all had their turn: the next tick
    /// begins behind it.
    served: Option<SubscriberName>,
}

impl Daemon for DlqRetry {
    fn new(config: &Config) -> Self {
        DlqRetry { settings: Settings::of(config), served: None }
    }

    fn configure(&mut self, config: &Config) {
        self.settings = Settings::of(config);
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("watching dead letters")),
            Input::Tick { .. } => self.round(ports, out)?,
            _ => {}
        }
        Ok(())
    }
}

impl DlqRetry {
    /// Delivers letters again that have rested: one subscriber after the other, the oldest letters of each first; how
    /// many. Only of those that the router knows: letters of retired subscribers stay, and may be any number.
    fn redrive(&mut self, now: Wall, ports: &Ports<'_>) -> Result<u64, HandlerError> {
        if self.settings.max_redrives == 0 {
            return Ok(0);
        }
        let mut names: Vec<SubscriberName> =
            ports.letters.subscribers()?.into_iter().filter(|known| known.dead > 0).map(|known| known.name).collect();
        names.sort();
        let first = self.served.take().map_or(0, |served| names.partition_point(|name| *name <= served));
        names.rotate_left(first);
        let mut left = self.settings.batch;
        for name in names {
            self.redrive_of(&name, &mut left, now, ports)?;
            if left == 0 || is_over(now, ports) {
                self.served = Some(name);
                break;
            }
        }
        Ok(u64::from(self.settings.batch - left))
    }

    /// Those of one subscriber, until none are `left` of the batch.
    fn redrive_of(
        &self,
        name: &SubscriberName,
        left: &mut u32,
        now: Wall,
        ports: &Ports<'_>,
    ) -> Result<(), HandlerError> {
        let mut rested = DeadLetterFilter {
            subscriber: Some(name.clone()),
            before_us: Some((now - Span::of_secs(self.settings.redrive_after.into())).us()),
            max_redriven: self.settings.max_redrives.checked_sub(1),
            ..Default::default()
        };
        // One answer does not hold them all, and one that is being delivered already counts for nothing.
        loop {
            rested.limit = Some(*left);
            let page = ports.letters.dead_letters(&rested)?;
            for letter in &page.letters {
                // The router counts the redrive with the change itself, so a repeat of this tick cannot redrive twice
                // too often.
                let count = ports.letters.redrive(&DeadLetterFilter { id: Some(letter.id), ..Default::default() })?;
                *left = left.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
                rested.after = Some(letter.place());
                if *left == 0 || is_over(now, ports) {
                    return Ok(());
                }
            }
            if !page.truncated {
                return Ok(());
            }
        }
    }

    fn round(&mut self, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let now = ports.clock.now();
        let redriven = self.redrive(now, ports)?;
        if redriven > 0 {
            out.publish(events::DlqEventsReplayed { count: redriven, requested_by: SPEC.name.into() });
        }
        let pending = ports.letters.router_stats()?.dead_letters;
        let line = format!("dead letters: {pending} pending, {redriven} delivered again");
        if pending >= u64::from(self.settings.stale_threshold) {
            let oldest = ports.letters.dead_letters(&DeadLetterFilter { limit: Some(1), ..Default::default() })?;
            let oldest_seconds =
                oldest.letters.first().map_or(0, |l| (now - Wall::of_us(l.dead_us)).secs().max(0).unsigned_abs());
            out.publish(events::DlqStaleEvents { pending, oldest_seconds });
            out.health(Health::degraded(format!("{line}; see `ringrift events dlq list`")));
        } else {
            out.health(Health::healthy(&line));
        }
        out.last(line);
        Ok(())
    }
}

/// Whether the time for delivering again is over in a tick that began at `begun`, or the clock was set meanwhile.
fn is_over(begun: Wall, ports: &Ports<'_>) -> bool {
    !(Span::ZERO..LONGEST).contains(&(ports.clock.now() - begun))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::events::Payload;
    use crate::contract::ports::fakes::letter;
    use crate::contract::router::DeadLetter;
    use crate::daemons::testing::build;

    fn letter_of(name: &str, id: u64) -> DeadLetter {
        DeadLetter { subscriber: SubscriberName::new(name).expect("a name"), ..letter(id) }
    }

    /// The numbers of the letters that each of some ticks delivers again.
    fn ticks(fakes: &Fakes, daemon: &mut DlqRetry, count: u64) -> Vec<Vec<u64>> {
        let tick = |number| {
            fakes.letters.hold().redriven.clear();
            fakes.give(daemon, Input::Tick { number }).expect("handled");
            fakes.letters.hold().redriven.iter().filter_map(|filter| filter.id).collect()
        };
        (1..=count).map(tick).collect()
    }

    /// A clock by which letters that died at 0 have rested.
    fn rested() -> Fakes {
        let fakes = Fakes::new();
        fakes.clock.hold().now = Wall::of_us(10_000_000_000);
        fakes
    }

    #[test]
    fn each_rested_letter_is_handed_out_by_its_number() {
        let fakes = rested();
        fakes.letters.hold().letters.extend([letter(3), letter(4)]);
        let young = DeadLetter { dead_us: (fakes.clock.hold().now - Span::of_secs(3599)).us(), ..letter(5) };
        let given_up = DeadLetter { redriven: 100, ..letter(6) };
        fakes.letters.hold().letters.extend([young, given_up]);
        let out = fakes.give(&mut build::<DlqRetry>(), Input::Tick { number: 1 }).expect("handled");
        assert!(matches!(&out.events[..], [Payload::DlqEventsReplayed(r)] if r.count == 2));
        assert_eq!(fakes.letters.hold().redriven.iter().map(|f| f.id).collect::<Vec<_>>(), [Some(3), Some(4)]);
    }

    #[test]
    fn letters_of_retired_subscribers_take_nobodys_turn_and_no_time() {
        let fakes = rested();
        {
            let mut held = fakes.letters.hold();
            held.letters.extend((0..2000).map(|id| letter_of("gone", id)));
            held.letters.extend((2000..2005).map(letter));
            held.retired = vec![SubscriberName::new("gone").expect("a name")];
        }
        let mut daemon: DlqRetry = build();
        daemon.settings.batch = 3;
        let out = fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled");
        assert!(matches!(&out.events[0], Payload::DlqEventsReplayed(r) if r.count == 3), "{:?}", out.events);
        assert_eq!(ticks(&fakes, &mut daemon, 2), [vec![2003, 2004], vec![]]);
        let listed = fakes.letters.hold().listed;
        assert!(listed < 20, "{listed} letters were read for 5 that are delivered again");
    }

    #[test]
    fn a_subscriber_with_many_letters_holds_up_no_other() {
        let fakes = rested();
        fakes.letters.hold().letters.extend((0..100).map(|id| letter_of("a", id)));
        fakes.letters.hold().letters.extend([letter_of("b", 200), letter_of("c", 300)]);
        let mut daemon: DlqRetry = build();
        daemon.settings.batch = 3;
        assert_eq!(ticks(&fakes, &mut daemon, 3), [vec![0, 1, 2], vec![200, 300, 3], vec![4, 5, 6]]);
    }

    #[test]
    fn a_tick_ends_after_a_time_and_the_next_one_goes_on() {
        let fakes = rested();
        fakes.clock.hold().passes = Span::of_secs(1);
        fakes.letters.hold().letters.extend((0..12).map(|id| letter_of("a", id)));
        fakes.letters.hold().letters.push(letter_of("b", 200));
        let mut daemon: DlqRetry = build();
        daemon.settings.batch = 1000;
        assert_eq!(ticks(&fakes, &mut daemon, 3), [vec![0, 1, 2, 3, 4], vec![200, 5, 6, 7], vec![8, 9, 10, 11]]);
    }

    #[test]
    fn more_letters_than_an_answer_holds_are_delivered_again() {
        let fakes = rested();
        fakes.letters.hold().letters.extend((0..700).map(letter));
        let mut daemon: DlqRetry = build();
        daemon.settings.batch = 1000;
        assert_eq!(
            ticks(&fakes, &mut daemon, 1)[0].len(),
            700,
            "also though what was delivered again is gone from the list"
        );
    }

    #[test]
    fn many_letters_are_said() {
        let fakes = Fakes::new();
        fakes.clock.hold();
        fakes.letters.hold().letters.extend((0..50).map(letter));
        let mut daemon: DlqRetry = build();
        daemon.settings.max_redrives = 0;
        let out = fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled");
        assert!(
            matches!(&out.events[..], [Payload::DlqStaleEvents(s)] if s.pending == 50 && s.oldest_seconds == 1000),
            "{:?}",
            out.events
        );
    }
}
