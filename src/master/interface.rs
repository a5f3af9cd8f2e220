//! `org.ringrift.Master1` on D-Bus: everybody may look, polkit decides who may change. It answers questions from the
//! shared knowledge, so that it answers even when the loop hangs, and hands changes to the loop.
use super::calls::{Answer, Call, ChangeRequest, Error, NO_FORMER, Outcome};
use super::names::{self, Named};
use super::show::{self, Dict};
use super::world::World;
use crate::contract::master::ACTION_CONTROL;
use crate::contract::notice::Notice;
use crate::contract::registry::Profile;
use crate::contract::text::Line;
use crate::platform::clock;
use crate::platform::polkit::{self, Authorization};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};
use zbus::message::{Flags, Header};
use zbus::object_server::SignalEmitter;
use zbus::{Connection, interface};

/// The object at `/org/ringrift/Master1`.
pub struct Master {
    world: Arc<Mutex<World>>,
    calls: mpsc::Sender<Call>,
}

type Result<T> = std::result::Result<T, Error>;

/// An outcome as the bus has it.
type Row = (String, String, String);

fn row((daemon, result, text): Outcome) -> Row {
    (daemon, Line::from(result).into(), text.into())
}

impl Master {
    /// Answers from `world`, hands changes to `calls`.
    pub fn new(world: Arc<Mutex<World>>, calls: mpsc::Sender<Call>) -> Self {
        Master { world, calls }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks the caller, has the loop do it, waits for its answer.
    async fn change(&self, connection: &Connection, header: &Header<'_>, ask: ChangeRequest) -> Result<Answer> {
        let caller = header.sender().map(|s| s.to_string()).unwrap_or_default();
        let interactive = header.primary().flags().contains(Flags::ALLOW_INTERACTIVE_AUTH);
        if let Authorization::Refused(why) = polkit::check(connection, &caller, ACTION_CONTROL, interactive).await {
            return Err(Error::NotPermitted(why.into()));
        }
        let who = names::who(connection, &caller).await;
        let (reply, answer) = oneshot::channel();
        let stopping = || Error::Unavailable("the master is stopping".into());
        self.calls.send(Call { ask, who, reply }).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }

    async fn outcomes(
        &self,
        connection: &Connection,
        header: &Header<'_>,
        named: Named,
        ask: ChangeRequest,
    ) -> Result<Vec<Row>> {
        match self.change(connection, header, ask).await? {
            Answer::Outcomes(outcomes) => Ok(named.annotate(outcomes).into_iter().map(row).collect()),
            Answer::Plan(_) | Answer::Done => Ok(Vec::new()),
        }
    }
}

/// The master of RingRift: profiles, daemons and jobs of one machine.
#[interface(name = "org.ringrift.Master1")]
impl Master {
    /// All profiles: name, purpose, whether it is the applied one.
    fn list_profiles(&self) -> Vec<(String, String, bool)> {
        let applied = self.world().profile;
        Profile::ALL.into_iter().map(|p| (p.name().to_owned(), p.purpose().to_owned(), p == applied)).collect()
    }

    /// One profile: name, purpose, target, active, members, built, planned, disabled.
    fn show_profile(&self, profile: &str) -> Result<Dict> {
        let profile = names::profile(profile)?;
        Ok(show::profile(&self.world(), profile))
    }

    /// The changes that applying a profile would make: start, stop, stay.
    fn plan_profile(&self, profile: &str) -> Result<Dict> {
        let profile = names::profile(profile)?;
        Ok(show::plan(&self.world().plan(profile)))
    }

