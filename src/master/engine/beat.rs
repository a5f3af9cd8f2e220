//! What the engine writes for others in each turn: the heartbeat, its own status file, the list of failed daemons.
use super::super::control;
use super::super::world::Row;
use super::{Engine, HEARTBEAT_INTERVAL};
use crate::contract::health::{Health, State, StatusFile};
use crate::contract::master::{FailedDaemons, MasterView};
use crate::platform::clock;
use crate::platform::replace::{Outlives, replace};
use crate::platform::systemd::ServiceManager;
use std::time::{Duration, Instant};

impl<S: ServiceManager + 'static> Engine<S> {
    /// Those that depend on a failed daemon say so.
    pub(super) fn tell_failed(&mut self, rows: &[Row]) {
        let failed = rows
            .iter()
            .filter(|row| matches!(row.found.state, State::Failed | State::CannotStart) && row.unit.is_some());
        let failed = FailedDaemons { failed: failed.map(|row| row.daemon.name().to_owned()).collect() };
        if self.failed_told.as_ref() == Some(&failed) {
            return;
        }
        match control::write_failed(&self.settings.control(), &failed) {
            Ok(()) => self.failed_told = Some(failed),
            Err(error) => tracing::warn!("cannot report failed daemons to those that depend on them: {error}"),
        }
    }

    pub(super) fn beat(&mut self) {
        let iteration = {
            let mut world = self.world();
            world.iteration += 1;
            world.beat = Instant::now();
            world.iteration
        };
        // A storm of signals shall not become a storm of disk syncs.
        self.clock.look(clock::now(), clock::boot());
        let longest = Duration::from_secs(self.world().config.master.interval.into()).min(HEARTBEAT_INTERVAL);
        if self.last_beat.is_some_and(|last| last.elapsed() < longest) {
            self.report_wishes();
            return;
        }
        self.last_beat = Some(Instant::now());
        let written = self.store.beat(iteration, clock::now());
        if let Err(error) = self.report() {
            tracing::warn!("cannot write status.json: {error}");
        }
        let mut world = self.world();
        match written {
            Ok(()) => drop(world.problems.remove("database")),
            Err(error) => {
                tracing::error!("writing the heartbeat to master.db: {error}");
                world.problems.insert("database", format!("cannot write master.db: {error}"));
            }
        }
    }

    /// What is wanted of daemons, and what restarts were seen, is told at once: who looks shall not see a daemon down
    /// and not know that somebody stopped it.
    fn report_wishes(&mut self) {
        let (wishes, restarts) = (self.world().wishes(), self.restarts.report());
        if self.reported_wishes == wishes && self.reported_restarts == restarts {
            return;
        }
        match self.report() {
            Ok(()) => (self.reported_wishes, self.reported_restarts) = (wishes, restarts),
            Err(error) => tracing::warn!("cannot write status.json: {error}"),
        }
    }

    /// What the master says about itself, for those who look while it is away.
    fn report(&self) -> std::io::Result<()> {
        let report = {
            let world = self.world();
            let health = world.health(clock::now());
            let (profile, jobs) = (world.profile, world.jobs.len());
            let view = MasterView {
                health: health.clone(),
                interval: world.config.master.interval,
                wishes: world.wishes(),
                troubles: world.problems.iter().map(|(topic, text)| ((*topic).to_owned(), text.clone())).collect(),
                restarts: Some(self.restarts.report()),
                clock_jump: self.clock.jump(clock::now()),
            };
            StatusFile {
                daemon: "MASTER".into(),
                state: State::Running,
                health: match health.problems.join("; ") {
                    none if none.is_empty() => Health::healthy(format!("profile {profile}")),
                    problems => Health::degraded(problems),
                },
                last: format!("profile {profile}, jobs: {jobs}, iteration {}", health.loop_iteration),
                time_us: clock::now().us(),
                valid_for: 2 * world.config.master.interval,
                config: Some(world.taken.said().clone()),
                idle: None,
                snapshot: serde_json::to_value(&view)?,
            }
        };
        let dir = self.settings.run.join("master");
        std::fs::create_dir_all(&dir)?;
        replace(&dir.join("status.json"), &serde_json::to_vec(&report)?, 0o644, Outlives::Kill)
    }
}
