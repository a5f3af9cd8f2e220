//! The engine's second chances: a daemon that used up its restarts is tried again after a minute, then more and more
//! rarely.
use super::known::Revival;
use super::{Engine, HUBS};
use crate::contract::config::Retries;
use crate::contract::events::DaemonStatusChanged;
use crate::contract::health::State;
use crate::contract::host::UnitView;
use crate::contract::messages;
use crate::contract::registry::{DaemonType, built};
use crate::contract::time::{Span, Wall};
use crate::platform::clock;
use crate::platform::report;
use crate::platform::systemd::ServiceManager;

/// What is to be done about a service now.
#[derive(Debug, PartialEq, Eq)]
enum RevivalStep {
    /// Nothing is known of it and nothing is to be.
    Forget,
    /// As it stands.
    Keep(Revival),
    /// Try again; this is what is known afterwards.
    Try(Revival),
}

/// Decides about one service.
fn care(unit: &UnitView, known: Option<Revival>, schedule: &Retries, now: Wall) -> RevivalStep {
    let longest = Span::of_secs(schedule.longest().into());
    let known = known.unwrap_or(Revival { tries: 0, due: None });
    if unit.active_state == "failed" && !unit.start_queued {
        let wait = schedule.after(known.tries).map(|seconds| Span::of_secs(seconds.into()));
        // A time that lies ahead was noted before the clock was set back.
        let since = unit.since_us.map_or(now, |since| Wall::of_us(since).min(now));
        let noted = known.due.filter(|due| *due - now <= longest);
        return match noted.or(wait.map(|wait| since + wait)) {
            Some(due) if due <= now => RevivalStep::Try(Revival { tries: known.tries.saturating_add(1), due: None }),
            due => RevivalStep::Keep(Revival { due, ..known }),
        };
    }
    let well = unit.is_active() && unit.since_us.is_some_and(|since| now - Wall::of_us(since) >= longest);
    if known.tries == 0 || well { RevivalStep::Forget } else { RevivalStep::Keep(Revival { due: None, ..known }) }
}

