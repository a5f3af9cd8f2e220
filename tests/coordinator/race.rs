//! Sixty-four clients against one coordinator that is killed again and again: no limit passed, no token made or lost,
//! no lease lost.
use crate::harness::*;
use ringrift::contract::coordinator::*;
use ringrift::contract::wire::{CallError, errors};
use ringrift::contract::workload::JobType;
use ringrift::platform::varlink::Client;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

const CLIENTS: usize = 64;
const BURST: u64 = 200;
const PER_MINUTE: u64 = 60_000;
const KINDS: [JobType; 5] = [JobType::Training, JobType::Tournament, JobType::Cmaes, JobType::Sync, JobType::Export];

/// What the clients know together.
#[derive(Default)]
struct Known {
    /// Leases that a client holds for certain: granted to it, and no release of it sent.
    held: Mutex<BTreeMap<u64, JobType>>,
    tokens: Mutex<HashSet<u64>>,
    granted: AtomicU64,
    refused: AtomicU64,
    over: AtomicBool,
}

fn limits(kind: JobType) -> (u32, u32) {
    match kind {
        JobType::Training => (1, 3),
        JobType::Tournament => (u32::MAX, 2),
        JobType::Cmaes => (u32::MAX, 1),
        _ => (2, u32::MAX),
    }
}

/// Fails if the coordinator's own account passes a limit.
fn check(leases: &[LeaseView]) {
    let (mut all, mut nodes) = (BTreeMap::<JobType, u32>::new(), BTreeMap::<(JobType, String), u32>::new());
    for view in leases {
        *all.entry(view.lease.task_type).or_default() += 1;
        *nodes.entry((view.lease.task_type, view.lease.node.to_string())).or_default() += 1;
    }
    assert!(all.iter().all(|(kind, n)| *n <= limits(*kind).1), "{all:?}");
    assert!(nodes.iter().all(|((kind, _), n)| *n <= limits(*kind).0), "{nodes:?}");
}

/// One client's life: acquire, perhaps renew, release; after an outage it gives back what it finds under its name and
/// does not know.
fn live(me: usize, socket: &Path, known: &Known) {
    let name = format!("t{me}");
    let (mut client, mut round) = (None::<Client>, 0usize);
    while !known.over.load(SeqCst) {
        round += 1;
        let Some(open) = &mut client else {
            client = Client::connect(socket, PATIENCE).ok().and_then(|mut c| settle(&mut c, &name).map(|()| c));
            std::thread::yield_now();
            continue;
        };
        let (kind, node) = (KINDS[(me + round) % KINDS.len()], format!("n{}", (me * 7 + round) % 8));
        let ask = json!({"task_type": kind.name(), "node": node, "requested_by": name});
        let done = match open.call::<Acquired>("org.ringrift.Coordinator.Acquire", &ask) {
            Ok(acquired) => hold(open, &acquired, kind, known, round),
            Err(error) if error.is_transport() => Err(error),
            Err(error) => {
                let CallError::Answer { name, parameters, .. } = &error else { panic!("{error}") };
                assert!(name == errors::REFUSED && !parameters.reasons.is_empty(), "{error}");
                known.refused.fetch_add(1, SeqCst);
                Ok(())
            }
        };
        if done.is_err() {
            client = None;
        }
    }
}

fn settle(client: &mut Client, name: &str) -> Option<()> {
    let list: LeaseList = client.call("org.ringrift.Coordinator.Leases", &json!({})).ok()?;
    for view in list.leases.into_iter().filter(|l| l.requested_by == name) {
        let holder = json!({"lease_id": view.lease.lease_id, "token": view.lease.token});
        client.call::<Accepted>("org.ringrift.Coordinator.Release", &holder).ok()?;
    }
    Some(())
}

