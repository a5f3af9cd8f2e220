//! The engine's care for daemons: starts what shall run, brings failed hubs back, resets the delays of what runs well.
use super::{Engine, HUBS, Note, STOPPING, Signal};
use crate::contract::age::has_passed;
use crate::contract::registry::{DaemonType, Hub, built};
use crate::contract::time::{Span, Wall};
use crate::coordination::reconcile::{Past, Step, step};
use crate::platform::clock;
use crate::platform::systemd::{Queued, ServiceError, ServiceManager};

/// A failed hub is brought back at most this often.
const HUB_RETRY: Span = Span::of_secs(60);

impl<S: ServiceManager + 'static> Engine<S> {
    /// Starts, holds or leaves alone what shall run and does not.
    pub(super) async fn reconcile(&mut self) {
        let now = clock::now();
        let steps: Vec<(DaemonType, Step)> = {
            let mut world = self.world();
            let hubs: Vec<_> =
                HUBS.iter().filter_map(|(hub, _)| Some((*hub, world.units.get(hub.socket_unit())?))).collect();
            let registered = self.registration.stands();
            let decide = |daemon: DaemonType| {
                let past = self.past.get(&daemon).copied().unwrap_or_default();
                Some((daemon, step(daemon.spec(), world.unit(daemon)?, &past, &hubs, registered, now)))
            };
            let steps: Vec<_> = world.desired().into_iter().filter_map(decide).collect();
            world.held.clear();
            for (daemon, step) in &steps {
                if let Step::Hold(why) = step {
                    world.held.insert(*daemon, why.clone());
                }
            }
            steps
        };
        self.forget_failed();
        let active: Vec<(DaemonType, Option<Wall>)> = {
            let world = self.world();
            let since =
                |d: DaemonType| world.unit(d).filter(|u| u.is_active()).map(|u| (d, u.since_us.map(Wall::of_us)));
            built().filter_map(|s| since(s.daemon)).collect()
        };
        for (daemon, since) in active {
            let past = self.past.entry(daemon).or_default();
            *past = Past { up: since.or(past.up).or(Some(now)), attempts: 0, asked: None, ..*past };
            self.world().outside.remove(&daemon);
        }
        let wanted = steps.iter().any(|(_, step)| matches!(step, Step::Start | Step::LeftAlone));
        // While systemd takes the whole suite down nobody has stopped a single daemon, and nothing may be started
        // against it. Its stop of us is queued together with the stops that are seen here, so one look at the queue is
        // enough.
        if !wanted || self.is_suite_stopping().await {
            return;
        }
        for (daemon, step) in steps {
            match step {
                Step::Start => {
                    let queued = self.services.start_if_free(&daemon.unit()).await;
                    if let Ok(queued) = self.asked(daemon, queued) {
                        self.await_end(daemon, "starting", queued);
                    }
                }
                Step::LeftAlone => {
                    tracing::info!(
                        "{daemon} was stopped, but not by the master; it stays stopped until somebody starts it"
                    );
                    self.world().outside.insert(daemon);
                }
                Step::Nothing | Step::Hold(_) => {}
            }
        }
    }

    pub(super) async fn is_suite_stopping(&self) -> bool {
        // If systemd cannot be asked, nothing is concluded; the next turn asks again.
        self.services.is_stopping(super::OWN_UNIT).await.unwrap_or(true)
    }

    /// Remembers that systemd was asked for a start.
    pub(super) fn asked(
        &mut self,
        daemon: DaemonType,
        queued: Result<Queued, ServiceError>,
    ) -> Result<Queued, ServiceError> {
        if let Err(error) = &queued {
            tracing::warn!("{error}");
        }
        let past = self.past.entry(daemon).or_default();
        let attempts = past.attempts.saturating_add(1);
        *past = Past { pending: queued.is_ok(), asked: Some(clock::now()), attempts, up: None };
        queued
    }

    /// Tells the loop when systemd is through with a job; until then the daemon is on its way and nothing is concluded
    /// from its state.
    pub(super) fn await_end(&mut self, daemon: DaemonType, what: &'static str, queued: Queued) {
        self.past.entry(daemon).or_default().pending = true;
        let notes = self.notes.clone();
        tokio::task::spawn_local(async move {
            let result = queued.result().await;
            drop(notes.send(Note::Ended { daemon, what, result }));
        });
    }

    /// A daemon's job ended.
    pub(super) fn ended(&mut self, daemon: DaemonType, what: &'static str, result: &str) {
        let past = self.past.entry(daemon).or_default();
        past.pending = false;
        if what == STOPPING {
            // It went down because we stopped it. Somebody who wants it again meanwhile gets it, and it was not stopped
            // behind our back.
            past.up = None;
        }
        if (what, result) == ("starting", "canceled") {
            // Somebody stopped it on its way up, which is as good as stopping it afterwards.
            past.up = Some(clock::now());
        }
        self.dirty.insert(daemon.unit());
        if matches!(result, "done" | "canceled") {
            tracing::debug!("{what} {daemon}: {result}");
        } else {
            tracing::warn!("{what} {daemon} ended with {result:?}");
        }
    }

    /// A new wish: what was tried before does not count.
    pub(super) fn forget_past(&mut self, daemon: DaemonType) {
        let pending = self.past.get(&daemon).is_some_and(|p| p.pending);
        self.past.insert(daemon, Past { pending, ..Past::default() });
        self.world().outside.remove(&daemon);
    }

    /// A hub whose socket has failed is reset and started again, at most once a minute, and shown.
    pub(super) async fn tend_hubs(&mut self) {
        let now = clock::now();
        let failed: Vec<_> = {
            let mut world = self.world();
            let is_failed = |unit: &str| world.units.get(unit).is_some_and(|u| u.active_state == "failed");
            // The catalog's belongs to a daemon that may be stopped.
            let desired = world.desired();
            let may_run =
                |hub: Hub| built().find(|s| s.serves == Some(hub)).is_none_or(|s| desired.contains(&s.daemon));
            let failed: Vec<_> =
                HUBS.into_iter().filter(|(hub, _)| may_run(*hub) && is_failed(hub.socket_unit())).collect();
            match failed.iter().map(|(hub, _)| hub.socket_unit()).collect::<Vec<_>>().join(", ") {
                none if none.is_empty() => drop(world.problems.remove("hubs")),
                names => drop(world.problems.insert("hubs", format!("{names} failed; retrying every minute"))),
            }
            failed
        };
        if failed.is_empty() || self.is_suite_stopping().await {
            return;
        }
        for (hub, service) in failed {
            let socket = hub.socket_unit();
            // One whose service fails for a reason that a restart does not fix is tried as rarely as the service.
            let recently = self.hub_retried.get(socket).is_some_and(|last| !has_passed(*last, HUB_RETRY, now));
            // Where the service runs without its socket, `tend_sockets` restarts it.
            if recently || self.is_unit_up(service) || self.waits_for_revival(service) {
                continue;
            }
            self.hub_retried.insert(socket, now);
            tracing::warn!("{socket} failed; restarting it and {service}");
            self.start_anew(&[socket, service]).await;
        }
    }

    /// Forgets the failures of units and starts them, in this order.
    pub(super) async fn start_anew(&mut self, units: &[&str]) {
        for unit in units {
            if let Err(error) = self.services.reset_failed(unit).await {
                tracing::warn!("{error}");
            }
        }
        for unit in units {
            if let Err(error) = self.services.start(unit).await {
                tracing::warn!("{error}");
            }
            self.dirty.insert((*unit).to_owned());
        }
    }

    /// What was ready long enough since its last restart gets its first delay and all its restarts back.
    pub(super) async fn reset_delays(&mut self) {
        let now = clock::now();
        let due: Vec<(String, String)> = {
            let world = self.world();
            let after = Span::of_secs(world.config.master.reset_after.into());
            let is_due = |u: &&crate::contract::host::UnitView| {
                u.is_active()
                    && u.restarts.is_some_and(|n| n > 0)
                    && u.since_us.is_some_and(|since| now - Wall::of_us(since) >= after)
            };
            let named = |u: &crate::contract::host::UnitView| Some((u.name.clone(), u.invocation_id.clone()?));
            world.units.values().filter(is_due).filter_map(named).collect()
        };
        for (unit, run) in due {
            if self.reset.get(&unit) == Some(&run) {
                continue;
            }
            match self.services.reset_failed(&unit).await {
                Ok(()) => tracing::info!("{unit} has been ready long enough: restart delay reset"),
                Err(error) => tracing::warn!("{error}"),
            }
            self.dirty.insert(unit.clone());
            self.reset.insert(unit, run);
        }
    }

    /// Whether a unit is up, by the last look.
    pub(super) fn is_unit_up(&self, unit: &str) -> bool {
        self.world().units.get(unit).is_some_and(|u| u.is_up())
    }

    /// Tells that a profile was applied.
    pub(super) fn tell_profile(&self, profile: &'static str, who: &str) {
        self.signal(Signal::Profile(profile, who.into()));
    }
}
