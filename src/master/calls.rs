//! What the D-Bus interface asks of the loop, and the errors it answers with.
use crate::contract::master::Plan;
use crate::contract::registry::{DaemonType, Profile};
use crate::contract::text::{Block, Line};
use std::fmt;
use tokio::sync::oneshot;
use zbus::message::{Header, Message};
use zbus::names::ErrorName;

/// There is nothing to come back to.
pub const NO_FORMER: &str = "no profile was applied before this one";

/// A change that somebody wants, after the caller was found to be allowed to make it.
#[derive(Debug)]
pub enum ChangeRequest {
    /// Apply a profile.
    Apply(Profile),
    /// Come back to what was wanted before the last profile was applied.
    Undo,
    /// Start daemons.
    Start(Vec<DaemonType>),
    /// Stop daemons.
    Stop(Vec<DaemonType>),
    /// Restart daemons.
    Restart(Vec<DaemonType>),
    /// Pause a daemon for a reason.
    Pause(DaemonType, Line),
    /// Let a daemon continue.
    Resume(DaemonType),
    /// Check the configuration and take it over.
    Reload,
    /// Remove a notice that was read.
    Confirm(String),
}

impl fmt::Display for ChangeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |daemons: &[DaemonType]| daemons.iter().map(|d| d.name()).collect::<Vec<_>>().join(", ");
        match self {
            ChangeRequest::Apply(profile) => write!(f, "profile {profile}"),
            ChangeRequest::Undo => f.write_str("what was wanted before the profile"),
            ChangeRequest::Start(daemons) => write!(f, "a start of {}", names(daemons)),
            ChangeRequest::Stop(daemons) => write!(f, "a stop of {}", names(daemons)),
            ChangeRequest::Restart(daemons) => write!(f, "a restart of {}", names(daemons)),
            ChangeRequest::Pause(daemon, reason) => write!(f, "a pause of {daemon}: {reason}"),
            ChangeRequest::Resume(daemon) => write!(f, "a resume of {daemon}"),
            ChangeRequest::Reload => f.write_str("a reload of the configuration"),
            ChangeRequest::Confirm(notice) => write!(f, "the removal of the notice {notice}"),
        }
    }
}

/// What became of one daemon: its name, systemd's word (done, failed, timeout, dependency, held …) and a text for
/// people.
pub type Outcome = (String, String, Line);

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
    pub ask: ChangeRequest,
    /// Who asks, for people.
    pub who: String,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Answer, Error>>,
}

/// Errors as callers see them, `org.ringrift.Master1.Error.<Name>` with a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// No daemon has this name.
    UnknownDaemon(Line),
    /// No profile has this name.
    UnknownProfile(Line),
    /// The daemon is not built yet.
    Planned(Line),
    /// The caller may not do this.
    NotPermitted(Line),
    /// An argument makes no sense.
    InvalidArgument(Line),
    /// The configuration is refused; the old one stays. One line for each fault.
    InvalidConfig(Block),
    /// The master is stopping, or its database fails.
    Unavailable(Line),
}

impl Error {
    /// Its name on the bus and its text.
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Error::UnknownDaemon(text) => ("org.ringrift.Master1.Error.UnknownDaemon", text),
            Error::UnknownProfile(text) => ("org.ringrift.Master1.Error.UnknownProfile", text),
            Error::Planned(text) => ("org.ringrift.Master1.Error.Planned", text),
            Error::NotPermitted(text) => ("org.ringrift.Master1.Error.NotPermitted", text),
            Error::InvalidArgument(text) => ("org.ringrift.Master1.Error.InvalidArgument", text),
            Error::InvalidConfig(text) => ("org.ringrift.Master1.Error.InvalidConfig", text),
            Error::Unavailable(text) => ("org.ringrift.Master1.Error.Unavailable", text),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, text) = self.parts();
        write!(f, "{name}: {text}")
    }
}

impl std::error::Error for Error {}

impl zbus::DBusError for Error {
    fn name(&self) -> ErrorName<'_> {
        ErrorName::from_static_str_unchecked(self.parts().0)
    }
    fn description(&self) -> Option<&str> {
        Some(self.parts().1)
    }
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<Message> {
        let (_, text) = self.parts();
        Message::error(call, self.name()).build(&(text,))
    }
}
