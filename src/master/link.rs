//! The master's talk with the hubs: blocking calls, in threads of their own, so that the loop never waits for a socket.
use crate::contract::backoff::Backoff;
use crate::contract::coordinator::{Dispatch, Order, Report, WorkItem, WorkSelection, WorkStatus, method};
use crate::contract::events::{DatabaseQuarantined, HostOffline, HostOnline};
use crate::contract::ids::{NodeId, SubscriberName};
use crate::contract::method::Method as _;
use crate::contract::notice::{Notice, Subject};
use crate::contract::registry::built;
use crate::contract::router::{self, Interest, Register, Start, Subscribe};
use crate::contract::wire::CallError;
use crate::platform::report::{event, publish};
use crate::platform::threads;
use crate::platform::varlink::Client;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// Longest wait for a hub's answer; a disk that syncs slowly may take seconds.
pub const RPC_TIMEOUT: Duration = Duration::from_secs(10);
/// At the end nobody waits long.
const SHUTDOWN_RPC_TIMEOUT: Duration = Duration::from_secs(2);
/// Between tries to reach a hub: first and longest.
const RECONNECT_DELAYS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

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
    let mut client = Client::connect(socket, Some(RPC_TIMEOUT))?;
    let method = format!("{}.Register", router::INTERFACE);
    client.call::<serde_json::Map<String, serde_json::Value>>(&method, &Register { subscriptions })?;
    Ok(count)
}

/// HOST_ONLINE, once for this run of the master.
pub fn say_online(router: &Path, node: &NodeId) -> Result<(), CallError> {
    let run = std::env::var("INVOCATION_ID").unwrap_or_else(|_| std::process::id().to_string());
    let payload = HostOnline { host: node.clone(), capabilities: Vec::new() };
    publish(router, &event(&payload, "ringrift-master", format!("host-online/{node}/{run}")), RPC_TIMEOUT)
}

/// HOST_OFFLINE, at an orderly end.
pub fn say_offline(router: &Path, node: &NodeId) -> Result<(), CallError> {
    let payload = HostOffline { host: node.clone(), reason: "the master was stopped".into() };
    let key = format!("host-offline/{node}/{}", crate::platform::clock::new_event_id());
    publish(router, &event(&payload, "ringrift-master", key), SHUTDOWN_RPC_TIMEOUT)
}

/// The event of a notice; only databases have one.
pub fn say_notice(router: &Path, node: &NodeId, notice: &Notice) -> Result<(), CallError> {
    let Subject::Database { name, path, reason, damaged, restored, lost } = notice.subject.clone() else {
        return Ok(());
    };
    let payload = DatabaseQuarantined { database: name, hostname: node.clone(), path, reason, damaged, restored, lost };
    publish(
        router,
        &event(&payload, "ringrift-master", format!("{node}/{}/{}", notice.id, notice.since_us)),
        RPC_TIMEOUT,
    )
}

/// Work that has a slot at this node, by the coordinator's account.
pub fn leased(socket: &Path, node: &NodeId) -> Result<Vec<WorkItem>, CallError> {
    let mut client = Client::connect(socket, Some(RPC_TIMEOUT))?;
    let slotted = WorkSelection::of(&[WorkStatus::Claimed, WorkStatus::Running]);
    let items = slotted.all(|page| client.ask(method::List, page))?;
    Ok(items.into_iter().filter(|i| i.claimed_by.as_ref() == Some(node)).collect())
}

/// Takes the coordinator's orders until the loop is gone.
pub fn follow_orders(
    socket: PathBuf,
    node: NodeId,
    mut tell: impl FnMut(FromCoordinator) -> bool + Send + 'static,
) -> std::io::Result<()> {
    let run = move || {
        let method = method::Dispatch::FULL_NAME;
        let mut backoff = Backoff::new(RECONNECT_DELAYS.0, RECONNECT_DELAYS.1);
        let mut told = false;
        loop {
            let ended = Client::connect(&socket, None).and_then(|mut client| {
                client.start(method, &Dispatch { node: node.clone() })?;
                if !tell(FromCoordinator::Up) {
                    return Ok(false);
                }
                told = false;
                loop {
                    let (order, _) = client.receive::<Order>(method)?;
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
            std::thread::sleep(backoff.wait());
        }
    };
    threads::small_part("orders", run).map(drop)
}

/// Delivers reports in order, each until the coordinator has it.
pub fn deliver_reports(socket: PathBuf, reports: mpsc::Receiver<Report>) -> std::io::Result<()> {
    let run = move || {
        let mut client: Option<Client> = None;
        let mut backoff = Backoff::new(RECONNECT_DELAYS.0, RECONNECT_DELAYS.1);
        for report in reports {
            loop {
                let sent = match client.take() {
                    Some(open) => Ok(open),
                    None => Client::connect(&socket, Some(RPC_TIMEOUT)),
                }
                .and_then(|mut open| {
                    let answer = open.ask(method::Report, &report);
                    if !matches!(&answer, Err(e) if e.is_transport()) {
                        client = Some(open);
                    }
                    answer
                });
                match sent {
                    Ok(_) => break,
                    Err(error) if error.is_transport() => std::thread::sleep(backoff.wait()),
                    Err(error) => {
                        tracing::info!("the coordinator rejected the report on job {}: {error}", report.job_id);
                        break;
                    }
                }
            }
            backoff.reset();
        }
    };
    threads::small_part("reports", run).map(drop)
}
