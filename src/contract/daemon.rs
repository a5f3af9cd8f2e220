//! The one trait that a daemon implements: inputs in, outputs out, effects only through ports.
use super::config::Config;
use super::coordinator::NewWork;
use super::envelope::Event;
use super::error::Permanence;
use super::events::Payload;
use super::health::Health;
use super::ports::{Asked, Asks, Missing, StoreError, World};
use super::router::NewEvent;
use super::wire::{Call, CallError, Reply};
use std::time::Duration;

// Inputs are made one at a time and never stored, so the size of the largest does not matter.
/// An input of a daemon. Every input is handled to its end before the next.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub enum Input<'a> {
    /// The process is up, its subscription stands; after this it is READY.
    Start,
    /// Its interval has passed. `number` is kept over restarts.
    Tick {
        /// Counts ticks for ever.
        number: u64,
    },
    /// An event it subscribes to, with its checked payload.
    Event {
        /// The envelope.
        event: &'a Event,
        /// The payload.
        payload: Payload,
    },
    /// A new, valid configuration has been taken: `configure` was called.
    Reload,
    /// A Varlink call on the daemon's own socket; answered by `Out::answer`.
    Call(&'a Call),
    /// An HTTP GET on one of the daemon's ports; answered by `Out::respond`.
    Http(&'a HttpRequest),
    /// An operator paused it: no ticks and no events until Resume; calls are still answered.
    Pause {
        /// Why.
        reason: &'a str,
    },
    /// Goes on.
    Resume,
    /// SIGTERM: the last input.
    Stop,
}

/// An HTTP request: a GET, or a HEAD, whose answer is sent without its body.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpRequest {
    /// The port it came in on, as the configuration names it.
    pub port: u16,
    /// The path without the query.
    pub path: String,
    /// The query.
    pub query: String,
}

/// An HTTP response.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// The content type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// Why a handler failed; decides what happens to the input.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HandlerError {
    /// A peer does not answer: the same input is tried again soon, without counting as an attempt.
    #[error("{0}")]
    Unavailable(String),
    /// The disk has no room for what the input brings: likewise, and the report says that it is the room.
    #[error("{0}")]
    NoRoom(String),
    /// The handler failed: counted, tried again with backoff, then a dead letter.
    #[error("{0}")]
    Failed(String),
    /// Trying again cannot help: a dead letter at once.
    #[error("{0}")]
    Rejected(String),
    /// The daemon's own database cannot be used: the process ends, the database is looked at when it starts again, and
    /// the input comes again, without counting as an attempt.
    #[error("{0}")]
    Broken(String),
}

impl HandlerError {
    /// What it is worth to try the same input again: what is permanent never holds up the inputs behind it.
    pub fn permanence(&self) -> Permanence {
        match self {
            HandlerError::Unavailable(_)
            | HandlerError::NoRoom(_)
            | HandlerError::Failed(_)
            | HandlerError::Broken(_) => Permanence::Transient,
            HandlerError::Rejected(_) => Permanence::Permanent,
        }
    }

    fn of(permanence: Permanence, why: String) -> HandlerError {
        match permanence {
            Permanence::Permanent => HandlerError::Rejected(why),
            Permanence::Transient => HandlerError::Failed(why),
        }
    }
}

impl From<CallError> for HandlerError {
    fn from(error: CallError) -> Self {
        match error.is_transport() {
            true => HandlerError::Unavailable(error.to_string()),
            false => HandlerError::of(error.permanence(), error.to_string()),
        }
    }
}

impl From<StoreError> for HandlerError {
    fn from(error: StoreError) -> Self {
        let why = error.to_string();
        match error {
            StoreError::BadFile { .. } | StoreError::Unfit { .. } => HandlerError::Rejected(why),
            StoreError::Broken { .. } => HandlerError::Broken(why),
            StoreError::Failed { .. } => HandlerError::Failed(why),
        }
    }
}

/// What a handler wants done. The runtime carries it out after the handler: requests first, then all events as one
/// batch, each with the idempotency key `<daemon>/<input id>/<n>`, then the input is acknowledged.
#[derive(Debug, Default, PartialEq)]
pub struct Out {
    /// Events to publish, in order.
    pub events: Vec<Payload>,
    /// Events of programs that are not ours, published after the others as they are; each has its own idempotency key.
    pub raw: Vec<NewEvent>,
    /// Work to enqueue, in order.
    pub work: Vec<NewWork>,
    /// Health from now on.
    pub health: Option<Health>,
    /// What was last done, one line: shown in STATUS= and `ringrift status`.
    pub last: Option<String>,
    /// What stands in the status file beside state and health from now on, for those who only look.
    pub snapshot: Option<serde_json::Value>,
    /// The next tick comes after so long at the latest: what was seen is worth another look before the interval ends.
    pub look_again: Option<Duration>,
    /// The answer to a Varlink call.
    pub reply: Option<Reply>,
    /// The answer to an HTTP request.
    pub response: Option<HttpResponse>,
}

