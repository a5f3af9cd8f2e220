//! Inputs that somebody waits for: calls, HTTP requests, and a reload.
use super::engine::Engine;
use super::intervals;
use super::job::What;
use super::life::Life;
use super::outbound::{Origin, SendError, outputs};
use crate::contract::daemon::{HandlerError, HttpRequest, HttpResponse, Input, Out};
use crate::contract::messages;
use crate::contract::wire::{Call, ErrorParameters, Reply, errors};
use crate::platform::clock::{new_event_id, now_us};
use crate::platform::config::{self, Dirs};
use crate::platform::{notify, process};

impl Engine<'_> {
    /// Answers a Varlink call. Its outputs are sent before the answer; when that fails, the caller is told and calls
    /// again.
    pub fn call(&mut self, call: &Call) -> Reply {
        let mut out = Out::default();
        self.pulse.work();
        let done = self.call_handler(Input::Call(call), &mut out).and_then(|()| self.request_done(&mut out));
        match (done, out.reply) {
            (Err(error), _) => failure(errors::INTERNAL, error.to_string()),
            (Ok(()), Some(reply)) => reply,
            (Ok(()), None) => failure(errors::METHOD_NOT_FOUND, format!("unknown method {}", call.method)),
        }
    }

    /// Answers an HTTP request, likewise.
    pub fn http(&mut self, request: &HttpRequest) -> HttpResponse {
        let mut out = Out::default();
        self.pulse.work();
        let done = self.call_handler(Input::Http(request), &mut out).and_then(|()| self.request_done(&mut out));
        let plain = |status, body| HttpResponse { status, content_type: "text/plain; charset=utf-8", body };
        match (done, out.response) {
            (Err(HandlerError::Unavailable(why) | HandlerError::NoRoom(why)), _) => plain(503, format!("{why}\n")),
            (Err(error), _) => plain(500, format!("{error}\n")),
            (Ok(()), Some(response)) => response,
            (Ok(()), None) => plain(404, format!("unknown path {}\n", request.path)),
        }
    }

    fn request_done(&mut self, out: &mut Out) -> Result<(), HandlerError> {
        self.show(out);
        let state = self.daemon.save();
        if state != self.baseline {
            self.file.stored.state.clone_from(&state);
            self.file.write().map_err(|e| HandlerError::Unavailable(e.to_string()))?;
            self.baseline = state;
        }
        let id = format!("call-{}", new_event_id());
        let wanted = outputs(out, &Origin { daemon: &self.places.name, input: &id, event: None });
        let mut done = 0;
        let sent = self.outbound.enqueue(&wanted, &mut done).and_then(|()| self.outbound.publish(&wanted));
        sent.map_err(|error| match error {
            SendError::Away(why) => HandlerError::Unavailable(why),
            SendError::Refused { why, .. } => HandlerError::Failed(why),
        })
    }

    /// SIGHUP: reads the configuration again. A bad one changes nothing but what is shown.
    pub fn reload(&mut self) {
        notify::reloading();
        match config::load(&Dirs::daemon()) {
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    tracing::warn!("{warning}");
                }
                self.config = loaded.config;
                self.daemon.configure(&self.config);
                self.interval = intervals::tick(self.spec, &self.config);
                self.tick_due = self.tick_due.min(std::time::Instant::now() + self.interval);
                self.face.set_interval(intervals::health(self.spec, &self.config));
                self.face.troubles.config = None;
                self.face.config.taken(&self.config, now_us());
                tracing::info!("configuration reloaded");
                if !matches!(self.life, Life::Registering { .. }) {
                    self.input(What::Reload);
                }
            }
            Err(refused) => {
                for error in &refused.0 {
                    tracing::error!(
                        MESSAGE_ID = messages::CONFIG_REFUSED,
                        "configuration rejected, the previous one stays in effect: {error}"
                    );
                }
                let first = refused.0.first().map(ToString::to_string).unwrap_or_default();
                self.face.config.refused(now_us());
                self.face.troubles.config =
                    Some(format!("configuration rejected, the previous one stays in effect: {first}"));
            }
        }
        // A handler that waits for a peer does not keep the service manager waiting.
        if self.life.ready_since().is_some() {
            notify::ready(self.face.line());
            process::trim();
        }
    }
}

fn failure(name: &str, message: String) -> Reply {
    Reply::error(name, &ErrorParameters { message, ..Default::default() })
}
