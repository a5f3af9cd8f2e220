//! The main loop of a daemon: takes inputs one after the other. Without any it wakes at a third of the watchdog's time only, pings it and
//! looks at what is outside.
use super::backoff::Restarts;
use super::control;
use super::face::Face;
use super::inbox::{Message, Outside};
use super::job::{Job, What};
use super::life::Life;
use super::outbound::Outbound;
use super::places::Places;
use super::state::StateFile;
use super::subscription::Subscription;
use crate::contract::config::Config;
use crate::contract::daemon::Handler;
use crate::contract::error::Exit;
use crate::contract::health::{Health, State};
use crate::contract::messages;
use crate::contract::ports::Units;
use crate::contract::registry::DaemonSpec;
use crate::contract::router::{Delivery, Subscribe};
use crate::platform::signals::Asked;
use crate::platform::socket_file::SocketFile;
use crate::platform::{notify, process};
use serde_json::Value;
use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

/// A tick that is wanted now comes after this.
const EARLY: Duration = Duration::from_millis(200);

/// Longest turn where no watchdog sets one.
const TURN: Duration = Duration::from_secs(10);
/// A busy daemon looks at what is outside at most so often.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// While a peer is needed to become ready, it is asked so often.
const ASK: Duration = Duration::from_millis(500);
/// An absent router is shown after so long: its restart takes a moment and is no news.
const ROUTER_GRACE: Duration = Duration::from_secs(2);
/// At its end a daemon waits so long at most for a peer that does not answer.
const AWAY: Duration = Duration::from_secs(1);
/// Handled events that are remembered, so that one whose acknowledgement was lost is not handled again.
pub(super) const REMEMBERED: usize = 1024;

/// The longest turn: a third of what the watchdog allows.
pub(super) fn longest_turn() -> Duration {
    notify::watchdog_interval().map_or(TURN, |allowed| allowed / 3)
}

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
    pub remembered: (HashSet<String>, VecDeque<String>),
    pub interval: Duration,
    pub tick_due: Instant,
    /// Longest turn.
    pub turn: Duration,
    /// When it last looked outside.
    pub looked: Option<Instant>,
    /// When it last pinged the watchdog.
    pub pinged: Option<Instant>,
    /// Where the process stands between its start and its end.
    pub life: Life,
    pub reload_pending: bool,
}