impl<S: ServiceManager + 'static> Engine<S> {
    /// Tries failed services again when their time has come.
    pub(super) async fn revive(&mut self) {
        let now = clock::now();
        let cares: Vec<(String, RevivalStep)> = {
            let world = self.world();
            let mut wanted: Vec<String> = world.desired().into_iter().map(DaemonType::unit).collect();
            wanted.extend(
                HUBS.iter().map(|(_, service)| (*service).to_owned()).filter(|s| DaemonType::of_unit(s).is_none()),
            );
            let schedule = &world.config.master.retry_failed;
            let decide = |unit: String| {
                let care = care(world.units.get(&unit)?, self.revivals.get(&unit).copied(), schedule, now);
                Some((unit, care))
            };
            wanted.into_iter().filter_map(decide).collect()
        };
        self.revivals.retain(|unit, _| cares.iter().any(|(cared, _)| cared == unit));
        let mut due = Vec::new();
        for (unit, care) in cares {
            match care {
                RevivalStep::Forget => drop(self.revivals.remove(&unit)),
                RevivalStep::Keep(revival) => drop(self.revivals.insert(unit, revival)),
                RevivalStep::Try(revival) => {
                    // The time stays until systemd was asked: while the suite stops nobody is.
                    due.push((unit, revival));
                }
            }
        }
        if !due.is_empty() && !self.is_suite_stopping().await {
            for (unit, revival) in due {
                self.try_again(&unit, revival).await;
                self.revivals.insert(unit, revival);
            }
        }
        let times = self
            .revivals
            .iter()
            .filter_map(|(unit, r)| Some((DaemonType::of_unit(unit)?, (r.tries, r.due?))))
            .collect();
        self.world().tried_again = times;
    }

    async fn try_again(&mut self, unit: &str, revival: Revival) {
        let next = self.world().config.master.retry_failed.after(revival.tries).unwrap_or(0);
        let name = DaemonType::of_unit(unit).map_or_else(|| unit.to_owned(), |d| d.name().to_owned());
        let reason = format!(
            "{name} had failed permanently; retrying (attempt {}, next attempt {next} s after a failure)",
            revival.tries
        );
        tracing::warn!(MESSAGE_ID = messages::DAEMON_TRIED_AGAIN, UNIT = unit, tries = revival.tries, "{reason}");
        self.tell_tried_again(unit, name, reason, revival.tries);
        match HUBS.into_iter().find(|(_, service)| *service == unit) {
            Some((hub, service)) => self.start_anew(&[hub.socket_unit(), service]).await,
            None => self.start_anew(&[unit]).await,
        }
    }

    /// Tells the others; while the router is away the event waits in the spool.
    fn tell_tried_again(&self, unit: &str, daemon_name: String, reason: String, tries: u32) {
        let payload = DaemonStatusChanged {
            daemon_name,
            hostname: self.node.clone(),
            old_status: State::Failed.to_string(),
            new_status: State::Initializing.to_string(),
            reason,
            error: None,
        };
        let key = format!("tried-again/{unit}/{tries}/{}", clock::now().us());
        let file = self.settings.spool.join(format!("failed-{unit}-tried-again-{}.json", clock::now().us()));
        let (event, router) = (report::event(&payload, "ringrift-master", key), self.settings.router.clone());
        tokio::task::spawn_blocking(move || {
            let Err(why) = report::publish(&router, &event, super::super::link::RPC_TIMEOUT) else { return };
            if let Err(error) = report::keep(&file, &event) {
                tracing::warn!("cannot publish ({why}) or spool the retry of a daemon: {error}");
            }
        });
    }

    /// Whether the service has failed and its next try is not due yet.
    pub(super) fn waits_for_revival(&self, service: &str) -> bool {
        self.world().units.get(service).is_some_and(|u| u.active_state == "failed")
    }

    /// Somebody started or stopped it by name: what was tried before does not count.
    pub(super) fn forget_revival(&mut self, daemon: DaemonType) {
        self.revivals.remove(&daemon.unit());
    }

    /// What has failed was not stopped by anybody: when its failure is forgotten it is started, not left alone.
    pub(super) fn forget_failed(&mut self) {
        let failed: Vec<DaemonType> = {
            let world = self.world();
            let is_failed = |d: &DaemonType| world.unit(*d).is_some_and(|u| u.active_state == "failed");
            built().map(|s| s.daemon).filter(is_failed).collect()
        };
        for daemon in failed {
            if let Some(past) = self.past.get_mut(&daemon) {
                past.up = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Wall {
        Wall::default() + seconds * Span::SECOND
    }

    fn unit(active: &str, since_s: i64) -> UnitView {
        UnitView { active_state: active.into(), since_us: Some(at(since_s).us()), ..UnitView::default() }
    }

    #[test]
    fn the_tries_come_more_rarely_and_are_forgotten_when_it_ran_well_for_long() {
        let schedule = Retries::default();
        let mut known = None;
        let mut now = 0;
        for wait in [60, 300, 900, 3600, 3600] {
            let failed = unit("failed", now);
            let RevivalStep::Keep(waits) = care(&failed, known, &schedule, at(now + wait - 1)) else {
                panic!("too early")
            };
            assert_eq!(waits.due, Some(at(now + wait)));
            now += wait;
            let RevivalStep::Try(tried) = care(&failed, Some(waits), &schedule, at(now)) else {
                panic!("{wait} s are over")
            };
            let runs = unit("active", now);
            let RevivalStep::Keep(kept) = care(&runs, Some(tried), &schedule, at(now + 3599)) else {
                panic!("an hour is not over")
            };
            assert_eq!(care(&runs, Some(tried), &schedule, at(now + 3600)), RevivalStep::Forget);
            known = Some(kept);
        }
    }

    #[test]
    fn zero_is_never_and_what_never_failed_is_not_kept() {
        let never = Retries(Vec::new());
        let kept = care(&unit("failed", 0), None, &never, at(1_000_000));
        assert_eq!(kept, RevivalStep::Keep(Revival { tries: 0, due: None }));
        assert_eq!(care(&unit("active", 0), None, &Retries::default(), at(1)), RevivalStep::Forget);
        let restarting = UnitView { start_queued: true, ..unit("failed", 0) };
        assert_eq!(care(&restarting, None, &Retries::default(), at(100)), RevivalStep::Forget);
    }
}