    /// Applies a profile; with `dry_run` only returns the changes. Returns before the daemons have started.
    async fn apply_profile(
        &self,
        profile: &str,
        dry_run: bool,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Dict> {
        let profile = names::profile(profile)?;
        if dry_run {
            return Ok(show::plan(&self.world().plan(profile)));
        }
        match self.change(connection, &header, ChangeRequest::Apply(profile)).await? {
            Answer::Plan(plan) => Ok(show::plan(&plan)),
            Answer::Outcomes(_) | Answer::Done => Ok(Dict::new()),
        }
    }

    /// Comes back to what was wanted before the last profile was applied; with `dry_run` only returns the changes.
    async fn undo_profile(
        &self,
        dry_run: bool,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Dict> {
        if dry_run {
            let world = self.world();
            let former = world.former.as_ref().ok_or_else(|| Error::InvalidArgument(NO_FORMER.into()))?;
            return Ok(show::plan(&world.plan_back(former)));
        }
        match self.change(connection, &header, ChangeRequest::Undo).await? {
            Answer::Plan(plan) => Ok(show::plan(&plan)),
            Answer::Outcomes(_) | Answer::Done => Ok(Dict::new()),
        }
    }

    /// Differences between the applied profile and the running daemons: profile, clean, missing, extra, failed,
    /// details.
    fn drift(&self) -> Dict {
        let world = self.world();
        show::drift(world.profile, &world.drift(clock::now()))
    }

    /// All daemons of the registry, including planned ones.
    fn list_daemons(&self) -> Vec<Dict> {
        let rows = self.world().rows(clock::now());
        rows.iter().map(show::daemon).collect()
    }

    /// One daemon, by any spelling of its name.
    fn daemon_status(&self, daemon: &str) -> Result<Dict> {
        let (daemon, _) = names::daemon(daemon)?;
        let world = self.world();
        Ok(show::daemon(&world.row(daemon, world.desired().contains(&daemon), clock::now())))
    }

    /// Starts daemons; returns when systemd has finished: name, result, text.
    async fn start_daemon(
        &self,
        daemons: Vec<String>,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Row>> {
        let named = names::buildable(&daemons)?;
        let ask = ChangeRequest::Start(named.daemons.clone());
        self.outcomes(connection, &header, named, ask).await
    }

    /// Stops daemons, dependents first.
    async fn stop_daemon(
        &self,
        daemons: Vec<String>,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Row>> {
        let named = names::buildable(&daemons)?;
        let ask = ChangeRequest::Stop(named.daemons.clone());
        self.outcomes(connection, &header, named, ask).await
    }

    /// Restarts daemons.
    async fn restart_daemon(
        &self,
        daemons: Vec<String>,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Row>> {
        let named = names::buildable(&daemons)?;
        let ask = ChangeRequest::Restart(named.daemons.clone());
        self.outcomes(connection, &header, named, ask).await
    }

    /// Pauses a daemon with a reason; the pause survives restarts.
    async fn pause_daemon(
        &self,
        daemon: &str,
        reason: &str,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        let daemon = names::one(daemon)?;
        self.change(connection, &header, ChangeRequest::Pause(daemon, Line::new(reason))).await.map(drop)
    }

    /// Resumes a paused daemon.
    async fn resume_daemon(
        &self,
        daemon: &str,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        let daemon = names::one(daemon)?;
        self.change(connection, &header, ChangeRequest::Resume(daemon)).await.map(drop)
    }

    /// Running job units.
    fn list_jobs(&self) -> Vec<Dict> {
        self.world().jobs.iter().map(show::job).collect()
    }

    /// The master's health: healthy, loop_iteration, age_seconds, profile, problems.
    fn health(&self) -> Dict {
        show::health(&self.world().health(clock::now()))
    }

    /// Confirms and removes a notice of lost data or suspended deletions.
    async fn confirm(
        &self,
        notice: &str,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        if !Notice::is_id(notice) {
            return Err(Error::InvalidArgument("a notice's name has lower-case letters, digits and -".into()));
        }
        self.change(connection, &header, ChangeRequest::Confirm(notice.into())).await.map(drop)
    }

    /// Checks the configuration, then reloads the master and every daemon.
    async fn reload(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        self.change(connection, &header, ChangeRequest::Reload).await.map(drop)
    }

    /// The applied profile.
    #[zbus(property)]
    fn profile(&self) -> String {
        self.world().profile.name().into()
    }

    /// Reconciliations since the start of the master.
    #[zbus(property(emits_changed_signal = "false"))]
    fn loop_iteration(&self) -> u64 {
        self.world().iteration
    }

    /// The suite's version.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> &str {
        env!("CARGO_PKG_VERSION")
    }

    /// Whether the master reconciles and all daemons of the applied profile run.
    #[zbus(property(emits_changed_signal = "false"))]
    fn healthy(&self) -> bool {
        self.world().health(clock::now()).healthy
    }

    /// A profile was applied.
    #[zbus(signal, name = "ProfileChanged")]
    async fn profile_applied(emitter: &SignalEmitter<'_>, profile: &str, by: &str) -> zbus::Result<()>;

    /// A daemon's state changed.
    #[zbus(signal)]
    async fn daemon_changed(emitter: &SignalEmitter<'_>, daemon: &str, state: &str) -> zbus::Result<()>;

    /// A job's state changed.
    #[zbus(signal)]
    async fn job_changed(emitter: &SignalEmitter<'_>, job: &str, state: &str) -> zbus::Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::config::Config;
    use zbus::object_server::Interface;

    /// The interface as it is served must be the one that is shipped for readers and tools.
    #[test]
    fn the_shipped_introspection_file_is_what_is_served() {
        let world = World::new(Config::default(), Profile::Standalone, "/nowhere".into());
        let (calls, _) = mpsc::channel(1);
        let mut served = String::new();
        Master::new(Arc::new(Mutex::new(world)), calls).introspect_to_writer(&mut served, 2);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/dbus-1/interfaces/org.ringrift.Master1.xml");
        let shipped = std::fs::read_to_string(path).expect("the introspection file is shipped");
        let wanted = format!(
            "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n\
             \x20 \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n\
             <node name=\"/org/ringrift/Master1\">\n{served}</node>\n"
        );
        assert_eq!(shipped, wanted, "write the second into {path}");
    }
}
