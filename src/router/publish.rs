//! Publish, the call that comes most: calls that stand one behind the other in the buffer are read where they stand and
//! go to the writer together. Each is still a call of its own: stored as a whole or not at all, and answered by itself.
use super::authority;
use super::command::{Answered, Calls, Command};
use super::connection::RawCall;
use super::frames::{self, Frames, failure};
use super::hub::{Counters, Hub};
use super::incoming::read_publish;
use super::outbox::{MAX_CALLS, Outbox};
use super::prepare::{Incoming, prepare};
use super::refusal::Refusal;
use crate::contract::ids::{ConfigKey, EventId};
use crate::contract::router::calls::method;
use crate::contract::wire::errors;
use crate::platform::clock::now_us;
use crate::platform::varlink::{Caller, FrameError};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::rc::Rc;
use std::time::Instant;
use tokio::io::AsyncRead;
use tokio::sync::oneshot;

/// Events in one Publish.
const MAX_BATCH: usize = 4096;
/// Bytes of events that go to the writer together.
const MAX_BYTES: usize = 1 << 20;
/// Brackets in a payload up to which no reader's limit of depth can be reached.
const MAX_BRACKETS: usize = 100;
/// A call as every program writes it: what stands before its arguments, and behind them.
const CALL_PREFIX: &[u8] = b"{\"method\":\"org.ringrift.Router.Publish\",\"parameters\":";
const CALL_SUFFIX: &[u8] = b"}";

/// Calls on their way to the writer.
#[derive(Default)]
struct Batch {
    calls: Calls,
    silent: Vec<bool>,
    bytes: usize,
}

impl Batch {
    fn send(&mut self, hub: &Rc<Hub>, out: &Outbox) {
        if self.silent.is_empty() {
            return;
        }
        let Batch { calls, silent, bytes } = std::mem::take(self);
        let ends = calls.ends.clone();
        let (answer, answered) = oneshot::channel();
        let begun = Instant::now();
        hub.command(Command::Publish(calls, answer));
        let hub = hub.clone();
        out.later(silent.len(), bytes, async move {
            let mut out = Vec::new();
            let answer = answered.await;
            hub.meter.borrow_mut().took(begun.elapsed(), silent.len());
            match answer {
                Ok(Answered::All(done)) => {
                    out.reserve(done.len() * 112 + silent.len() * 32);
                    Counters::add(&hub.counters.duplicates, done.iter().filter(|done| done.duplicate).count());
                    let mut start = 0;
                    for (end, silent) in ends.into_iter().zip(silent) {
                        if !silent {
                            frames::published(&done[start..end], &mut out);
                        }
                        start = end;
                    }
                }
                Ok(Answered::Each(all)) => {
                    for (one, silent) in all.into_iter().zip(silent) {
                        match one {
                            _ if silent => {}
                            Ok(done) => frames::published(&done, &mut out),
                            Err(refusal) => out.extend(failure(&refusal)),
                        }
                    }
                }
                Err(_) => {
                    silent.iter().filter(|silent| !**silent).for_each(|_| out.extend(failure(&Refusal::stopping())))
                }
            }
            out
        });
    }
}

/// Takes all publishes that are here; the frame of another call, or nothing: more must be read or there is no room.
pub fn take<R: AsyncRead + Unpin>(
    hub: &Rc<Hub>,
    caller: &Caller,
    frames: &mut Frames<R>,
    out: &Outbox,
) -> Result<Option<Vec<u8>>, FrameError> {
    let mut batch = Batch::default();
    let may = authority::call(caller, method::PUBLISH).is_ok();
    let other = loop {
        let frame = match frames.next() {
            Ok(Some(frame)) => frame,
            Ok(None) => break Ok(None),
            Err(error) => break Err(error),
        };
        // A caller who may not publish at all is rejected by the table of rights.
        let Some(parameters) =
            frame.strip_prefix(CALL_PREFIX).filter(|_| may).and_then(|rest| rest.strip_suffix(CALL_SUFFIX))
        else {
            break Ok(Some(frame.to_vec()));
        };
        let Some(events) = read(parameters) else { break Ok(Some(frame.to_vec())) };
        if let Err(refusal) = add(hub, caller, events, false, out, &mut batch) {
            // In its turn: answers that wait for the disk come first.
            batch.send(hub, out);
            out.later(1, 0, async move { failure(&refusal) });
        }
        if batch.bytes >= MAX_BYTES {
            batch.send(hub, out);
        }
    };
    batch.send(hub, out);
    other
}

