//! Publishes the outbox: a batch goes to the router, and is forgotten when the router has it on disk.
use super::outbox;
use super::outbox_signal::OutboxSignal;
use super::writer::Core;
use crate::contract::backoff::Backoff;
use crate::contract::router::{self, Publish, PublishResult};
use crate::contract::wire::{CallError, MAX_FRAME, errors};
use crate::platform::threads;
use crate::platform::varlink::Client;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Pauses between tries while the router is away, the first and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A router that says nothing for so long is as good as away.
const RPC_TIMEOUT: Duration = Duration::from_secs(10);

/// Starts the publisher's thread.
pub fn start(core: Core, signal: Arc<OutboxSignal>, socket: PathBuf) -> std::io::Result<()> {
    let publisher = Publisher { core, signal, socket, router: None, away: false };
    threads::part("publisher", move || publisher.run()).map(|_| ())
}

struct Publisher {
    core: Core,
    signal: Arc<OutboxSignal>,
    socket: PathBuf,
    router: Option<Client>,
    away: bool,
}

impl Publisher {
    fn run(mut self) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            match self.round() {
                Ok(true) => backoff.reset(),
                Ok(false) => {
                    self.signal.emptied();
                    self.signal.wait(None);
                }
                Err(why) => {
                    self.signal.away();
                    if !std::mem::replace(&mut self.away, true) {
                        tracing::warn!(%why, "the router does not accept events; they stay in the outbox");
                    }
                    self.signal.wait(Some(backoff.wait()));
                }
            }
        }
    }

    /// Publishes one batch; false when there is nothing left.
    fn round(&mut self) -> Result<bool, String> {
        let batch = self.core.change(|cx| outbox::waiting(cx, MAX_FRAME / 2)).map_err(|e| e.to_string())?;
        let Some((last, _)) = batch.last() else { return Ok(false) };
        let last = *last;
        let (numbers, events): (Vec<i64>, Vec<_>) = batch.into_iter().unzip();
        match self.publish(&Publish { events: events.clone() }) {
            Ok(()) => self.forget(last)?,
            Err(error) if is_lasting(&error) && numbers.len() > 1 => {
                // One of them is at fault; the others must not wait for it.
                for (n, event) in numbers.into_iter().zip(events) {
                    match self.publish(&Publish { events: vec![event] }) {
                        Ok(()) => self.forget(n)?,
                        Err(error) if is_lasting(&error) => self.set_aside(n, &error)?,
                        Err(error) => return Err(error.to_string()),
                    }
                }
            }
            Err(error) if is_lasting(&error) => self.set_aside(last, &error)?,
            Err(error) => return Err(error.to_string()),
        }
        if std::mem::take(&mut self.away) {
            tracing::info!("the router accepts events again");
        }
        Ok(true)
    }

    fn publish(&mut self, batch: &Publish) -> Result<(), CallError> {
        let mut client = match self.router.take() {
            Some(client) => client,
            None => Client::connect(&self.socket, Some(RPC_TIMEOUT))?,
        };
        let result = client.call::<PublishResult>(&format!("{}.Publish", router::INTERFACE), batch);
        if !result.as_ref().is_err_and(CallError::is_transport) {
            self.router = Some(client);
        }
        result.map(|_| ())
    }

    fn forget(&self, up_to: i64) -> Result<(), String> {
        self.core.change(move |cx| outbox::published(cx, up_to)).map_err(|e| e.to_string())
    }

    fn set_aside(&self, n: i64, error: &CallError) -> Result<(), String> {
        tracing::error!(event = n, %error, "the router rejected an event; it is kept in outbox_refused");
        let why = error.to_string();
        self.core.change(move |cx| outbox::refused(cx, n, &why)).map_err(|e| e.to_string())
    }
}

/// Whether the same event would be refused again: it is at fault, not the moment.
fn is_lasting(error: &CallError) -> bool {
    [errors::INVALID_PARAMETER, errors::BAD_PAYLOAD, errors::BAD_FRAME].iter().any(|name| error.is(name))
}
