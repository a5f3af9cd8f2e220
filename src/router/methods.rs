//! The methods: arguments in, answers out.
use super::authority;
use super::command::Command;
use super::connection::{Flow, RawCall};
use super::frames::{self, done, failure, reply};
use super::hub::Hub;
use super::outbox::Outbox;
use super::publish;
use super::refusal::Refusal;
use super::subscriptions::{self, Written};
use crate::contract::router::calls::{Count, DeadLetterShow, DeadLetterShown, Release, Retire, SubscriberList, method};
use crate::contract::router::{Ack, Fetch, INTERFACE, Nack, Register, Replay, Subscribe};
use crate::contract::wire::errors;
use crate::platform::varlink::{Caller, parse_text};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::rc::Rc;

const DESCRIPTION: &str = include_str!("../contract/interfaces/org.ringrift.Router.varlink");
const SERVICE: &str = include_str!("../contract/interfaces/org.varlink.service.varlink");

/// Starts a call. Publish and Ack continue while the next call is read; every other method sees what came before it
/// done.
pub async fn dispatch(hub: &Rc<Hub>, caller: &Caller, call: &RawCall<'_>, out: &Outbox) -> Flow {
    let started = match &*call.method {
        method::PUBLISH => authority::call(caller, method::PUBLISH).and_then(|()| publish::one(hub, caller, call, out)),
        method::ACK => ack(hub, caller, call).map(|written| when_written(call, out, written)),
        method::NACK => nack(hub, caller, call).map(|written| when_written(call, out, written)),
        _ => return in_turn(hub, caller, call, out).await,
    };
    if let Err(refusal) = started
        && !call.oneway
    {
        // In its turn: answers that wait for the disk come first.
        out.later(1, 0, async move { failure(&refusal) });
    }
    Flow::Next
}

fn ack(hub: &Hub, caller: &Caller, call: &RawCall<'_>) -> Result<Option<Written>, Refusal> {
    authority::call(caller, method::ACK)?;
    let ack: Ack = parse(call)?;
    authority::name(caller, &ack.name)?;
    subscriptions::ack(hub, &ack)
}

fn nack(hub: &Hub, caller: &Caller, call: &RawCall<'_>) -> Result<Option<Written>, Refusal> {
    authority::call(caller, method::NACK)?;
    let nack: Nack = parse(call)?;
    authority::name(caller, &nack.name)?;
    subscriptions::nack(hub, &nack)
}

fn when_written(call: &RawCall<'_>, out: &Outbox, written: Option<Written>) {
    let silent = call.oneway;
    out.later(1, 0, async move {
        if let Some(written) = written {
            // An error is the writer's end; the ack is known here, and after a restart the event comes again.
            let _ = written.await;
        }
        if silent { Vec::new() } else { done() }
    });
}

async fn in_turn(hub: &Rc<Hub>, caller: &Caller, call: &RawCall<'_>, out: &Outbox) -> Flow {
    if !out.quiet().await {
        return Flow::Next;
    }
    match &*call.method {
        method::SUBSCRIBE | method::REPLAY => match start(caller, call) {
            Ok(flow) => return flow,
            Err(refusal) => drop(out.now(failure(&refusal))),
        },
        _ => {
            let answer = answer(hub, caller, call).await.unwrap_or_else(|refusal| failure(&refusal));
            if !call.oneway {
                out.now(answer);
            }
        }
    }
    Flow::Next
}

fn start(caller: &Caller, call: &RawCall<'_>) -> Result<Flow, Refusal> {
    authority::call(caller, &call.method)?;
    if !call.more {
        return Err(Refusal::new(
            errors::EXPECTED_MORE,
            format!("{} streams its replies; call it with more", call.method),
        ));
    }
    if call.method == method::REPLAY {
        return Ok(Flow::Replay(Box::new(parse::<Replay>(call)?)));
    }
    let wanted: Subscribe = parse(call)?;
    authority::name(caller, &wanted.name)?;
    subscriptions::check(&wanted)?;
    Ok(Flow::Subscribe(Box::new(wanted)))
}