/// One call, however it is written.
pub fn one(hub: &Rc<Hub>, caller: &Caller, call: &RawCall<'_>, out: &Outbox) -> Result<(), Refusal> {
    let events = match call.parameters.and_then(|raw| read(raw.get().as_bytes())) {
        Some(events) => events,
        // Reads more slowly, tells what is wrong, and takes what the fast way is too careful for.
        None => read_publish(call)?,
    };
    let mut batch = Batch::default();
    add(hub, caller, events, call.oneway, out, &mut batch)?;
    batch.send(hub, out);
    Ok(())
}

fn add(
    hub: &Hub,
    caller: &Caller,
    events: Vec<Incoming<'_>>,
    silent: bool,
    out: &Outbox,
    batch: &mut Batch,
) -> Result<(), Refusal> {
    if !out.may_wait(batch.silent.len()) {
        let message = format!("{MAX_CALLS} unanswered calls on this connection; read some answers first");
        return Err(Refusal::new(errors::TOO_MANY, message));
    }
    if events.len() > MAX_BATCH {
        let message = format!("{} events in one batch; the maximum is {MAX_BATCH}", events.len());
        return Err(Refusal::parameter(errors::INVALID_PARAMETER, "events", message));
    }
    let now = now_us();
    let before = batch.calls.events.len();
    let all = |batch: &mut Batch| -> Result<(), Refusal> {
        let mut kinds = hub.kinds.borrow_mut();
        let stranger = Some(caller.peer.uid).filter(|_| !caller.class.is_own());
        for (at, mut event) in events.into_iter().enumerate() {
            event.stranger = stranger;
            let kind = kinds.take(&event.kind, event.newer.is_some(), || format!("events[{at}].type"))?;
            // The socket's mode decides who can call at all; what controls the suite is for the suite.
            authority::check(caller, kind, || format!("events[{at}].type"))?;
            authority::source(caller, &event.source, || format!("events[{at}].source"))?;
            let prepared = prepare(event, at, &mut kinds, &hub.node, now)?;
            batch.bytes += prepared.body.len();
            batch.calls.events.push(prepared);
        }
        Ok(())
    };
    if let Err(refusal) = all(batch) {
        batch.calls.events.truncate(before);
        return Err(refusal);
    }
    batch.calls.ends.push(batch.calls.events.len());
    batch.silent.push(silent);
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<'a> {
    #[serde(borrow)]
    events: Vec<RawEvent<'a>>,
}

/// `NewEvent` as it stands in its frame.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEvent<'a> {
    #[serde(default)]
    id: Option<EventId>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    payload: &'a RawValue,
    #[serde(default)]
    key: Option<ConfigKey>,
    #[serde(default)]
    cause: Option<EventId>,
    #[serde(default)]
    correlation: Option<EventId>,
    #[serde(borrow, default)]
    source: Cow<'a, str>,
    #[serde(default)]
    time_us: Option<i64>,
    #[serde(borrow, default)]
    idempotency_key: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The events of a call's arguments; nothing when they are not as most are.
pub(super) fn read(parameters: &[u8]) -> Option<Vec<Incoming<'_>>> {
    let raw: Raw<'_> = serde_json::from_slice(parameters).ok()?;
    let mut all = Vec::with_capacity(raw.events.len());
    for event in raw.events {
        if !sound(event.payload.get()) {
            return None;
        }
        all.push(Incoming {
            id: event.id.as_ref().map(EventId::to_bytes),
            kind: event.kind,
            payload: event.payload.get().into(),
            fields: None,
            key: event.key,
            cause: event.cause.as_ref().map(EventId::to_bytes),
            correlation: event.correlation.as_ref().map(EventId::to_bytes),
            source: event.source,
            time_us: event.time_us,
            idempotency_key: event.idempotency_key.map(|Text(key)| key),
            stranger: None,
            newer: None,
        });
    }
    Some(all)
}

