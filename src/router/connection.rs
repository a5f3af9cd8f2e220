//! One connection: reads calls, starts them, keeps their answers in order.
use super::frames::{Frames, failure};
use super::hub::Hub;
use super::methods;
use super::outbox::{self, Outbox};
use super::publish;
use super::refusal::Refusal;
use super::replay;
use super::stream::Stream;
use super::subscriptions;
use crate::contract::router::{Delivery, Replay, Subscribe};
use crate::contract::wire::{MAX_DEPTH, errors, is_too_deep};
use crate::platform::varlink::{Caller, ConnectionBudget, FrameError};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::rc::Rc;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::task::spawn_local;

/// A call as it stands in its frame.
#[derive(serde::Deserialize)]
pub struct RawCall<'a> {
    /// `<interface>.<Method>`.
    #[serde(borrow)]
    pub method: Cow<'a, str>,
    /// The arguments, not read yet.
    #[serde(borrow, default)]
    pub parameters: Option<&'a RawValue>,
    /// Several replies are wanted.
    #[serde(default)]
    pub more: bool,
    /// No reply is wanted.
    #[serde(default)]
    pub oneway: bool,
}

/// What a call does to its connection.
pub enum Flow {
    /// The next call may come.
    Next,
    /// A subscription occupies it.
    Subscribe(Box<Subscribe>),
    /// A replay occupies it.
    Replay(Box<Replay>),
}

/// Serves a connection to its end, if its user's budget has room for it.
pub async fn serve(hub: Rc<Hub>, stream: UnixStream) {
    let caller = match Caller::of(&stream) {
        Ok(caller) => caller,
        Err(error) => {
            tracing::warn!(%error, "rejected a caller without credentials");
            return;
        }
    };
    let seat = match hub.budget.seat(&caller) {
        Ok(seat) => seat,
        Err(over) => {
            // Into the empty buffer of a new connection; one that is gone already need not know.
            drop(stream.try_write(&failure(&Refusal::new(errors::TOO_MANY, over.to_string()))));
            return;
        }
    };
    let (read, write) = stream.into_split();
    let (out, sending) = outbox::new(write);
    let sender = spawn_local(sending.run());
    converse(&hub, &caller, seat, Frames::new(read), &out).await;
    drop(out);
    // Answers that wait for the disk are still sent; a caller that does not read them is left behind when the process
    // ends.
    let _ = sender.await;
}

async fn converse(
    hub: &Rc<Hub>,
    caller: &Caller,
    mut seat: ConnectionBudget,
    mut frames: Frames<OwnedReadHalf>,
    out: &Outbox,
) {
    let mut stopping = hub.stopping.subscribe();
    loop {
        if !out.room().await {
            return;
        }
        let frame = match publish::take(hub, caller, &mut frames, out) {
            Ok(Some(frame)) => frame,
            Ok(None) => {
                let more = tokio::select! {
                    biased;
                    _ = stopping.wait_for(|stop| *stop) => return,
                    () = out.gone() => return,
                    more = frames.more() => more,
                };
                // What is here of an unfinished frame, and what waits for the disk.
                match more.and_then(|more| Ok(seat.hold(frames.buffered() + out.held()).map(|()| more)?)) {
                    Ok(true) => continue,
                    Ok(false) | Err(FrameError::Io(_)) => return,
                    Err(error) => {
                        out.now(failure(&unreadable(&error)));
                        return;
                    }
                }
            }
            Err(error) => {
                out.now(failure(&unreadable(&error)));
                return;
            }
        };
        if is_too_deep(&frame) {
            out.now(failure(&Refusal::new(errors::BAD_FRAME, format!("nested deeper than {MAX_DEPTH}"))));
            continue;
        }
        let flow = match serde_json::from_slice::<RawCall<'_>>(&frame) {
            Ok(call) => methods::dispatch(hub, caller, &call, out).await,
            Err(error) => {
                out.now(failure(&Refusal::new(errors::BAD_FRAME, format!("not a Varlink call: {error}"))));
                Flow::Next
            }
        };
        let ended = match flow {
            Flow::Next => continue,
            Flow::Subscribe(wanted) => subscribe(hub, &wanted, &mut frames, out).await,
            Flow::Replay(wanted) => {
                let follow = wanted.follow;
                tokio::select! {
                    ended = replay::run(hub, *wanted, out) => ended,
                    () = out.gone() => return,
                    () = frames.closed(), if follow => return,
                    _ = stopping.wait_for(|stop| *stop), if follow => Err(Refusal::stopping()),
                }
            }
        };
        if let Err(refusal) = ended {
            out.now(failure(&refusal));
        }
    }
}

fn unreadable(error: &FrameError) -> Refusal {
    let name = if matches!(error, FrameError::OverBudget(_)) { errors::TOO_MANY } else { errors::BAD_FRAME };
    Refusal::new(name, error.to_string())
}

/// Streams until the subscription is taken over or the subscriber is gone.
async fn subscribe(
    hub: &Rc<Hub>,
    wanted: &Subscribe,
    frames: &mut Frames<OwnedReadHalf>,
    out: &Outbox,
) -> Result<(), Refusal> {
    subscriptions::define(hub, std::slice::from_ref(wanted)).await?;
    let max_in_flight = wanted.max_in_flight as usize;
    let Some((token, wake)) = hub.open_stream(&wanted.name, max_in_flight) else {
        return Err(Refusal::new(errors::NOT_FOUND, "the subscription was retired in the meantime"));
    };
    let first = Delivery { token: Some(token.clone()), seq: 0, attempt: 0, event: None };
    out.now(super::frames::reply(&first, true));
    let mut stopping = hub.stopping.subscribe();
    let mut stream = Stream::new(hub.clone(), wanted.name.clone(), token.clone(), wake, max_in_flight);
    let (ended, crashed) = tokio::select! {
        refusal = stream.run(out) => (refusal, false),
        () = out.gone() => (Refusal::stopping(), true),
        () = frames.closed() => (Refusal::stopping(), true),
        _ = stopping.wait_for(|stop| *stop) => (Refusal::stopping(), false),
    };
    hub.close_stream(&wanted.name, &token, crashed);
    Err(ended)
}