impl Engine<'_> {
    /// Runs to the end.
    pub fn run(mut self) -> Exit {
        self.interval = super::tick_interval(self.spec, &self.config);
        self.tick_due = Instant::now() + self.interval;
        for (id, outputs) in &self.file.stored.pending {
            // An event's outputs wait for its redelivery; nobody redelivers anything else.
            if crate::contract::ids::EventId::new(id.clone()).is_err() {
                self.parked.push(Job::resend(id.clone(), outputs.clone()));
            }
        }
        let control = control::read(&self.places);
        if control.paused {
            self.life.pause();
            self.face.last =
                format!("paused by {}: {}", nonempty(&control.who, "the control file"), nonempty(&control.reason, "no reason given"));
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
            // Each ping wakes the service manager too.
            if self.pinged.is_none_or(|at| at.elapsed() + POLL_INTERVAL >= self.turn) {
                self.pinged = self.looked;
                notify::watchdog();
            }
            if self.outside.control.is_none() {
                self.control_changed();
            }
            let trouble = self.socket.as_ref().and_then(SocketFile::trouble);
            if let Some(why) = trouble.as_ref().filter(|_| self.face.troubles.socket.is_none()) {
                tracing::error!(MESSAGE_ID = messages::SOCKET_GONE, "{why}");
            }
            self.face.troubles.socket = trouble;
            self.face.troubles.dependency =
                super::dependency::trouble(self.spec, self.others, &self.places.control_directory(), self.life.ready_since());
            self.face.standstill = self.life.ready_since().and_then(|_| super::dependency::standstill(self.spec, self.others));
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
        if self.life.ready_since().is_some_and(|since| since.elapsed().as_secs() >= u64::from(self.config.master.reset_after)) {
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

    fn starting(&mut self) {
        if matches!(self.life, Life::Registering { .. }) {
            let registered = self.subscribe.is_none() || self.token.is_some() || (self.life.is_paused() && self.register());
            if !registered {
                // The start timeout is for a daemon that hangs, not for one that waits: a restart would not help it.
                notify::extend(self.turn * 3);
                return;
            }
            self.life.begin();
            self.input(What::Start);
            if self.life.is_paused() {
                self.input(What::Pause(control::read(&self.places).reason));
            }
        }
        if self.parked.is_empty() && self.life.ready(Instant::now()) {
            self.face.state = if self.life.is_paused() { State::Paused } else { State::Running };
            if self.face.reported == Health::default() {
                self.face.reported = Health::healthy("");
            }
            tracing::info!("ready");
            self.face.refresh();
            notify::ready(self.face.line());
            self.face.reporter().started();
            process::trim();
        } else {
            notify::extend(self.turn * 3);
        }
    }

    /// A paused daemon has its place in the log too.
    fn register(&mut self) -> bool {
        let Some(subscribe) = &self.subscribe else { return true };
        match self.outbound.register(subscribe) {
            Ok(()) => {
                self.router_away = None;
                true
            }
            Err(why) => {
                self.router_away.get_or_insert_with(|| (Instant::now(), String::new())).1 = why;
                false
            }
        }
    }

    /// After SIGTERM: what was begun is ended, then Stop is handled, then the process ends; late in the time allowed it ends
    /// without: what is not settled is delivered again.
    fn draining(&mut self, since: Instant) {
        let allowed = Duration::from_secs(u64::from(self.config.runtime.shutdown_timeout));
        // A peer that is away is not waited for: what is not settled comes again.
        let patience = if self.face.troubles.peer.is_some() { (allowed / 2).min(AWAY) } else { allowed / 2 };
        if (self.parked.is_empty() || since.elapsed() > patience) && self.life.stop() && self.life.ready_since().is_some() {
            self.input(What::Stop);
        }
        if matches!(self.life, Life::Stopping { .. }) && (self.parked.is_empty() || since.elapsed() > patience * 3 / 2) {
            if let Some(job) = self.parked.first() {
                tracing::warn!(input = job.id, "stopping before this input is handled; it will be delivered again");
            }
            self.face.state = State::Stopped;
            self.face.refresh();
            if self.life.ready_since().is_some() {
                let patience = if self.face.troubles.peer.is_some() { (allowed / 8).min(AWAY) } else { allowed / 8 };
                self.face.reporter().stopped("SIGTERM", patience);
            }
            tracing::info!("stopped");
            self.life.end(Exit::Ok);
        }
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
        let mut next = self.face.due().map_or(now + self.turn, |due| due.min(now + self.turn));
        if let Some(due) = self.parked.iter().map(|job| job.due).min() {
            next = next.min(due);
        } else if matches!(self.life, Life::Running { .. }) {
            next = next.min(self.tick_due);
        }
        if self.life.draining_since().is_some() || (self.life.ready_since().is_none() && self.router_away.is_some()) {
            next = next.min(now + ASK);
        } else if let Some(shown) = self.router_away.as_ref().map(|(since, _)| *since + ROUTER_GRACE).filter(|shown| *shown > now) {
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

    fn receive(&mut self, message: Message) {
        match message {
            Message::Signal(Asked::Stop) => self.stop(),
            Message::Signal(Asked::Reload) => self.reload(),
            Message::Control => self.control_changed(),
            // Several in a row are one.
            Message::Early => self.tick_due = self.tick_due.min(Instant::now() + EARLY),
            Message::Subscribed { generation, token } => {
                if self.streaming {
                    // What an earlier connection delivered and nobody handled comes again on this one.
                    self.deliveries.clear();
                    self.generation = generation;
                    self.token = Some(token);
                    self.router_away = None;
                }
            }
            Message::Delivered { generation, delivery } => {
                if generation == self.generation {
                    self.deliveries.push_back(*delivery);
                }
            }
            Message::Unsubscribed { why } if !self.streaming => tracing::debug!(why, "subscription closed"),
            Message::Unsubscribed { why } => {
                self.router_away.get_or_insert_with(|| (Instant::now(), String::new())).1 = why;
            }
            Message::Call { call, answer } => {
                // A caller that is gone does not matter.
                let _ = answer.send(self.call(&call));
            }
            Message::Http { request, answer } => {
                let _ = answer.send(self.http(&request));
            }
        }
    }

    fn stop(&mut self) {
        if !self.life.drain(Instant::now()) {
            return;
        }
        self.face.state = State::ShuttingDown;
        notify::stopping(self.face.line());
    }

    fn open(&mut self) {
        if let Some(subscription) = &self.subscription {
            self.router_away = Some((Instant::now(), "connecting".into()));
            self.streaming = true;
            subscription.open();
        }
    }

    /// Ends the subscription once no event is half-way; what else was delivered goes back to the router.
    fn close(&mut self) {
        if !self.streaming || self.parked.iter().any(Job::is_event) {
            return;
        }
        self.streaming = false;
        self.generation = 0;
        self.deliveries.clear();
        self.router_away = None;
        if let (Some(subscribe), Some(token)) = (&self.subscribe, self.token.take()) {
            self.outbound.release(&subscribe.name, &token);
        }
        if let Some(subscription) = &self.subscription {
            subscription.close();
        }
    }

    fn control_changed(&mut self) {
        let control = control::read(&self.places);
        let changed = if control.paused { self.life.pause() } else { self.life.resume() };
        if !changed {
            return;
        }
        let who = nonempty(&control.who, "the control file");
        if control.paused {
            self.face.last = format!("paused by {who}: {}", nonempty(&control.reason, "no reason given"));
        } else {
            if !self.streaming {
                self.open();
            }
            self.face.last = format!("resumed by {who}");
        }
        tracing::info!(who = control.who, reason = control.reason, "{}", if control.paused { "paused" } else { "resumed" });
        if !matches!(self.life, Life::Registering { .. }) {
            self.input(if control.paused { What::Pause(control.reason) } else { What::Resume });
        }
        match self.life {
            Life::Running { .. } => self.face.state = State::Running,
            Life::Paused { .. } => self.face.state = State::Paused,
            _ => {}
        }
    }
}

fn nonempty<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}