/// Whether every reader of JSON will read it: an object, numbers in range, texts without half characters, not too deep.
fn sound(payload: &str) -> bool {
    payload.starts_with('{')
        && memchr::memchr2_iter(b'{', b'[', payload.as_bytes()).take(MAX_BRACKETS + 1).count() <= MAX_BRACKETS
        && serde_json::from_str::<AnyJson>(payload).is_ok()
}

/// Any JSON, looked at to its last value and thrown away.
struct AnyJson;

impl<'de> Deserialize<'de> for AnyJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyJsonVisitor;
        impl<'de> Visitor<'de> for AnyJsonVisitor {
            type Value = AnyJson;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("JSON")
            }
            fn visit_bool<E>(self, _: bool) -> Result<AnyJson, E> {
                Ok(AnyJson)
            }
            fn visit_i64<E>(self, _: i64) -> Result<AnyJson, E> {
                Ok(AnyJson)
            }
            fn visit_u64<E>(self, _: u64) -> Result<AnyJson, E> {
                Ok(AnyJson)
            }
            fn visit_f64<E>(self, _: f64) -> Result<AnyJson, E> {
                Ok(AnyJson)
            }
            fn visit_str<E>(self, _: &str) -> Result<AnyJson, E> {
                Ok(AnyJson)
            }
            fn visit_unit<E>(self) -> Result<AnyJson, E> {
                Ok(AnyJson)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<AnyJson, A::Error> {
                while items.next_element::<AnyJson>()?.is_some() {}
                Ok(AnyJson)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<AnyJson, A::Error> {
                while fields.next_entry::<AnyJson, AnyJson>()?.is_some() {}
                Ok(AnyJson)
            }
        }
        deserializer.deserialize_any(AnyJsonVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::router::NewEvent;
    use proptest::prelude::*;

    fn texts(payload: &str) -> String {
        format!(
            "{{\"events\":[{{\"type\":\"external.a\",\"payload\":{payload},\"source\":\"s\",\"idempotency_key\":\"k\\u0041\"}}]}}"
        )
    }

    #[test]
    fn what_some_reader_would_refuse_is_left_to_the_careful_way() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(126), "]".repeat(126));
        for bad in
            ["[]", "7", "{\"a\":1e999}", "{\"a\":\"\\ud800\"}", "{\"a\":01}", "{\"a\":1,}", "{\"a\":\"\u{1}\"}", &deep]
        {
            assert!(read(texts(bad).as_bytes()).is_none(), "{bad}");
        }
        let text = texts(" { \"a\" : [1, -2.5e3, \"\\u00e4\\n\", null, true, {}] }");
        let events = read(text.as_bytes()).expect("sound");
        assert_eq!((&*events[0].kind, events[0].idempotency_key.as_deref()), ("external.a", Some("kA")));
        assert_eq!(events[0].payload, "{ \"a\" : [1, -2.5e3, \"\\u00e4\\n\", null, true, {}] }");
        assert!(read(b"{\"events\":[{\"type\":\"external.a\",\"payload\":{},\"more\":1}]}").is_none());
        assert!(read(b"{\"events\":[],\"x\":1}").is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The fast way reads what the careful one reads.
        #[test]
        fn both_ways_agree(kind in "[a-z\"\\\\é]{1,8}", text in "\\PC{0,20}", number in any::<f64>(), key in prop::option::of("\\PC{1,10}"), time in prop::option::of(any::<i64>())) {
            let event = serde_json::json!({"type": kind, "payload": {"text": text, "n": number, "deep": [{"a": [key]}]}, "idempotency_key": key, "time_us": time});
            let call = serde_json::json!({"events": [event]}).to_string();
            let fast = read(call.as_bytes()).expect("sound").pop().expect("one");
            // From the same text: reading a number is exact only to its last digit.
            let read_again: serde_json::Value = serde_json::from_str(&call).expect("JSON");
            let slow: NewEvent = serde_json::from_value(read_again["events"][0].clone()).expect("an event");
            let fields: serde_json::Map<_, _> = serde_json::from_str(&fast.payload).expect("an object");
            prop_assert_eq!(&fields, &slow.payload);
            let slow = Incoming::from(slow);
            prop_assert_eq!((fast.kind, fast.source, fast.idempotency_key, fast.time_us), (slow.kind, slow.source, slow.idempotency_key, slow.time_us));
        }
    }
}