impl Out {
    /// Publishes an event.
    pub fn publish(&mut self, payload: impl Into<Payload>) {
        self.events.push(payload.into());
    }
    /// Puts work into the queue.
    pub fn enqueue(&mut self, work: NewWork) {
        self.work.push(work);
    }
    /// Reports health.
    pub fn health(&mut self, health: Health) {
        self.health = Some(health);
    }
    /// Wants the next tick after so long at the latest.
    pub fn look_again(&mut self, after: Duration) {
        self.look_again = Some(after);
    }
    /// Says what was done.
    pub fn last(&mut self, line: impl Into<String>) {
        self.last = Some(line.into());
    }
    /// Answers a Varlink call.
    pub fn answer(&mut self, reply: Reply) {
        self.reply = Some(reply);
    }
    /// Answers an HTTP request.
    pub fn respond(&mut self, status: u16, content_type: &'static str, body: String) {
        self.response = Some(HttpResponse { status, content_type, body });
    }
}

/// A state that `restore` cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl Unreadable {
    /// Says why.
    pub fn new(why: impl Into<String>) -> Unreadable {
        Unreadable(why.into())
    }
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Unreadable(error.to_string())
    }
}

/// A daemon. Its declaration says which ports it asks.
pub trait Daemon: Asks {
    /// Builds it from the configuration.
    fn new(config: &Config) -> Self
    where
        Self: Sized;

    /// Takes what it works by from another configuration. What it remembers is no setting and stays.
    fn configure(&mut self, config: &Config);

    /// What must survive a restart, if anything. The runtime writes it with the input's outputs before they are sent.
    fn save(&self) -> Option<serde_json::Value> {
        None
    }

    /// Takes back what `save` gave, of this version or of an older one. A daemon whose state cannot be read begins
    /// anew; what could not be read is set aside and told.
    fn restore(&mut self, _state: serde_json::Value) -> Result<(), Unreadable> {
        Ok(())
    }

    /// Handles one input.
    fn handle(&mut self, input: Input<'_>, ports: &Self::Ports<'_>, out: &mut Out) -> Result<(), HandlerError>;
}

/// A daemon with its ports, as the runtime knows it: there is one runtime for all of them.
pub trait Handler {
    /// See [`Daemon::save`].
    fn save(&self) -> Option<serde_json::Value>;
    /// See [`Daemon::restore`].
    fn restore(&mut self, state: serde_json::Value) -> Result<(), Unreadable>;
    /// See [`Daemon::configure`].
    fn configure(&mut self, config: &Config);
    /// See [`Daemon::handle`].
    fn handle(&mut self, input: Input<'_>, out: &mut Out) -> Result<(), HandlerError>;
}

struct Bound<'a, D: Daemon> {
    daemon: D,
    ports: D::Ports<'a>,
}

impl<D: Daemon> Handler for Bound<'_, D> {
    fn save(&self) -> Option<serde_json::Value> {
        self.daemon.save()
    }
    fn restore(&mut self, state: serde_json::Value) -> Result<(), Unreadable> {
        self.daemon.restore(state)
    }
    fn configure(&mut self, config: &Config) {
        self.daemon.configure(config);
    }
    fn handle(&mut self, input: Input<'_>, out: &mut Out) -> Result<(), HandlerError> {
        self.daemon.handle(input, &self.ports, out)
    }
}

/// Makes a daemon from its configuration, with the ports that it asks.
pub type Build = for<'a> fn(&Config, &'a dyn World) -> Result<Box<dyn Handler + 'a>, Missing>;

/// Makes a daemon of this type.
pub fn build<'a, D: Daemon + 'static>(config: &Config, world: &'a dyn World) -> Result<Box<dyn Handler + 'a>, Missing> {
    Ok(Box::new(Bound { daemon: D::new(config), ports: <D::Ports<'a> as Asked<'a>>::of(world)? }))
}

#[cfg(test)]
mod tests {
    use super::super::wire::errors;
    use super::*;

    #[test]
    fn what_cannot_be_mended_is_permanent_by_its_type() {
        let answer =
            |name: &str| CallError::Answer { method: "m".into(), name: name.into(), parameters: Box::default() };
        let table = [
            (HandlerError::from(StoreError::BadFile { path: "p".into(), why: "w".into() }), Permanence::Permanent),
            (HandlerError::from(StoreError::Failed { operation: "o".into(), why: "w".into() }), Permanence::Transient),
            (HandlerError::from(StoreError::Unfit { operation: "o".into(), why: "w".into() }), Permanence::Permanent),
            (HandlerError::from(StoreError::Broken { operation: "o".into(), why: "w".into() }), Permanence::Transient),
            (HandlerError::from(answer(errors::INVALID_PARAMETER)), Permanence::Permanent),
            (HandlerError::from(answer(errors::REFUSED)), Permanence::Transient),
            (HandlerError::from(answer(errors::OUT_OF_SPACE)), Permanence::Transient),
            (
                HandlerError::from(CallError::Transport {
                    method: "m".into(),
                    socket: "s".into(),
                    kind: std::io::ErrorKind::TimedOut,
                    why: "w".into(),
                }),
                Permanence::Transient,
            ),
        ];
        for (error, permanence) in table {
            assert_eq!(error.permanence(), permanence, "{error:?}");
        }
    }
}
