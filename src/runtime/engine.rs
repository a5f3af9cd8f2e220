//! The main loop of a daemon: takes inputs one after the other. Without any it wakes at a third of the watchdog's time
//! only, pings it and looks at what is outside.
use super::backoff::Restarts;
use super::control::{self, nonempty};
use super::face::Face;
use super::handled::Handled;
use super::inbox::Outside;
use super::intervals;
use super::job::{Job, What};
use super::life::Life;
use super::outbound::Outbound;
use super::places::Places;
use super::pulse::Pulse;
use super::state::StateFile;
use super::subscription::Subscription;
use crate::contract::config::Config;
use crate::contract::daemon::Handler;
use crate::contract::error::Exit;
use crate::contract::messages;
use crate::contract::ports::Units;
use crate::contract::registry::DaemonSpec;
use crate::contract::router::{Delivery, Subscribe};
use crate::platform::socket_file::SocketFile;
use serde_json::Value;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A busy daemon looks at what is outside at most so often.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// While a peer is needed to become ready, it is asked so often.
const ASK: Duration = Duration::from_millis(500);
/// An absent router is shown after so long: its restart takes a moment and is no news.
const ROUTER_GRACE: Duration = Duration::from_secs(2);
/// At its end a daemon waits so long at most for a peer that does not answer.
pub(super) const AWAY: Duration = Duration::from_secs(1);
/// A running daemon.
pub(super) struct Engine<'a> {
    pub daemon: Box<dyn Handler + 'a>,
    pub spec: &'static DaemonSpec,
    /// What others say of themselves.
    pub others: &'a dyn Units,
    pub places: Places,
    pub config: Config,
    pub outside: Outside,
    pub outbound: Outbound,
    pub file: StateFile,
    /// What `save` gave after the last good handler; a failed one is undone with it.
    pub baseline: Option<Value>,
    pub subscribe: Option<Subscribe>,
    pub subscription: Option<Subscription>,
    pub face: Face,
    pub restarts: Restarts,
    /// The file of its own socket.
    pub socket: Option<SocketFile>,
    /// Of the connection whose deliveries count; 0: none.
    pub generation: u64,
    pub token: Option<String>,
    /// The subscription is open, or being opened.
    pub streaming: bool,
    pub router_away: Option<(Instant, String)>,
    pub deliveries: VecDeque<Delivery>,
    pub parked: Vec<Job>,
    pub handled: Handled,
    pub interval: Duration,
    pub tick_due: Instant,
    pub pulse: Pulse,
    /// When it last looked outside.
    pub looked: Option<Instant>,
    /// Where the process stands between its start and its end.
    pub life: Life,
}

