//! Exit codes and the one way an error chain is printed.
use std::fmt::Write as _;

/// Exit codes of all programs; sysexits where they fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went well.
    Ok = 0,
    /// A failure with no better code.
    Failure = 1,
    /// The command line was wrong.
    Usage = 2,
    /// `status` of something that is not running.
    NotRunning = 3,
    /// `status` of a suite in which something is broken.
    Broken = 4,
    /// Input data is bad; trying again will not help.
    BadData = 65,
    /// A service that is needed does not answer.
    Unavailable = 69,
    /// Try again later.
    TempFail = 75,
    /// The caller may not do this.
    NotPermitted = 77,
    /// The configuration is bad; systemd does not restart on it.
    Config = 78,
}

impl Exit {
    /// All of them, ascending.
    pub const ALL: [Exit; 10] = [
        Exit::Ok,
        Exit::Failure,
        Exit::Usage,
        Exit::NotRunning,
        Exit::Broken,
        Exit::BadData,
        Exit::Unavailable,
        Exit::TempFail,
        Exit::NotPermitted,
        Exit::Config,
    ];

    /// A word or two, and a sentence: what `ringrift explain` and the manual say of it.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Exit::Ok => ("success", "All went well; of `ringrift status`: nothing is broken."),
            Exit::Failure => ("failure", "The operation failed; the message on standard error says why."),
            Exit::Usage => ("usage", "The command line was wrong; --help shows what is allowed."),
            Exit::NotRunning => ("not running", "What was asked about does not run, or an emergency halt is on."),
            Exit::Broken => ("broken", "`ringrift status`: the suite runs and something is broken."),
            Exit::BadData => (
                "bad data",
                "Input or stored data cannot be used, or is of a newer version; trying again does not help.",
            ),
            Exit::Unavailable => (
                "unavailable",
                "A service that is needed does not answer: systemd's bus, the event router, the coordinator.",
            ),
            Exit::TempFail => {
                ("try again", "A passing condition, such as a full disk; the same command may work later.")
            }
            Exit::NotPermitted => (
                "not permitted",
                "The caller may not do this; group ringrift may look, group ringrift-admin may change.",
            ),
            Exit::Config => (
                "configuration refused",
                "The configuration has errors; systemd does not restart on it. `ringrift config check` names them.",
            ),
        }
    }
}

/// With what `ringrift status` exits, and when.
pub const STATUS_EXITS: [(Exit, &str); 4] = [
    (Exit::Ok, "the suite runs and nothing is broken; something may be degraded"),
    (Exit::NotRunning, "the suite is not running"),
    (Exit::Broken, "something is broken"),
    (Exit::Unavailable, "systemd cannot be asked"),
];

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit as u8)
    }
}

/// Whether trying the same again can help. Errors carry it, so that what cannot be fixed never holds up what waits
/// behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permanence {
    /// The same input fails the same way again: it is put away at once.
    Permanent,
    /// A peer is away, a disk is full: it is tried again.
    Transient,
}

/// A failure that knows its exit code and what the user can do next.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The code to exit with.
    pub exit: Exit,
    /// What happened: operation and object.
    pub message: String,
    /// What the user can do next, if anything.
    pub hint: Option<String>,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Failure {
    /// A failure with an exit code and a message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Failure { exit, message: message.into(), hint: None, source: None }
    }
    /// Adds the next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// Adds the cause.
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// A sentence without a better code.
impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure::new(Exit::Failure, message)
    }
}

/// An error and its causes on one line, `: ` between them.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
