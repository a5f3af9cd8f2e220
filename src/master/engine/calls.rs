//! The engine's answers to those who want something changed.
use super::super::calls::{Answer, Call, ChangeRequest, Error, NO_FORMER, Outcome};
use super::super::control;
use super::super::store::{Standing, StoreFault, Wanted};
use super::{Engine, HUBS, Note, OWN_UNIT, STOPPING};
use crate::contract::master::{Control, Plan};
use crate::contract::registry::{DaemonType, Hub, closure, stop_order};
use crate::contract::text::Line;
use crate::coordination::plan;
use crate::coordination::reconcile::Past;
use crate::platform::clock;
use crate::platform::notices::Notices;
use crate::platform::systemd::{LOST, Queued, ServiceError, ServiceManager};
use std::time::{Duration, Instant};

fn database(error: StoreFault) -> Error {
    Error::Unavailable(format!("cannot write master.db ({error}); nothing was changed").into())
}

/// A reload that systemd was asked for so long ago does not come any more.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(10);

impl<S: ServiceManager + 'static> Engine<S> {
    /// Carries out one call. Answers that need systemd's result come later; the loop does not wait for them.
    pub async fn call(&mut self, call: Call) {
        let Call { ask, who, reply } = call;
        tracing::info!("{who} asks for {ask}");
        match ask {
            ChangeRequest::Apply(profile) => {
                let answer = self.apply(Standing::of(profile), &who).await.map(Answer::Plan);
                Self::answer(reply, answer);
            }
            ChangeRequest::Undo => {
                let former = self.world().former.clone();
                let answer = match former {
                    Some(former) => self.apply(former, &who).await.map(Answer::Plan),
                    None => Err(Error::InvalidArgument(NO_FORMER.into())),
                };
                Self::answer(reply, answer);
            }
            ChangeRequest::Pause(daemon, reason) => {
                Self::answer(reply, self.pause(daemon, reason, &who).map(|()| Answer::Done))
            }
            ChangeRequest::Resume(daemon) => Self::answer(reply, self.resume(daemon).map(|()| Answer::Done)),
            ChangeRequest::Confirm(id) => Self::answer(reply, self.confirm(&id)),
            // What the one under way has read may be older than this caller's change: one more follows it, for all who
            // ask meanwhile.
            ChangeRequest::Reload if self.is_reload_under_way() => match (self.load)() {
                Ok(_) => self.reload_next.push(reply),
                Err(why) => Self::answer(reply, Err(Error::InvalidConfig(why.into()))),
            },
            ChangeRequest::Reload => match self.reload_all().await {
                // Answered when the loop has reloaded.
                Ok(true) => self.reloading.push(reply),
                Ok(false) => Self::answer(reply, Ok(Answer::Done)),
                Err(error) => Self::answer(reply, Err(error)),
            },
            ChangeRequest::Start(daemons) => self.each(self.with_dependencies(&daemons), "starting", &who, reply).await,
            ChangeRequest::Stop(daemons) => self.each(stop_order(&daemons), "stopping", &who, reply).await,
            ChangeRequest::Restart(daemons) => {
                self.each(self.with_dependencies(&daemons), "restarting", &who, reply).await
            }
        }
    }

    /// Removes a notice.
    fn confirm(&self, id: &str) -> Result<Answer, Error> {
        match Notices::at(&self.settings.notices).remove(id) {
            Ok(true) => {
                self.tell_notices();
                Ok(Answer::Done)
            }
            Ok(false) => Err(Error::InvalidArgument(format!("no notice {id}").into())),
            Err(error) => Err(Error::Unavailable(format!("removing the notice {id}: {error}").into())),
        }
    }

    /// Makes this what is wanted: stops what is not; the turn that follows starts what is.
    pub async fn apply(&mut self, to: Standing, who: &str) -> Result<Plan, Error> {
        let profile = to.profile;
        self.look_at_all();
        self.look().await.map_err(|e| Error::Unavailable(e.to_string().into()))?;
        let (plan, former) = {
            let world = self.world();
            (world.plan_back(&to), world.standing())
        };
        // Applied once more, it is still what was wanted before it that one wants back.
        let former = Some(former).filter(|former| *former != to);
        self.store.set_profile(&to, former.as_ref(), who, clock::now()).map_err(database)?;
        {
            let mut world = self.world();
            world.profile = profile;
            world.overrides = to.overrides;
            world.outside.clear();
            world.former = former.or(world.former.take());
        }
        // What systemd is at it brings to its end, whatever is wanted now.
        self.past.values_mut().for_each(|past| *past = Past { pending: past.pending, ..Past::default() });
        self.revivals.clear();
        for daemon in plan.stop.iter().filter_map(|name| DaemonType::parse(name).ok()) {
            match self.services.stop(&daemon.unit()).await {
                Ok(queued) => self.await_end(daemon, STOPPING, queued),
                Err(error) => tracing::warn!("{error}"),
            }
        }
        for daemon in plan.start.iter().filter_map(|name| DaemonType::parse(name).ok()) {
            self.clear_failure(daemon).await;
        }
        self.tell_profile(profile.name(), who);
        tracing::info!(
            "{who} applied profile {profile}: {} to start, {} to stop, {} unchanged",
            plan.start.len(),
            plan.stop.len(),
            plan.stay.len()
        );
        Ok(plan)
    }

    /// At the master's start: what failed before gets another chance if somebody started the suite, none if only the
    /// master itself was restarted after a failure.
    pub async fn welcome(&mut self, start: &[String]) {
        let restarted = self.world().units.get(OWN_UNIT).and_then(|u| u.restarts).is_some_and(|n| n > 0);
        if restarted {
            return;
        }
        for daemon in start.iter().filter_map(|name| DaemonType::parse(name).ok()) {
            self.clear_failure(daemon).await;
        }
    }

    /// A failed unit would refuse a start that its limit does not allow.
    async fn clear_failure(&mut self, daemon: DaemonType) {
        let unit = daemon.unit();
        let failed = self.world().units.get(&unit).is_some_and(|u| u.active_state == "failed");
        if failed {
            if let Err(error) = self.services.reset_failed(&unit).await {
                tracing::warn!("{error}");
            }
            self.dirty.insert(unit);
        }
    }

    /// Daemons and what they depend on, in start order; without what is up, what a person has stopped, and what the
    /// configuration keeps out.
    fn with_dependencies(&self, daemons: &[DaemonType]) -> Vec<DaemonType> {
        let world = self.world();
        let free = |d: &DaemonType| {
            let up = world.unit(*d).is_some_and(|unit| unit.is_up());
            !up && !world.is_stopped_by_hand(*d) && plan::disabled(&world.config, *d).is_none()
        };
        closure(daemons).into_iter().filter(|d| daemons.contains(d) || (d.spec().is_built() && free(d))).collect()
    }

    /// Starts, stops or restarts each; answers when systemd is through with all.
    async fn each(&mut self, daemons: Vec<DaemonType>, what: &'static str, who: &str, reply: Reply) {
        let mut waiting: Vec<(DaemonType, Result<Queued, ServiceError>, Option<String>)> = Vec::new();
        let mut outcomes: Vec<Outcome> = Vec::new();
        for daemon in daemons {
            let refused = if what == "stopping" { None } else { plan::refused(&self.world().config, daemon) };
            if let Some(why) = refused {
                outcomes.push((daemon.name().to_owned(), "refused".to_owned(), why.into()));
                continue;
            }
            if let Err(error) = self.wish(daemon, what != "stopping", who) {
                return Self::answer(reply, Err(error));
            }
            self.forget_past(daemon);
            self.forget_revival(daemon);
            let (queued, hint) = match what {
                "stopping" => (self.services.stop(&daemon.unit()).await, self.listening(daemon)),
                "restarting" => {
                    self.clear_failure(daemon).await;
                    (self.services.restart(&daemon.unit()).await, None)
                }
                _ => {
                    self.clear_failure(daemon).await;
                    let queued = self.services.start(&daemon.unit()).await;
                    (self.asked(daemon, queued), None)
                }
            };
            self.past.entry(daemon).or_default().pending |= queued.is_ok();
            waiting.push((daemon, queued, hint));
        }
        let notes = self.notes.clone();
        tokio::task::spawn_local(async move {
            for (daemon, queued, hint) in waiting {
                let (result, text) = match queued {
                    Ok(queued) => {
                        let result = queued.result().await;
                        drop(notes.send(Note::Ended { daemon, what, result: result.clone() }));
                        let text = describe(daemon, &result);
                        (result, text)
                    }
                    Err(error) => ("refused".to_owned(), error.to_string()),
                };
                let text =
                    [Some(text), hint].into_iter().flatten().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("; ");
                outcomes.push((daemon.name().to_owned(), result, text.into()));
            }
            Self::answer(reply, Ok(Answer::Outcomes(outcomes)));
        });
    }

    /// Remembers what an operator wants of one daemon.
    fn wish(&mut self, daemon: DaemonType, up: bool, who: &str) -> Result<(), Error> {
        let in_profile = {
            let world = self.world();
            plan::wanted(world.profile, &world.config).contains(&daemon)
        };
        let wanted = match (up, in_profile) {
            (true, false) => Some(Wanted::Started),
            (false, true) => Some(Wanted::Stopped),
            _ => None,
        };
        self.store.set_override(daemon, wanted, who, clock::now()).map_err(database)?;
        let mut world = self.world();
        match wanted {
            Some(wanted) => drop(world.overrides.insert(daemon, (wanted, who.to_owned()))),
            None => drop(world.overrides.remove(&daemon)),
        }
        Ok(())
    }

    /// A hub's service comes back with the next client as long as its socket listens.
    fn listening(&self, daemon: DaemonType) -> Option<String> {
        let (hub, _) = HUBS.into_iter().find(|(_, service)| *service == daemon.unit())?;
        let socket = hub.socket_unit();
        // The catalog's goes with its service.
        (hub != Hub::Catalog && self.is_unit_up(socket))
            .then(|| format!("{socket} is still active, so the next client starts the daemon again"))
    }

    fn pause(&mut self, daemon: DaemonType, reason: Line, who: &str) -> Result<(), Error> {
        let control = Control { paused: true, reason: reason.into(), who: who.to_owned(), when_us: clock::now() };
        self.store.set_paused(daemon, Some(&control)).map_err(database)?;
        self.world().paused.insert(daemon, control.clone());
        let dir = self.settings.control();
        control::write(&dir, daemon, &control).map_err(|e| {
            Error::Unavailable(
                format!("writing {}: {e}; the change is stored and written at the next start", dir.display()).into(),
            )
        })
    }

    fn resume(&mut self, daemon: DaemonType) -> Result<(), Error> {
        self.store.set_paused(daemon, None).map_err(database)?;
        self.world().paused.remove(&daemon);
        let dir = self.settings.control();
        control::remove(&dir, daemon)
            .map_err(|e| Error::Unavailable(format!("removing a file in {}: {e}", dir.display()).into()))
    }

    /// Checks the configuration, then has systemd reload us and with us every daemon; without a unit only ourselves.
    /// True: it continues.
    async fn reload_all(&mut self) -> Result<bool, Error> {
        (self.load)().map_err(|why| Error::InvalidConfig(why.into()))?;
        if self.is_unit_up(OWN_UNIT) {
            // systemd answers with the job; its result comes when we have reloaded, so nobody may wait for it here.
            self.reload_asked = Some(Instant::now());
            self.services.reload(OWN_UNIT).await.map(|_| true).map_err(|e| Error::Unavailable(e.to_string().into()))
        } else {
            self.reload().await.map(|()| false).map_err(|why| Error::InvalidConfig(why.into()))
        }
    }

    /// Whether systemd was asked for a reload that has not reached us. One that never does is not waited for.
    fn is_reload_under_way(&self) -> bool {
        !self.reloading.is_empty() && self.reload_asked.is_some_and(|at| at.elapsed() < RELOAD_TIMEOUT)
    }

    /// Told to reload: does so, and answers who asked for it.
    pub async fn reload_and_answer(&mut self) -> Result<(), String> {
        let done = self.reload().await;
        for reply in self.reloading.drain(..) {
            Self::answer(reply, done.clone().map(|()| Answer::Done).map_err(|why| Error::InvalidConfig(why.into())));
        }
        let next = std::mem::take(&mut self.reload_next);
        if !next.is_empty() {
            match self.reload_all().await {
                Ok(true) => self.reloading = next,
                Ok(false) => next.into_iter().for_each(|reply| Self::answer(reply, Ok(Answer::Done))),
                Err(error) => next.into_iter().for_each(|reply| Self::answer(reply, Err(error.clone()))),
            }
        }
        done
    }

    /// Takes over a new, valid configuration: stops what it keeps out; the turn that follows starts what it lets in.
    pub async fn reload(&mut self) -> Result<(), String> {
        let config = match (self.load)() {
            Ok(config) => config,
            Err(why) => {
                self.world().taken.refused(clock::now().us());
                return Err(why);
            }
        };
        // Who waits for the reload looks at the status file.
        self.last_beat = None;
        let (before, after) = {
            let mut world = self.world();
            let before = world.desired();
            world.taken.taken(&config, clock::now().us());
            world.config = config;
            (before, world.desired())
        };
        let out: Vec<DaemonType> = before.iter().copied().filter(|d| !after.contains(d)).collect();
        for daemon in after.iter().filter(|d| !before.contains(d)) {
            self.forget_past(*daemon);
        }
        for daemon in stop_order(&out) {
            match self.services.stop(&daemon.unit()).await {
                Ok(queued) => self.await_end(daemon, STOPPING, queued),
                Err(error) => tracing::warn!("{error}"),
            }
        }
        Ok(())
    }
}

type Reply = tokio::sync::oneshot::Sender<Result<Answer, Error>>;

fn describe(daemon: DaemonType, result: &str) -> String {
    let unit = daemon.unit();
    match result {
        "done" => String::new(),
        "canceled" => "replaced by another request".into(),
        "dependency" => format!("a unit that it requires failed; `systemctl list-dependencies {unit}` shows which"),
        LOST => "the bus connection closed before systemd had finished".into(),
        other => format!("{other}; see `journalctl -u {unit}`"),
    }
}
