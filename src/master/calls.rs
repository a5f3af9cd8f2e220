//! What the D-Bus interface asks of the loop, and the errors it answers with.
use crate::contract::master::Plan;
use crate::contract::registry::{DaemonType, Profile};
use std::fmt;
use tokio::sync::oneshot;

/// A change that somebody wants, after the caller was found to be allowed to make it.
#[derive(Debug)]
pub enum Ask {
    /// Apply a profile.
    Apply(Profile),
    /// Start daemons.
    Start(Vec<DaemonType>),
    /// Stop daemons.
    Stop(Vec<DaemonType>),
    /// Restart daemons.
    Restart(Vec<DaemonType>),
    /// Pause a daemon for a reason.
    Pause(DaemonType, String),
    /// Let a daemon go on.
    Resume(DaemonType),
    /// Check the configuration and take it over.
    Reload,
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |daemons: &[DaemonType]| daemons.iter().map(|d| d.name()).collect::<Vec<_>>().join(", ");
        match self {
            Ask::Apply(profile) => write!(f, "profile {profile}"),
            Ask::Start(daemons) => write!(f, "a start of {}", names(daemons)),
            Ask::Stop(daemons) => write!(f, "a stop of {}", names(daemons)),
            Ask::Restart(daemons) => write!(f, "a restart of {}", names(daemons)),
            Ask::Pause(daemon, reason) => write!(f, "a pause of {daemon}: {reason}"),
            Ask::Resume(daemon) => write!(f, "{daemon} to go on"),
            Ask::Reload => f.write_str("a reload of the configuration"),
        }
    }
}

/// What became of one daemon: its name, systemd's word (done, failed, timeout, dependency, held …) and a text for people.
pub type Outcome = (String, String, String);

/// The answer.
#[derive(Debug)]
pub enum Answer {
    /// What applying did.
    Plan(Plan),
    /// One for each daemon.
    Outcomes(Vec<Outcome>),
    /// Done.
    Done,
}

/// A call with its way back.
#[derive(Debug)]
pub struct Call {
    /// What is wanted.
    pub ask: Ask,
    /// Who asks, for people.
    pub who: String,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Answer, Error>>,
}

/// Errors as callers see them, `org.ringrift.Master1.Error.<Name>` with a text for people.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.ringrift.Master1.Error")]
pub enum Error {
    /// The bus failed.
    #[zbus(error)]
    Bus(zbus::Error),
    /// No daemon has this name.
    UnknownDaemon(String),
    /// No profile has this name.
    UnknownProfile(String),
    /// The daemon is not built yet.
    Planned(String),
    /// The caller may not do this.
    NotPermitted(String),
    /// An argument makes no sense.
    InvalidArgument(String),
    /// The configuration is refused; the old one stays.
    InvalidConfig(String),
    /// The master is stopping, or its database fails.
    Unavailable(String),
}
