//! The master's talk with the hubs: blocking calls, in threads of their own, so that the loop never waits for a socket.
use crate::contract::coordinator::{self, Dispatch, Order, Report, WorkFilter, WorkItem, WorkStatus};
use crate::contract::events::{HostOffline, HostOnline, TypedPayload};
use crate::contract::ids::{NodeId, SubscriberName};
use crate::contract::registry::built;
use crate::contract::router::{self, Interest, NewEvent, Publish, PublishResult, Register, Start, Subscribe};
use crate::contract::wire::CallError;
use crate::platform::varlink::Client;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// Longest wait for a hub's answer; a disk that syncs slowly may take seconds.
const ANSWER: Duration = Duration::from_secs(10);
/// At the end nobody waits long.
const LAST_WORD: Duration = Duration::from_secs(2);
/// Between tries to reach a hub: first and longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What the coordinator's thread tells the loop.
#[derive(Debug)]
pub enum FromCoordinator {
    /// Orders are taken now.
    Up,
    /// The connection is lost; tried again by itself.
    Down(String),
    /// An order.
    Order(Order),
}

/// The declared subscription of every built daemon.
pub fn subscriptions() -> Vec<Subscribe> {
    let declared = built().filter(|s| !s.subscribes.is_empty());
    declared
        .filter_map(|spec| {
            let types = spec.subscribes.iter().map(|t| t.info().wire.to_owned()).collect();
            Some(Subscribe {
                name: SubscriberName::new(spec.daemon.kebab()).ok()?,
                interest: Interest { types, categories: Vec::new() },
                start: Start::Now,
                max_in_flight: 64,
            })
        })
        .collect()
}

/// Makes a cursor for every declared subscription.
pub fn register(socket: &Path) -> Result<usize, CallError> {
    let subscriptions = subscriptions();
    let count = subscriptions.len();
    let mut client = Client::connect(socket, Some(ANSWER))?;
    let method = format!("{}.Register", router::INTERFACE);
    client.call::<serde_json::Map<String, serde_json::Value>>(&method, &Register { subscriptions })?;
    Ok(count)
}

/// An event of the master's or of the failure handler's.
pub fn event<P: TypedPayload>(payload: &P, source: &str, key: String) -> NewEvent {
    NewEvent {
        id: None,
        kind: P::TYPE.info().wire.into(),
        payload: payload.to_map(),
        key: None,
        cause: None,
        correlation: None,
        source: source.into(),
        time_us: Some(crate::platform::clock::now_us()),
        idempotency_key: Some(key),
    }
}

/// Publishes; returns when the disk has it.
pub fn publish(socket: &Path, event: &NewEvent, last_word: bool) -> Result<(), CallError> {
    let mut client = Client::connect(socket, Some(if last_word { LAST_WORD } else { ANSWER }))?;
    let method = format!("{}.Publish", router::INTERFACE);
    client.call::<PublishResult>(&method, &Publish { events: vec![event.clone()] })?;
    Ok(())
}

/// HOST_ONLINE, once for this run of the master.
pub fn say_online(router: &Path, node: &NodeId) -> Result<(), CallError> {
    let run = std::env::var("INVOCATION_ID").unwrap_or_else(|_| std::process::id().to_string());
    let payload = HostOnline { host: node.clone(), capabilities: Vec::new() };
    publish(router, &event(&payload, "ringrift-master", format!("host-online/{node}/{run}")), false)
}

/// HOST_OFFLINE, at an orderly end.
pub fn say_offline(router: &Path, node: &NodeId) -> Result<(), CallError> {
    let payload = HostOffline { host: node.clone(), reason: "the master was stopped".into() };
    let key = format!("host-offline/{node}/{}", crate::platform::clock::new_event_id());
    publish(router, &event(&payload, "ringrift-master", key), true)
}

/// A reply of List.
#[derive(Debug, Deserialize)]
struct Listed {
    items: Vec<WorkItem>,
}

/// Work that has a slot at this node, by the coordinator's account.
pub fn leased(socket: &Path, node: &NodeId) -> Result<Vec<WorkItem>, CallError> {
    let statuses = vec![WorkStatus::Claimed, WorkStatus::Running];
    let filter = WorkFilter { statuses, limit: Some(10_000), ..WorkFilter::default() };
    let mut client = Client::connect(socket, Some(ANSWER))?;
    let listed: Listed = client.call(&format!("{}.List", coordinator::INTERFACE), &filter)?;
    Ok(listed.items.into_iter().filter(|i| i.claimed_by.as_ref() == Some(node)).collect())
}

