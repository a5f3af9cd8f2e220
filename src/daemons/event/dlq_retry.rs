//! DLQ_RETRY: hands dead letters out again after a rest, a bounded number of times, and raises its voice when they pile up.
use crate::contract::config::Config;
use crate::contract::daemon::{Daemon, HandlerError, Input, Out};
use crate::contract::events;
use crate::contract::health::Health;
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

/// Letters of one answer: each comes with its event, and a frame holds a mebibyte.
const PAGE: u32 = 20;

/// The daemon.
#[derive(Debug)]
pub struct DlqRetry {
    settings: Settings,
}

impl Daemon for DlqRetry {
    fn new(config: &Config) -> Self {
        DlqRetry { settings: Settings::of(config) }
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
    /// Hands out letters that have rested, oldest first; how many.
    fn redrive(&self, now: Wall, ports: &Ports<'_>) -> Result<u64, HandlerError> {
        let mut redriven = 0;
        let Some(most) = self.settings.max_redrives.checked_sub(1) else { return Ok(0) };
        let mut rested = DeadLetterFilter {
            before_us: Some((now - Span::of_secs(self.settings.redrive_after.into())).us()),
            max_redriven: Some(most),
            limit: Some(PAGE),
            ..Default::default()
        };
        // One answer does not hold them all, and those of retired subscribers may fill more than one.
        loop {
            let letters = ports.letters.dead_letters(&rested)?;
            let Some(last) = letters.last() else { return Ok(redriven) };
            rested.after = Some(last.id);
            for letter in letters {
                if redriven >= u64::from(self.settings.batch) {
                    return Ok(redriven);
                }
                // None is delivered when its subscriber was retired. Such a letter stays and must not keep the others from their turn.
                // The router counts the redrive with the change itself, so a repeat of this tick cannot redrive twice too often.
                redriven += ports.letters.redrive(&DeadLetterFilter { id: Some(letter.id), ..Default::default() })?;
            }
        }
    }

    fn round(&self, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let now = ports.clock.now();
        let redriven = self.redrive(now, ports)?;
        if redriven > 0 {
            out.publish(events::DlqEventsReplayed { count: redriven, requested_by: SPEC.name.into() });
        }
        let pending = ports.letters.router_stats()?.dead_letters;
        let line = format!("dead letters: {pending} pending, {redriven} delivered again");
        if pending >= u64::from(self.settings.stale_threshold) {
            let oldest = ports.letters.dead_letters(&DeadLetterFilter { limit: Some(1), ..Default::default() })?;
            let oldest_seconds = oldest.first().map_or(0, |l| (now - Wall::of_us(l.dead_us)).secs().max(0).unsigned_abs());
            out.publish(events::DlqStaleEvents { pending, oldest_seconds });
            out.health(Health::degraded(format!("{line}; see `ringrift events dlq list`")));
        } else {
            out.health(Health::healthy(&line));
        }
        out.last(line);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::events::Payload;
    use crate::contract::ids::SubscriberName;
    use crate::contract::router::DeadLetter;
    use crate::daemons::testing::build;

    fn letter(id: u64) -> DeadLetter {
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
    fn letters_of_retired_subscribers_take_nobodys_turn() {
        let fakes = rested();
        fakes.letters.hold().letters.extend((0..1030).map(letter));
        fakes.letters.hold().unwanted = 1025;
        let mut daemon: DlqRetry = build();
        daemon.settings.batch = 3;
        let out = fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled");
        assert!(matches!(&out.events[0], Payload::DlqEventsReplayed(r) if r.count == 3), "{:?}", out.events);
        assert_eq!(
            fakes.letters.hold().redriven.last().and_then(|f| f.id),
            Some(1027),
            "many answers hold letters of retired subscribers only"
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
        assert!(matches!(&out.events[..], [Payload::DlqStaleEvents(s)] if s.pending == 50 && s.oldest_seconds == 1000), "{:?}", out.events);
    }
}
