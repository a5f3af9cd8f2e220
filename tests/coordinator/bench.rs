//! `scripts/bench coordinator`: durable admissions a second and their delay, beside Postgres doing the same, in turns.
//! Prints, asserts nothing about speed.
use crate::harness::*;
use ringrift::contract::coordinator::*;
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Where Postgres listens, as the script started it; without it the benchmark does not run.
const PGHOST: &str = "BENCH_PGHOST";

/// One turn: pairs of acquire and release a second, and the delay of a pair in milliseconds, median and 99th
/// percentile.
#[derive(Debug, Clone, Copy)]
struct Turn {
    rate: f64,
    median: f64,
    p99: f64,
}

fn turn(mut delays: Vec<f64>, seconds: f64) -> Turn {
    delays.sort_by(f64::total_cmp);
    let at = |share: f64| delays.get((delays.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    Turn { rate: delays.len() as f64 / seconds, median: at(0.5), p99: at(0.99) }
}

/// The coordinator: each client acquires a slot and gives it back; both are on disk before they are answered.
fn ours(c: &Coordinator, clients: usize, length: Duration) -> Turn {
    let begin = Instant::now();
    let delays = std::thread::scope(|s| {
        let client = |me: usize| {
            move || {
                let (mut client, mut delays) = (c.client(), Vec::new());
                let mut round = me;
                while begin.elapsed() < length {
                    round += 7;
                    let ask =
                        json!({"task_type": "export", "node": format!("n{}", round % 16), "requested_by": "bench"});
                    let start = Instant::now();
                    let got: Acquired = client.call("org.ringrift.Coordinator.Acquire", &ask).expect("there is room");
                    let holder = json!({"lease_id": got.lease.lease_id, "token": got.lease.token});
                    client.call::<Accepted>("org.ringrift.Coordinator.Release", &holder).expect("given back");
                    delays.push(start.elapsed().as_secs_f64() * 1e3);
                }
                delays
            }
        };
        let threads: Vec<_> = (0..clients).map(|me| s.spawn(client(me))).collect();
        threads.into_iter().flat_map(|t| t.join().expect("a client")).collect::<Vec<f64>>()
    });
    turn(delays, begin.elapsed().as_secs_f64())
}

/// Postgres by pgbench, with the same number of clients and its own log of delays.
fn postgres(script: &Path, clients: usize, length: Duration) -> Turn {
    let dir = tempfile::tempdir().expect("a directory");
    let threads = clients.min(2).to_string();
    let done = Command::new("pgbench")
        .current_dir(dir.path())
        .env("PGHOST", std::env::var_os(PGHOST).unwrap_or_default())
        .args(["-n", "-M", "prepared", "-l", "-U", "postgres", "-j", &threads, "-c", &clients.to_string()])
        .args(["-T", &length.as_secs().to_string(), "-f"])
        .arg(script)
        .arg("postgres")
        .output()
        .expect("pgbench runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mut delays = Vec::new();
    for entry in std::fs::read_dir(dir.path()).expect("the logs") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a log");
        // client, transaction, microseconds, script, time
        delays.extend(text.lines().filter_map(|l| l.split(' ').nth(2)?.parse::<f64>().ok()).map(|us| us / 1e3));
    }
    turn(delays, length.as_secs_f64())
}

fn middle(turns: &[Turn]) -> Turn {
    let of = |get: fn(&Turn) -> f64| {
        let mut list: Vec<f64> = turns.iter().map(get).collect();
        list.sort_by(f64::total_cmp);
        list[list.len() / 2]
    };
    Turn { rate: of(|t| t.rate), median: of(|t| t.median), p99: of(|t| t.p99) }
}

#[test]
#[ignore = "scripts/bench coordinator starts Postgres for it"]
fn admissions_a_second_beside_postgres() {
    let length = Duration::from_secs(std::env::var("BENCH_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(6));
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bench/sql");
    let rates = "admission: {per_minute: 10000000, selfplay_per_minute: 1, burst: 1000000, cooldown_ms: 0, window_starts: 1000000}\n";
    let c = Coordinator::with(&format!("{QUIET}{rates}limits: {{export: {{per_node: 32}}}}\n"));
    println!(
        "acquire and release of one slot, both durable; {} s a turn, three turns each, interleaved; medians",
        length.as_secs()
    );
    println!("{:>8}  {:<44} {:>10} {:>10} {:>10}", "clients", "", "pairs/s", "median ms", "p99 ms");
    for clients in [1, 16] {
        let (mut mine, mut same, mut slots) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..3 {
            mine.push(ours(&c, clients, length));
            same.push(postgres(&scripts.join("coordinator-same.sql"), clients, length));
            slots.push(postgres(&scripts.join("coordinator-slots.sql"), clients, length));
        }
        let (mine, same, slots) = (middle(&mine), middle(&same), middle(&slots));
        for (name, t) in [
            ("ringrift-coordinator", mine),
            ("Postgres, the same checks", same),
            ("Postgres, SKIP LOCKED on slots alone", slots),
        ] {
            println!("{clients:>8}  {name:<44} {:>10.0} {:>10.2} {:>10.2}", t.rate, t.median, t.p99);
        }
        println!(
            "{:>8}  ratio {:.1} to the same checks, {:.1} to slots alone",
            "",
            mine.rate / same.rate,
            mine.rate / slots.rate
        );
    }
}