/// Grows with each failure, starts anew after a success.
struct Backoff(Duration);

impl Backoff {
    fn wait(&mut self) {
        std::thread::sleep(self.0);
        self.0 = (self.0 * 2).min(RETRY.1);
    }
    fn reset(&mut self) {
        self.0 = RETRY.0;
    }
}

/// Takes the coordinator's orders until the loop is gone.
pub fn follow_orders(socket: PathBuf, node: NodeId, mut tell: impl FnMut(FromCoordinator) -> bool + Send + 'static) -> std::io::Result<()> {
    let run = move || {
        let method = format!("{}.Dispatch", coordinator::INTERFACE);
        let mut backoff = Backoff(RETRY.0);
        let mut told = false;
        loop {
            let ended = Client::connect(&socket, None).and_then(|mut client| {
                client.start(&method, &Dispatch { node: node.clone() })?;
                if !tell(FromCoordinator::Up) {
                    return Ok(false);
                }
                told = false;
                loop {
                    let (order, _) = client.receive::<Order>(&method)?;
                    backoff.reset();
                    if !tell(FromCoordinator::Order(order)) {
                        return Ok(false);
                    }
                }
            });
            match ended {
                Ok(_) => return,
                Err(error) => {
                    if !told && !tell(FromCoordinator::Down(error.to_string())) {
                        return;
                    }
                    told = true;
                }
            }
            backoff.wait();
        }
    };
    std::thread::Builder::new().name("orders".into()).stack_size(256 * 1024).spawn(run).map(drop)
}

/// Delivers reports in order, each until the coordinator has it.
pub fn deliver_reports(socket: PathBuf, reports: mpsc::Receiver<Report>) -> std::io::Result<()> {
    let run = move || {
        let method = format!("{}.Report", coordinator::INTERFACE);
        let mut client: Option<Client> = None;
        let mut backoff = Backoff(RETRY.0);
        for report in reports {
            loop {
                let sent = match client.take() {
                    Some(open) => Ok(open),
                    None => Client::connect(&socket, Some(ANSWER)),
                }
                .and_then(|mut open| {
                    let answer = open.call::<serde_json::Map<String, serde_json::Value>>(&method, &report);
                    if !matches!(&answer, Err(e) if e.is_transport()) {
                        client = Some(open);
                    }
                    answer
                });
                match sent {
                    Ok(_) => break,
                    Err(error) if error.is_transport() => backoff.wait(),
                    Err(error) => {
                        tracing::info!("the coordinator does not want the report on job {} any more: {error}", report.job_id);
                        break;
                    }
                }
            }
            backoff.reset();
        }
    };
    std::thread::Builder::new().name("reports".into()).stack_size(256 * 1024).spawn(run).map(drop)
}

/// The spooled events of the failure handler: published and removed, oldest first. What cannot be read is set aside by name.
pub fn empty_spool(spool: &Path, router: &Path) -> Result<usize, CallError> {
    let Ok(entries) = std::fs::read_dir(spool) else { return Ok(0) };
    let is_failure = |p: &PathBuf| {
        let name = p.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        name.starts_with("failed-") && name.ends_with(".json")
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).filter(is_failure).collect();
    files.sort();
    let mut published = 0;
    for file in files {
        let read = std::fs::read(&file).map_err(|e| e.to_string());
        match read.and_then(|text| serde_json::from_slice::<NewEvent>(&text).map_err(|e| e.to_string())) {
            Ok(event) => {
                publish(router, &event, false)?;
                published += 1;
                if let Err(error) = std::fs::remove_file(&file) {
                    // Published again at the next start: the idempotency key makes that harmless.
                    tracing::warn!("{} is published and cannot be removed: {error}", file.display());
                }
            }
            Err(error) => {
                tracing::error!("{} cannot be read ({error}); it is left as .bad", file.display());
                let aside = file.with_extension("bad");
                if let Err(error) = std::fs::rename(&file, aside) {
                    tracing::warn!("{} cannot be set aside: {error}", file.display());
                }
            }
        }
    }
    Ok(published)
}
