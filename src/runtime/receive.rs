//! What reaches the main loop from outside: signals, the control file, deliveries, calls.
use super::control::{self, nonempty};
use super::engine::Engine;
use super::inbox::Message;
use super::job::{Job, What};
use super::life::Life;
use crate::contract::health::State;
use crate::platform::notify;
use crate::platform::signals::Asked;
use std::time::{Duration, Instant};

/// A tick that is wanted now comes after this.
const EARLY: Duration = Duration::from_millis(200);

impl Engine<'_> {
    /// Takes in what happened outside of the main loop.
    pub fn receive(&mut self, message: Message) {
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

    /// Wants deliveries.
    pub fn open(&mut self) {
        if let Some(subscription) = &self.subscription {
            self.router_away = Some((Instant::now(), "connecting".into()));
            self.streaming = true;
            subscription.open();
        }
    }

    /// Ends the subscription once no event is half-way; what else was delivered goes back to the router.
    pub fn close(&mut self) {
        if !self.streaming || self.parked.iter().any(Job::is_event) {
            return;
        }
        self.streaming = false;
        self.generation = 0;
        self.deliveries.clear();
        self.router_away = None;
        if let (Some(subscribe), Some(token)) = (&self.subscribe, self.token.take()) {
            self.pulse.work();
            self.outbound.release(&subscribe.name, &token);
        }
        if let Some(subscription) = &self.subscription {
            subscription.close();
        }
    }

    /// Reads the control file again.
    pub fn control_changed(&mut self) {
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
        tracing::info!(
            who = control.who,
            reason = control.reason,
            "{}",
            if control.paused { "paused" } else { "resumed" }
        );
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
