//! One input on its way: handled, saved, its outputs sent, settled. Each step may have to wait for a peer and is then
//! tried again; steps that were done are not done again.
use super::state::Outputs;
use crate::contract::backoff::Backoff;
use crate::contract::router::Delivery;
use std::time::{Duration, Instant};

/// Delay before the first new try; doubles.
const FIRST: Duration = Duration::from_millis(100);
/// Longest delay between tries.
const LAST: Duration = Duration::from_secs(5);

/// The input.
#[derive(Debug)]
pub enum What {
    /// The daemon starts.
    Start,
    /// Its interval has passed.
    Tick(u64),
    /// An event.
    Event(Box<Delivery>),
    /// A new configuration.
    Reload,
    /// Paused, with the reason.
    Pause(String),
    /// Goes on.
    Resume,
    /// The last one.
    Stop,
    /// Outputs of an input that was handled before a crash.
    Resend,
}

/// The next step.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Run the handler, or find that it ran.
    Handle,
    /// Write state and outputs to disk.
    Save,
    /// Send work to the coordinator; this many items are done.
    Enqueue(usize),
    /// Send events to the router.
    Publish,
    /// Tell the router, or count the tick.
    Settle(Verdict),
}

/// How the input ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Well.
    Done,
    /// Badly.
    Failed {
        /// Why, for people.
        why: String,
        /// Trying again cannot help.
        dead: bool,
    },
}

/// An input on its way.
#[derive(Debug)]
pub struct Job {
    /// Unique for ever: an event's id, `tick-<n>`, or `<what>-<unique>`.
    pub id: String,
    /// The input.
    pub what: What,
    /// What is to be done next.
    pub step: Step,
    /// What the handler wants sent.
    pub outputs: Outputs,
    /// Not before.
    pub due: Instant,
    backoff: Backoff,
}

impl Job {
    /// An input that was not handled yet.
    pub fn new(id: String, what: What) -> Job {
        Job {
            id,
            what,
            step: Step::Handle,
            outputs: Outputs::default(),
            due: Instant::now(),
            backoff: Backoff::new(FIRST, LAST),
        }
    }
    /// Outputs that were stored and perhaps not sent.
    pub fn resend(id: String, outputs: Outputs) -> Job {
        Job { step: Step::Enqueue(0), outputs, ..Job::new(id, What::Resend) }
    }
    /// A step was done.
    pub fn next(&mut self, step: Step) {
        self.step = step;
        self.backoff.reset();
    }
    /// The step has to wait.
    pub fn wait(&mut self) {
        self.due = Instant::now() + self.backoff.wait();
    }
    /// Whether it is in the router's hands: delivered again after a crash.
    pub fn is_event(&self) -> bool {
        matches!(self.what, What::Event(_))
    }
}