async fn answer(hub: &Rc<Hub>, caller: &Caller, call: &RawCall<'_>) -> Result<Vec<u8>, Refusal> {
    authority::call(caller, &call.method)?;
    match &*call.method {
        method::REGISTER => {
            let wanted = parse::<Register>(call)?.subscriptions;
            wanted.iter().try_for_each(|one| authority::name(caller, &one.name))?;
            subscriptions::define(hub, &wanted).await.map(|()| done())
        }
        method::RELEASE => {
            let release: Release = parse(call)?;
            authority::name(caller, &release.name)?;
            subscriptions::release(hub, &release).map(|()| done())
        }
        method::RETIRE => subscriptions::retire(hub, &parse::<Retire>(call)?.name).await.map(|()| done()),
        method::FETCH => fetch(hub, &parse(call)?).await,
        method::STATS => super::stats::stats(hub).await.map(|stats| reply(&stats, false)),
        method::SUBSCRIBERS => {
            subscriptions::list(hub).await.map(|subscribers| reply(&SubscriberList { subscribers }, false))
        }
        method::DEAD_LETTER_LIST => hub.reader.letter_page(parse(call)?).await.map(|page| reply(&page, false)),
        method::DEAD_LETTER_SHOW => {
            let id = parse::<DeadLetterShow>(call)?.id;
            let letter = hub.reader.letter(id).await?;
            let missing = || Refusal::parameter(errors::NOT_FOUND, "id", format!("no dead letter {id}"));
            Ok(reply(&DeadLetterShown { letter: letter.ok_or_else(missing)?.fitting() }, false))
        }
        method::DEAD_LETTER_REDRIVE => {
            subscriptions::redrive(hub, parse(call)?).await.map(|count| reply(&Count { count }, false))
        }
        method::DEAD_LETTER_PURGE => {
            let filter = parse(call)?;
            hub.ask(|answer| Command::Purge(filter, answer)).await.map(|count| reply(&Count { count }, false))
        }
        "org.varlink.service.GetInfo" => Ok(reply(
            &json!({
                "vendor": "ringrift", "product": "ringrift", "version": env!("CARGO_PKG_VERSION"), "url": env!("CARGO_PKG_REPOSITORY"),
                "interfaces": ["org.varlink.service", INTERFACE],
            }),
            false,
        )),
        "org.varlink.service.GetInterfaceDescription" => describe(call),
        other => Err(unknown(other)),
    }
}

fn describe(call: &RawCall<'_>) -> Result<Vec<u8>, Refusal> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        interface: String,
    }
    let wanted: Wanted = parse(call)?;
    match wanted.interface.as_str() {
        INTERFACE => Ok(reply(&json!({ "description": DESCRIPTION }), false)),
        "org.varlink.service" => Ok(reply(&json!({ "description": SERVICE }), false)),
        other => Err(Refusal::parameter(errors::INTERFACE_NOT_FOUND, other, format!("this socket serves {INTERFACE}"))),
    }
}

/// A method that is not served here, or has no row in the table of rights.
pub(super) fn unknown(name: &str) -> Refusal {
    let interface = name.rsplit_once('.').map_or("", |(interface, _)| interface);
    if interface == INTERFACE || interface == "org.varlink.service" {
        Refusal::parameter(errors::METHOD_NOT_FOUND, name, format!("{interface} has no such method"))
    } else {
        Refusal::parameter(errors::INTERFACE_NOT_FOUND, interface, format!("this socket serves {INTERFACE}"))
    }
}

async fn fetch(hub: &Hub, wanted: &Fetch) -> Result<Vec<u8>, Refusal> {
    let row = match (&wanted.id, wanted.seq) {
        (Some(id), None) => hub.reader.by_id(id.to_bytes()).await?,
        (None, Some(seq)) => hub.reader.at(vec![seq], 1).await?.0.pop(),
        _ => return Err(Refusal::parameter(errors::INVALID_PARAMETER, "id", "exactly one of id and seq is required")),
    };
    let Some(row) = row else {
        return Err(Refusal::new(errors::NOT_FOUND, "no such event: never stored, or already deleted"));
    };
    let mut bytes = format!("{{\"parameters\":{{\"seq\":{},\"event\":", row.seq).into_bytes();
    frames::event(row.seq, &row.body, &mut bytes);
    bytes.extend_from_slice(b"}}\0");
    Ok(bytes)
}

/// Reads a call's arguments; the error names the field, what was expected, what was given.
pub fn parse<T: DeserializeOwned>(call: &RawCall<'_>) -> Result<T, Refusal> {
    let text = call.parameters.map_or("{}", |raw| raw.get());
    parse_text(text).map_err(|parameters| Refusal { name: errors::INVALID_PARAMETER, parameters })
}
