//! The master's place on the bus: connection, object and name. A bus that goes away takes nothing else with it: the
//! master connects again, with growing delay, and continues with what it knows.
use super::calls::Call;
use super::engine::Signal;
use super::interface::{Master, MasterSignals as _};
use super::world::World;
use crate::contract::backoff::Backoff;
use crate::contract::error::{Exit, Failure};
use crate::contract::master::{BUS_NAME, OBJECT_PATH};
use crate::platform::notify;
use crate::platform::systemd::{Change, ServiceError, Systemd, connect};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use zbus::Connection;
use zbus::fdo::RequestNameFlags;

/// Between tries to connect: first and longest.
const CONNECT_DELAYS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// One try; less than the watchdog allows between two signs of life.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Closing a connection that may be dead already.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The connection on which signals are sent; another one after the bus was lost.
pub(super) type Current = Rc<RefCell<Connection>>;

/// What is needed to be on the bus.
pub(super) struct Bus {
    /// Another bus than the system's.
    pub address: Option<String>,
    /// What the object answers from.
    pub world: Arc<Mutex<World>>,
    /// Where the object puts changes.
    pub calls: mpsc::Sender<Call>,
}

/// The master on the bus.
pub(super) struct OwnedName {
    /// systemd over this connection.
    pub systemd: Systemd,
    /// systemd's signals; it ends when the bus is lost.
    pub changes: mpsc::UnboundedReceiver<Change>,
}

fn unavailable(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Unavailable, format!("{what}: {error}"))
}

/// The pid that owns the bus name, if somebody does.
async fn owner(connection: &Connection) -> Option<u32> {
    let bus = zbus::fdo::DBusProxy::new(connection).await.ok()?;
    let name = zbus::names::BusName::from_static_str(BUS_NAME).ok()?;
    bus.get_connection_unix_process_id(name).await.ok()
}

/// Takes the bus name, or says who has it.
async fn take_name(connection: &Connection) -> Result<(), Failure> {
    match connection.request_name_with_flags(BUS_NAME, RequestNameFlags::DO_NOT_QUEUE).await {
        Ok(zbus::fdo::RequestNameReply::PrimaryOwner | zbus::fdo::RequestNameReply::AlreadyOwner) => Ok(()),
        Ok(_) | Err(zbus::Error::NameTaken) => {
            let pid = owner(connection).await.map(|pid| format!(" with pid {pid}")).unwrap_or_default();
            let text = format!("another master{pid} owns the bus name {BUS_NAME}");
            Err(Failure::new(Exit::Failure, text).hint("`ringrift master status` shows it"))
        }
        Err(error) => {
            let failure = unavailable(&format!("taking the name {BUS_NAME}"), error);
            Err(failure.hint(
                "only user ringrift-master may own it; start the master with `systemctl start ringrift-master.target`",
            ))
        }
    }
}

/// Gives the connection up, and with it the name and every subscription.
async fn leave(connection: Connection) {
    // A dead connection cannot be closed, and need not be.
    drop(tokio::time::timeout(CLOSE_TIMEOUT, connection.close()).await);
}

impl Bus {
    /// Connects, follows systemd, offers the object, takes the name.
    pub async fn join(&self) -> Result<OwnedName, Failure> {
        let from_service = |e: ServiceError| Failure::new(Exit::Unavailable, e.to_string());
        let connection = connect(self.address.as_deref()).await.map_err(from_service)?;
        match self.sit_down(&connection).await {
            Ok(seat) => Ok(seat),
            Err(failure) => {
                leave(connection).await;
                Err(failure)
            }
        }
    }

    async fn sit_down(&self, connection: &Connection) -> Result<OwnedName, Failure> {
        let subscribed = Systemd::subscribed(connection.clone()).await;
        let (systemd, changes) = subscribed.map_err(|e| Failure::new(Exit::Unavailable, e.to_string()))?;
        let object = Master::new(self.world.clone(), self.calls.clone());
        connection
            .object_server()
            .at(OBJECT_PATH, object)
            .await
            .map_err(|e| unavailable("offering the interface", e))?;
        take_name(connection).await?;
        Ok(OwnedName { systemd, changes })
    }

    /// Leaves the lost bus and joins it again, however long that takes. An error is one that trying again does not
    /// help.
    pub async fn rejoin(&self, lost: Connection) -> Result<OwnedName, Failure> {
        leave(lost).await;
        let mut backoff = Backoff::new(CONNECT_DELAYS.0, CONNECT_DELAYS.1);
        loop {
            notify::watchdog();
            let delay = backoff.wait();
            tokio::time::sleep(delay).await;
            notify::watchdog();
            match tokio::time::timeout(CONNECT_TIMEOUT, self.join()).await {
                Ok(Ok(seat)) => return Ok(seat),
                Ok(Err(failure)) if failure.exit != Exit::Unavailable => return Err(failure),
                Ok(Err(failure)) => tracing::debug!("{failure}; retrying in {} ms", delay.as_millis()),
                Err(_) => tracing::debug!("no answer in {} s; retrying", CONNECT_TIMEOUT.as_secs()),
            }
        }
    }
}

/// Sends the loop's signals on the connection that is current.
pub(super) async fn forward(current: Current, mut told: mpsc::UnboundedReceiver<Signal>) {
    while let Some(signal) = told.recv().await {
        let connection = current.borrow().clone();
        if let Err(error) = send(&connection, signal).await {
            tracing::debug!("cannot send a signal: {error}");
        }
    }
}

async fn send(connection: &Connection, signal: Signal) -> zbus::Result<()> {
    let object = connection.object_server().interface::<_, Master>(OBJECT_PATH).await?;
    match signal {
        Signal::Profile(profile, by) => {
            let emitter = object.signal_emitter();
            drop(object.get().await.profile_changed(emitter).await);
            emitter.profile_applied(profile, &by).await
        }
        Signal::Daemon(daemon, state) => object.daemon_changed(daemon, &state).await,
        Signal::Job(job, state) => object.job_changed(&job, &state).await,
    }
}