impl Engine<'_> {
    /// Runs to the end.
    pub fn run(mut self) -> Exit {
        self.interval = intervals::tick(self.spec, &self.config);
        self.tick_due = Instant::now() + self.interval;
        // Sending again does no harm. Of an event it is not known whether it was acknowledged and will never come
        // again.
        self.parked.extend(self.file.unsent().map(|(id, outputs)| Job::resend(id.clone(), outputs.clone())));
        let control = control::read(&self.places);
        if control.paused {
            self.life.pause();
            self.face.last = format!(
                "paused by {}: {}",
                nonempty(&control.who, "the control file"),
                nonempty(&control.reason, "no reason given")
            );
        } else {
            self.open();
        }
        loop {
            self.turn();
            if let Some(code) = self.life.exit() {
                return code;
            }
            let busy = self.work();
            if let Some(code) = self.life.exit() {
                return code;
            }
            let wait = if busy { Duration::ZERO } else { self.idle() };
            match self.outside.wait(wait) {
                Ok(happened) => happened.into_iter().for_each(|message| self.receive(message)),
                Err(error) => {
                    tracing::error!("waiting for signals, files and messages: {error}");
                    return Exit::Failure;
                }
            }
        }
    }

    /// What every turn does: watchdog, health, the steps between starting and stopping.
    fn turn(&mut self) {
        // A row of events makes many turns a second; what costs a message or a file is done once in a while.
        if self.looked.is_none_or(|at| at.elapsed() >= POLL_INTERVAL) {
            self.looked = Some(Instant::now());
            self.pulse.beat();
            if self.outside.control.is_none() {
                self.control_changed();
            }
            let trouble = self.socket.as_ref().and_then(SocketFile::trouble);
            if let Some(why) = trouble.as_ref().filter(|_| self.face.troubles.socket.is_none()) {
                tracing::error!(MESSAGE_ID = messages::SOCKET_GONE, "{why}");
            }
            self.face.troubles.socket = trouble;
            self.face.troubles.dependency = super::dependency::trouble(
                self.spec,
                &self.config,
                self.others,
                &self.places.control_directory(),
                self.life.ready_since(),
            );
            self.face.standstill =
                self.life.ready_since().and_then(|_| super::dependency::standstill(self.spec, self.others));
        }
        self.face.troubles.router = match &self.router_away {
            Some((since, why)) if since.elapsed() >= ROUTER_GRACE || self.life.ready_since().is_none() => {
                Some(format!("waiting for the event router: {why}"))
            }
            _ => None,
        };
        if matches!(self.life, Life::Registering { .. } | Life::Beginning { .. }) {
            self.starting();
        }
        if self
            .life
            .ready_since()
            .is_some_and(|since| since.elapsed().as_secs() >= u64::from(self.config.master.reset_after))
        {
            self.restarts.settle();
        }
        if self.life.is_paused() || self.life.draining_since().is_some() {
            self.close();
        }
        if let Some(since) = self.life.draining_since() {
            self.draining(since);
        }
        self.face.refresh();
    }

    /// Does one piece of work; true when there may be more at once.
    fn work(&mut self) -> bool {
        let now = Instant::now();
        if let Some(at) = self.parked.iter().position(|job| job.due <= now) {
            let job = self.parked.remove(at);
            self.advance(job, Some(at));
            return true;
        }
        if !self.parked.is_empty() || !matches!(self.life, Life::Running { .. }) {
            return false;
        }
        if now >= self.tick_due {
            self.tick_due = now + self.interval;
            let number = self.file.stored.tick;
            self.advance(Job::new(format!("tick-{number}"), What::Tick(number)), None);
            return true;
        }
        if let Some(delivery) = self.deliveries.pop_front() {
            let id = delivery.event.as_ref().map_or_else(String::new, |e| e.id.to_string());
            self.advance(Job::new(id, What::Event(Box::new(delivery))), None);
            return true;
        }
        false
    }

    /// How long nothing will be due.
    fn idle(&self) -> Duration {
        let now = Instant::now();
        let turn = self.pulse.due(now);
        let mut next = self.face.due().map_or(turn, |due| due.min(turn));
        if let Some(due) = self.parked.iter().map(|job| job.due).min() {
            next = next.min(due);
        } else if matches!(self.life, Life::Running { .. }) {
            next = next.min(self.tick_due);
        }
        if self.life.draining_since().is_some() || (self.life.ready_since().is_none() && self.router_away.is_some()) {
            next = next.min(now + ASK);
        } else if let Some(shown) =
            self.router_away.as_ref().map(|(since, _)| *since + ROUTER_GRACE).filter(|shown| *shown > now)
        {
            next = next.min(shown);
        }
        next.saturating_duration_since(now)
    }

    /// Handles one of the runtime's own inputs now, even while another waits for a peer between two of its steps.
    pub fn input(&mut self, what: What) {
        let name = match what {
            What::Start => "start",
            What::Reload => "reload",
            What::Pause(_) => "pause",
            What::Resume => "resume",
            _ => "stop",
        };
        let id = format!("{name}-{}", crate::platform::clock::new_event_id());
        self.advance(Job::new(id, what), None);
    }
}
