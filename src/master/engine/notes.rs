//! The engine's dealings with the hubs: subscriptions and spooled events at the router, orders and leases of the
//! coordinator.
use super::super::jobs::Action;
use super::super::link::{self, FromCoordinator};
use super::{Engine, JOB_UNITS, JOBS_SLICE, Note, OWN_UNIT};
use crate::contract::notice::Notice;
use crate::platform::clock;
use crate::platform::notices::Notices;
use crate::platform::report;
use crate::platform::systemd::{LOST, ServiceError, ServiceManager};
use std::cell::Cell;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// Between tries to register: first and longest.
const REGISTER_DELAYS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// The coordinator's account is compared with the units at least this often.
const LEASE_CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// Before a start that contradicted a stop is tried again; a slice is gone in less.
const CONFLICT_RETRY_DELAY: Duration = Duration::from_millis(200);
/// So long after a claim had no unit; its order comes in less, unless it is lost.
const CLAIM_GRACE: Duration = Duration::from_secs(10);

impl<S: ServiceManager + 'static> Engine<S> {
    /// Registers the subscriptions, again whenever the router was restarted: its database may be another.
    pub(super) fn tend_router(&mut self) {
        let run = self.world().units.get("ringrift-event-router.service").and_then(|u| u.invocation_id.clone());
        let r = &mut self.registration;
        let again = r.done && run.is_some() && run != r.router_run;
        let due = !r.done && r.not_before.is_none_or(|at| Instant::now() >= at);
        if r.under_way || !(again || due) {
            return;
        }
        (r.under_way, r.router_run) = (true, run);
        let (socket, notes) = (self.settings.router.clone(), self.notes.clone());
        tokio::task::spawn_blocking(move || {
            drop(notes.send(Note::Registered(link::register(&socket).map_err(|e| e.to_string()))));
        });
    }

    fn registered(&mut self, outcome: Result<usize, String>) {
        let r = &mut self.registration;
        r.under_way = false;
        match outcome {
            Ok(count) => {
                let first = !std::mem::replace(&mut r.done, true);
                r.tries = 0;
                if first {
                    tracing::info!("all {count} declared subscriptions registered");
                    self.announce();
                }
                self.world().problems.remove("subscriptions");
                self.empty_spool();
            }
            Err(why) => {
                if r.tries == 0 {
                    tracing::warn!("cannot register the subscriptions yet ({why}); retrying");
                }
                let wait = (REGISTER_DELAYS.0 * 2u32.pow(r.tries.min(6))).min(REGISTER_DELAYS.1);
                r.tries += 1;
                // Once they stood they stand on disk; a router that is away for a moment changes nothing.
                r.not_before = Some(Instant::now() + wait);
                if !r.done {
                    self.world().problems.insert("subscriptions", format!("subscriptions are not registered: {why}"));
                }
            }
        }
    }

    /// Tells the others that this node is here, now that nobody misses it.
    fn announce(&self) {
        let (router, node) = (self.settings.router.clone(), self.node.clone());
        tokio::task::spawn_blocking(move || {
            if let Err(error) = link::say_online(&router, &node) {
                tracing::warn!("cannot publish HOST_ONLINE: {error}");
            }
        });
    }

    /// Publishes what the failure handler could not.
    pub fn empty_spool(&self) {
        if !self.registration.stands() {
            return;
        }
        let (spool, router, notes) = (self.settings.spool.clone(), self.settings.router.clone(), self.notes.clone());
        tokio::task::spawn_blocking(move || {
            drop(notes.send(Note::Spooled(
                report::publish_kept(&spool, &router, link::RPC_TIMEOUT).map_err(|e| e.to_string()),
            )));
        });
    }

    /// Shows the notices among the problems, and publishes those of databases once.
    pub fn tell_notices(&self) {
        let notices = Notices::at(&self.settings.notices).read();
        let first = notices.first().map(|n| match notices.len() {
            1 => format!("{}; to confirm: {}", n.what, n.next),
            more => format!("{}; to confirm: {} (and {} more, see `ringrift database list`)", n.what, n.next, more - 1),
        });
        match first {
            Some(text) => drop(self.world().problems.insert("notices", text)),
            None => drop(self.world().problems.remove("notices")),
        }
        if !self.registration.stands() {
            return;
        }
        let (router, node, told) = (self.settings.router.clone(), self.node.clone(), self.told_notices.clone());
        let known = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fresh: Vec<Notice> = notices.into_iter().filter(|n| !known.contains(&(n.id.clone(), n.since_us))).collect();
        if fresh.is_empty() {
            return;
        }
        tokio::task::spawn_blocking(move || {
            for notice in fresh {
                match link::say_notice(&router, &node, &notice) {
                    Ok(()) => {
                        told.lock().unwrap_or_else(PoisonError::into_inner).insert((notice.id, notice.since_us));
                    }
                    Err(error) => tracing::info!("cannot publish notice {} yet: {error}", notice.id),
                }
            }
        });
    }

    /// Takes orders from the moment on when events have their readers; compares leases and units from time to time.
    pub(super) fn tend_coordinator(&mut self) {
        if !self.following_orders && self.registration.stands() {
            let notes = self.notes.clone();
            let tell = move |from| notes.send(Note::Coordinator(from)).is_ok();
            match link::follow_orders(self.settings.coordinator.clone(), self.node.clone(), tell) {
                Ok(()) => self.following_orders = true,
                Err(error) => tracing::error!("cannot start a thread for the coordinator's orders ({error}); retrying"),
            }
        }
        let overdue = self.jobs.overdue(clock::awake());
        self.act(overdue);
        let pause = if self.jobs.is_in_doubt() { CLAIM_GRACE } else { LEASE_CHECK_INTERVAL };
        if self.leases_checked.is_some_and(|at| at.elapsed() >= pause) {
            self.check_leases();
        }
    }

    /// Looks at the units, asks for the leases, looks again.
    pub(super) fn check_leases(&mut self) {
        self.leases_checked = Some(Instant::now());
        let (services, notes) = (self.services.clone(), self.notes.clone());
        let (socket, node) = (self.settings.coordinator.clone(), self.node.clone());
        tokio::task::spawn_local(async move {
            let Ok(before) = services.list(&[JOB_UNITS]).await else { return };
            let items = match tokio::task::spawn_blocking(move || link::leased(&socket, &node)).await {
                Ok(Ok(items)) => items,
                Ok(Err(error)) => return tracing::warn!("cannot compare leases with units ({error}); retrying"),
                Err(_) => return,
            };
            let Ok(after) = services.list(&[JOB_UNITS]).await else { return };
            drop(notes.send(Note::Leases { before, items, after }));
        });
    }

    /// Something came back.
    pub async fn note(&mut self, note: Note) {
        let now = clock::awake();
        let actions = match note {
            Note::Ended { daemon, what, result } => {
                self.ended(daemon, what, &result);
                Vec::new()
            }
            Note::Registered(outcome) => {
                self.registered(outcome);
                Vec::new()
            }
            Note::Spooled(outcome) => {
                match outcome {
                    Ok(0) => {}
                    Ok(count) => {
                        tracing::info!(
                            "published {} from the spool",
                            crate::contract::text::count(count as u64, "failure report")
                        )
                    }
                    Err(why) => tracing::warn!("cannot publish the spooled failure reports ({why}); retrying"),
                }
                Vec::new()
            }
            Note::Coordinator(FromCoordinator::Up) => {
                tracing::info!("connected to the coordinator");
                self.world().problems.remove("coordinator");
                self.check_leases();
                Vec::new()
            }
            Note::Coordinator(FromCoordinator::Down(why)) => {
                self.world().problems.insert("coordinator", format!("not connected to the coordinator: {why}"));
                Vec::new()
            }
            Note::Coordinator(FromCoordinator::Order(order)) => self.jobs.order(&order, now),
            Note::JobStarted { unit, token, outcome } => {
                self.dirty.insert(unit.clone());
                self.jobs.started(&unit, token, outcome, now)
            }
            Note::JobPostponed { unit, token } => {
                self.jobs.postponed(&unit, token);
                Vec::new()
            }
            Note::JobAgain { unit, token, limits } if self.jobs.is_starting(&unit, token) => {
                vec![Action::Start { unit, token, limits }]
            }
            // Stopped or replaced meanwhile.
            Note::JobAgain { .. } | Note::Folder => Vec::new(),
            Note::JobStopped { unit } => {
                self.dirty.insert(unit);
                Vec::new()
            }
            Note::Leases { before, items, after } => self.jobs.reconcile(&before, &items, &after, now),
        };
        self.act(actions);
    }

    /// Does what the job table says. Nothing here waits: a job's start takes a few milliseconds beside the loop's turn.
    pub(super) fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Report(report) => {
                    tracing::debug!("job {}: {:?} {}", report.job_id, report.outcome, report.detail);
                    // The receiving thread lives as long as the process.
                    drop(self.reports.send(report));
                }
                Action::Reset { unit } => {
                    let services = self.services.clone();
                    tokio::task::spawn_local(async move {
                        // A unit that systemd has collected already has nothing to reset.
                        drop(services.reset_failed(&unit).await);
                    });
                }
                Action::Start { unit, token, limits } => {
                    let (services, notes) = (self.services.clone(), self.notes.clone());
                    let draining = self.draining.clone();
                    tokio::task::spawn_local(async move {
                        let note = match start_job(&*services, &unit, &limits, &draining).await {
                            Err(ServiceError::Conflict { .. })
                                if is_ending(&*services, &draining).await.unwrap_or(false) =>
                            {
                                Note::JobPostponed { unit, token }
                            }
                            // The bus went away: whether the start was heard is found out by asking again.
                            Err(ServiceError::Conflict { .. } | ServiceError::Unreachable { .. }) => {
                                tokio::time::sleep(CONFLICT_RETRY_DELAY).await;
                                Note::JobAgain { unit, token, limits }
                            }
                            Err(error) => Note::JobStarted { unit, token, outcome: Err(error.to_string()) },
                            Ok(word) if word == LOST => {
                                tokio::time::sleep(CONFLICT_RETRY_DELAY).await;
                                Note::JobAgain { unit, token, limits }
                            }
                            Ok(word) if word == "done" => Note::JobStarted { unit, token, outcome: Ok(()) },
                            Ok(word) => {
                                Note::JobStarted { unit, token, outcome: Err(format!("start failed with {word:?}")) }
                            }
                        };
                        drop(notes.send(note));
                    });
                }
                Action::Kill { unit } => {
                    let (services, notes, killing) = (self.services.clone(), self.notes.clone(), self.killing.clone());
                    // An emergency halt orders one kill a job; each would ask polkit twice, and one kill of the slice
                    // is for all.
                    let first = !killing.replace(true);
                    tokio::task::spawn_local(async move {
                        if first {
                            for outcome in [services.kill(JOBS_SLICE).await, services.stop(JOBS_SLICE).await.map(drop)]
                            {
                                match outcome {
                                    Ok(()) | Err(ServiceError::NoSuchUnit { .. }) => {}
                                    Err(error) => tracing::warn!("{error}"),
                                }
                            }
                            killing.set(false);
                        }
                        drop(notes.send(Note::JobStopped { unit }));
                    });
                }
                Action::Stop { unit } => {
                    let (services, notes) = (self.services.clone(), self.notes.clone());
                    tokio::task::spawn_local(async move {
                        match services.stop(&unit).await {
                            Ok(queued) => drop(queued.result().await),
                            Err(ServiceError::NoSuchUnit { .. }) => {}
                            Err(error) => tracing::warn!("{error}"),
                        }
                        drop(notes.send(Note::JobStopped { unit }));
                    });
                }
            }
        }
    }
}

/// Whether the suite stops.
async fn is_ending<S: ServiceManager>(services: &S, draining: &Cell<bool>) -> Result<bool, ServiceError> {
    Ok(services.is_stopping(OWN_UNIT).await? || draining.get())
}

async fn start_job<S: ServiceManager>(
    services: &S,
    unit: &str,
    limits: &crate::platform::systemd::UnitLimits,
    draining: &Cell<bool>,
) -> Result<String, ServiceError> {
    services.set_limits(unit, limits).await?;
    // A job brings up the sockets that it wants, also behind a stop of the suite that has taken them down already.
    if is_ending(services, draining).await? {
        return Err(ServiceError::Conflict {
            operation: "starting",
            unit: unit.into(),
            why: "the suite is stopping".into(),
        });
    }
    Ok(services.start_if_free(unit).await?.result().await)
}
