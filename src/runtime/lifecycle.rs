//! The beginning and the end of a daemon's process: registered, started, READY; drained, stopped, ended.
use super::control;
use super::engine::{AWAY, Engine};
use super::job::What;
use super::life::Life;
use crate::contract::error::Exit;
use crate::contract::health::{Health, State};
use crate::platform::{notify, process};
use std::time::{Duration, Instant};

impl Engine<'_> {
    /// The steps from the start to READY.
    pub fn starting(&mut self) {
        if matches!(self.life, Life::Registering { .. }) {
            let registered =
                self.subscribe.is_none() || self.token.is_some() || (self.life.is_paused() && self.register());
            if !registered {
                // The start timeout is for a daemon that hangs, not for one that waits: a restart would not help it.
                notify::extend(self.pulse.turn() * 3);
                return;
            }
            self.life.begin();
            self.input(What::Start);
            if self.life.is_paused() {
                self.input(What::Pause(control::read(&self.places).reason));
            }
        }
        if self.parked.is_empty() && self.life.ready(Instant::now()) {
            self.face.state = if self.life.is_paused() { State::Paused } else { State::Running };
            if self.face.reported == Health::default() {
                self.face.reported = Health::healthy("");
            }
            tracing::info!("ready");
            self.face.refresh();
            notify::ready(self.face.line());
            self.face.reporter().started();
            process::trim();
        } else {
            notify::extend(self.pulse.turn() * 3);
        }
    }

    /// A paused daemon has its place in the log too.
    fn register(&mut self) -> bool {
        let Some(subscribe) = &self.subscribe else { return true };
        self.pulse.work();
        match self.outbound.register(subscribe) {
            Ok(()) => {
                self.router_away = None;
                true
            }
            Err(why) => {
                self.router_away.get_or_insert_with(|| (Instant::now(), String::new())).1 = why;
                false
            }
        }
    }

    /// After SIGTERM: what was begun is ended, then Stop is handled, then the process ends; late in the time allowed it
    /// ends without: what is not settled is delivered again.
    pub fn draining(&mut self, since: Instant) {
        let allowed = Duration::from_secs(u64::from(self.config.runtime.shutdown_timeout));
        // A peer that is away is not waited for: what is not settled comes again.
        let patience = if self.face.troubles.peer.is_some() { (allowed / 2).min(AWAY) } else { allowed / 2 };
        if (self.parked.is_empty() || since.elapsed() > patience)
            && self.life.stop()
            && self.life.ready_since().is_some()
        {
            self.input(What::Stop);
        }
        if matches!(self.life, Life::Stopping { .. }) && (self.parked.is_empty() || since.elapsed() > patience * 3 / 2)
        {
            if let Some(job) = self.parked.first() {
                tracing::warn!(input = job.id, "stopping before this input is handled; it will be delivered again");
            }
            if let Err(error) = self.file.finish() {
                tracing::warn!(%error, "cannot record what is acknowledged; it is sent again after the next start");
            }
            self.face.state = State::Stopped;
            self.face.refresh();
            self.pulse.work();
            if self.life.ready_since().is_some() {
                let patience = if self.face.troubles.peer.is_some() { (allowed / 8).min(AWAY) } else { allowed / 8 };
                self.face.reporter().stopped("SIGTERM", patience);
            }
            tracing::info!("stopped");
            self.life.end(Exit::Ok);
        }
    }
}
