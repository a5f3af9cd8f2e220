//! `org.ringrift.Master1` on D-Bus: everybody may look, polkit decides who may change. It answers questions from the shared
//! knowledge, so that it answers even when the loop hangs, and hands changes to the loop.
use super::calls::{Answer, Ask, Call, Error, Outcome};
use super::names::{self, Named};
use super::show::{self, Dict};
use super::world::World;
use crate::contract::master::ACTION_CONTROL;
use crate::contract::notice::Notice;
use crate::contract::registry::Profile;
use crate::contract::text::Line;
use crate::platform::clock::now_us;
use crate::platform::polkit::{self, Verdict};
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
    async fn change(&self, connection: &Connection, header: &Header<'_>, ask: Ask) -> Result<Answer> {
        let caller = header.sender().map(|s| s.to_string()).unwrap_or_default();
        let interactive = header.primary().flags().contains(Flags::ALLOW_INTERACTIVE_AUTH);
        if let Verdict::Refused(why) = polkit::check(connection, &caller, ACTION_CONTROL, interactive).await {
            return Err(Error::NotPermitted(why.into()));
        }
        let who = names::who(connection, &caller).await;
        let (reply, answer) = oneshot::channel();
        let stopping = || Error::Unavailable("the master is stopping".into());
        self.calls.send(Call { ask, who, reply }).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }

    async fn outcomes(&self, connection: &Connection, header: &Header<'_>, named: Named, ask: Ask) -> Result<Vec<Row>> {
        match self.change(connection, header, ask).await? {
            Answer::Outcomes(outcomes) => Ok(named.annotate(outcomes).into_iter().map(row).collect()),
            Answer::Plan(_) | Answer::Done => Ok(Vec::new()),
        }
    }
}

/// The master loop of ringrift: profiles, daemons and jobs of one machine.
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

    /// What applying a profile would start, stop and leave alone.
    fn plan_profile(&self, profile: &str) -> Result<Dict> {
        let profile = names::profile(profile)?;
        Ok(show::plan(&self.world().plan(profile)))
    }

    /// Applies a profile, or with `dry_run` only says what would be done. Returns before all has started.
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
        match self.change(connection, &header, Ask::Apply(profile)).await? {
            Answer::Plan(plan) => Ok(show::plan(&plan)),
            Answer::Outcomes(_) | Answer::Done => Ok(Dict::new()),
        }
    }

    /// How what runs differs from the profile: profile, clean, missing, extra, failed, details.
    fn drift(&self) -> Dict {
        let world = self.world();
        show::drift(world.profile, &world.drift(now_us()))
    }

    /// Every daemon of the registry, planned ones included.
    fn list_daemons(&self) -> Vec<Dict> {
        let rows = self.world().rows(now_us());
        rows.iter().map(show::daemon).collect()
    }

    /// One daemon, by any spelling of its name.
    fn daemon_status(&self, daemon: &str) -> Result<Dict> {
        let (daemon, _) = names::daemon(daemon)?;
        let world = self.world();
        Ok(show::daemon(&world.row(daemon, world.desired().contains(&daemon), now_us())))
    }

    /// Starts daemons; answers when systemd is through: name, result, text.
    async fn start_daemon(
        &self,
        daemons: Vec<String>,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Row>> {
        let named = names::buildable(&daemons)?;
        let ask = Ask::Start(named.daemons.clone());
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
        let ask = Ask::Stop(named.daemons.clone());
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
        let ask = Ask::Restart(named.daemons.clone());
        self.outcomes(connection, &header, named, ask).await
    }

    /// Pauses a daemon for a reason; it stays paused over restarts.
    async fn pause_daemon(
        &self,
        daemon: &str,
        reason: &str,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        let daemon = names::one(daemon)?;
        self.change(connection, &header, Ask::Pause(daemon, Line::new(reason).into())).await.map(drop)
    }

    /// Lets a paused daemon go on.
    async fn resume_daemon(
        &self,
        daemon: &str,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        let daemon = names::one(daemon)?;
        self.change(connection, &header, Ask::Resume(daemon)).await.map(drop)
    }

    /// Job units under way.
    fn list_jobs(&self) -> Vec<Dict> {
        self.world().jobs.iter().map(show::job).collect()
    }

    /// The loop's health: healthy, loop_iteration, age_seconds, profile, problems.
    fn health(&self) -> Dict {
        show::health(&self.world().health(now_us()))
    }

    /// Removes a notice of what was lost or is held back, after a person has read it.
    async fn confirm(&self, notice: &str, #[zbus(connection)] connection: &Connection, #[zbus(header)] header: Header<'_>) -> Result<()> {
        if !Notice::is_id(notice) {
            return Err(Error::InvalidArgument("a notice's name has lower-case letters, digits and -".into()));
        }
        self.change(connection, &header, Ask::Confirm(notice.into())).await.map(drop)
    }

    /// Checks the configuration and has the master and every daemon take it over.
    async fn reload(&self, #[zbus(connection)] connection: &Connection, #[zbus(header)] header: Header<'_>) -> Result<()> {
        self.change(connection, &header, Ask::Reload).await.map(drop)
    }

    /// The applied profile.
    #[zbus(property)]
    fn profile(&self) -> String {
        self.world().profile.name().into()
    }

    /// Turns of the loop since the master's start.
    #[zbus(property(emits_changed_signal = "false"))]
    fn loop_iteration(&self) -> u64 {
        self.world().iteration
    }

    /// The suite's version.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> &str {
        env!("CARGO_PKG_VERSION")
    }

    /// Whether the loop turns and everything wanted is up.
    #[zbus(property(emits_changed_signal = "false"))]
    fn healthy(&self) -> bool {
        self.world().health(now_us()).healthy
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