fn hold(client: &mut Client, acquired: &Acquired, kind: JobType, known: &Known, round: usize) -> Result<(), CallError> {
    let token = acquired.lease.token.0;
    assert!(known.tokens.lock().expect("tokens").insert(token), "token {token} was given twice");
    known.granted.fetch_add(1, SeqCst);
    {
        let mut held = known.held.lock().expect("held");
        held.insert(token, kind);
        let same = held.values().filter(|k| **k == kind).count();
        assert!(same <= limits(kind).1 as usize, "{same} {kind} at once");
    }
    let holder = json!({"lease_id": acquired.lease.lease_id, "token": token});
    let renewed = if round.is_multiple_of(3) {
        client.call::<Renewed>("org.ringrift.Coordinator.Renew", &holder).map(drop)
    } else {
        Ok(())
    };
    // From here on its end is under way, whatever the answer.
    known.held.lock().expect("held").remove(&token);
    match renewed {
        Err(error) if !error.is_transport() => panic!("a lease that is held cannot be renewed: {error}"),
        other => other?,
    }
    let released: Accepted = client.call("org.ringrift.Coordinator.Release", &holder)?;
    assert!(released.accepted, "a lease that was held was gone");
    let again: Accepted = client.call("org.ringrift.Coordinator.Release", &holder)?;
    assert!(!again.accepted, "released twice");
    let reused = client.call::<Renewed>("org.ringrift.Coordinator.Renew", &holder);
    match reused {
        Err(error) if error.is_transport() => Err(error),
        Err(error) => {
            assert!(error.is(errors::FENCED), "{error}");
            Ok(())
        }
        Ok(_) => panic!("a token was used after its end"),
    }
}

#[test]
fn sixty_four_clients_and_a_coordinator_that_is_killed_again_and_again() {
    let seconds: u64 = std::env::var("TORTURE_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(4);
    let rates = format!(
        "admission: {{per_minute: {PER_MINUTE}, selfplay_per_minute: 1, burst: {BURST}, cooldown_ms: 0, window_starts: 1000000}}\n"
    );
    let mut c = Coordinator::with(&format!("{QUIET}{rates}"));
    let (socket, known, begin) = (c.path("c.sock"), Known::default(), Instant::now());
    let mut kills = 0;
    std::thread::scope(|s| {
        for me in 0..CLIENTS {
            let (socket, known) = (&socket, &known);
            s.spawn(move || live(me, socket, known));
        }
        // Whatever fails below ends the clients, too.
        let end = Over(&known.over);
        while begin.elapsed() < Duration::from_secs(seconds) {
            let next = begin.elapsed() + Duration::from_secs(seconds).mul_f64(0.25).min(Duration::from_secs(3));
            while begin.elapsed() < next {
                check(&c.leases().leases);
            }
            // What is held now, and still is when it is back, must have survived.
            let before: BTreeSet<u64> = known.held.lock().expect("held").keys().copied().collect();
            c.kill();
            let kept: BTreeSet<u64> =
                known.held.lock().expect("held").keys().copied().filter(|t| before.contains(t)).collect();
            c.start();
            kills += 1;
            let leases = c.leases().leases;
            check(&leases);
            let there: BTreeSet<u64> = leases.iter().map(|l| l.lease.token.0).collect();
            let still: BTreeSet<u64> = known.held.lock().expect("held").keys().copied().collect();
            let lost: Vec<_> = kept.iter().filter(|t| still.contains(t) && !there.contains(t)).collect();
            assert!(lost.is_empty(), "leases {lost:?} were lost by a kill");
        }
        drop(end);
    });
    let (granted, refused) = (known.granted.load(SeqCst), known.refused.load(SeqCst));
    let most = BURST + PER_MINUTE * (begin.elapsed().as_secs() + 1) / 60;
    assert!(granted <= most, "{granted} grants, burst and rate allow {most}");
    assert!(granted > 64 && refused > 0 && kills >= 2, "{granted} {refused} {kills}");
    let mut last = c.client();
    (0..CLIENTS).for_each(|me| settle(&mut last, &format!("t{me}")).expect("given back"));
    assert!(c.leases().leases.is_empty(), "no slot leaked");
    println!(
        "{CLIENTS} clients, {seconds} s, {kills} kills: {granted} grants, {refused} refusals, no limit passed, no lease lost"
    );
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}
