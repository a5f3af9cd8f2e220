//! What is measured: one function a figure, the same for each system.
use crate::systems::{Running, System, ask_nats};
use crate::wire::{Address, Frame, PAYLOAD, Wire, event, find, payload, time_of};
use anyhow::{Context, Result, ensure};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Messages in flight of each publisher.
pub const IN_FLIGHT: usize = 256;
/// Keys are never used twice, or they would be repeats.
static RUN: AtomicU64 = AtomicU64::new(0);

/// The value in the middle, and that below which 99 of 100 are; in the unit of the values.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// Half are below.
    pub p50: f64,
    /// 99 of 100 are below.
    pub p99: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Result<Spread> {
        ensure!(!values.is_empty(), "nothing was measured");
        values.sort_by(f64::total_cmp);
        let at = |part: f64| values[((values.len() - 1) as f64 * part).round() as usize];
        Ok(Spread { p50: at(0.5), p99: at(0.99) })
    }
}

/// A label for keys that no other run has.
fn label() -> String {
    format!("{}-{}", std::process::id(), RUN.fetch_add(1, Ordering::Relaxed))
}

/// Events a second that are acknowledged to `publishers`, each with 256 one-event calls in flight (or calls of `batch`
/// events).
pub fn throughput(system: &Running, publishers: usize, batch: usize, time: Duration) -> Result<f64> {
    let wires: Vec<Wire> = (0..publishers).map(|_| system.connect()).collect::<Result<_>>()?;
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let (count, took) = std::thread::scope(|threads| -> Result<(u64, Duration)> {
        let stop = &stop;
        let all: Vec<_> = wires.into_iter().map(|wire| threads.spawn(move || publish(wire, batch, stop))).collect();
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
        let mut count = 0;
        for one in all {
            count += one.join().map_err(|_| anyhow::anyhow!("a publisher panicked"))??;
        }
        Ok((count, begun.elapsed()))
    })?;
    Ok(count as f64 / took.as_secs_f64())
}

/// Publishes until told to stop, then waits for what is in flight: all that was sent counts, and so does the time for
/// it.
fn publish(mut wire: Wire, batch: usize, stop: &AtomicBool) -> Result<u64> {
    use std::fmt::Write as _;
    let label = label();
    let (mut text, mut key, mut calls) = (String::new(), String::new(), Vec::new());
    payload(&mut text, 0);
    let (mut sent, mut done) = (0u64, 0u64);
    while !stop.load(Ordering::Relaxed) || done < sent {
        calls.clear();
        while sent - done < IN_FLIGHT as u64 && !stop.load(Ordering::Relaxed) {
            if batch == 1 {
                key.clear();
                let _ = write!(key, "{label}/{sent}");
                wire.publish(&key, &text, &mut calls);
            } else {
                calls.extend_from_slice(b"{\"method\":\"org.ringrift.Router.Publish\",\"parameters\":{\"events\":[");
                for n in 0..batch {
                    key.clear();
                    let _ = write!(key, "{label}/{sent}.{n}");
                    event(&key, &text, &mut calls);
                    calls.push(if n + 1 < batch { b',' } else { b']' });
                }
                calls.extend_from_slice(b"}}\0");
            }
            sent += 1;
            if calls.len() > 1 << 17 {
                break;
            }
        }
        wire.send(&calls)?;
        if done < sent {
            done += wire.acks()? as u64;
        }
    }
    Ok(done * batch as u64)
}

/// Milliseconds from a publish to its answer, one after the other.
pub fn lone(system: &Running, times: usize) -> Result<Spread> {
    let mut wire = system.connect()?;
    let (label, mut text, mut call) = (label(), String::new(), Vec::new());
    let mut took = Vec::with_capacity(times);
    for n in 0..times {
        payload(&mut text, n as u64);
        call.clear();
        wire.publish(&format!("{label}/{n}"), &text, &mut call);
        let begun = Instant::now();
        wire.send(&call)?;
        ensure!(wire.acks()? == 1, "one publish has two answers");
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Spread::of(took)
}

/// Milliseconds to append as many bytes as an event's payload to a file and sync its data.
pub fn raw_sync(folder: &Path, times: usize) -> Result<Spread> {
    let path = folder.join("raw");
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("opening {}", path.display()))?;
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        let begun = Instant::now();
        file.write_all(&[b'x'; PAYLOAD])?;
        file.sync_data()?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Spread::of(took)
}

/// Opens a subscription that begins now; our deliveries are acknowledged with its token.
fn subscribe(system: &Running, name: &str) -> Result<(Wire, String)> {
    let mut wire = system.connect()?;
    match &system.address {
        Address::Router(_) => {
            let call = format!(
                "{{\"method\":\"org.ringrift.Router.Subscribe\",\"more\":true,\"parameters\":{{\"name\":\"{name}\",\"max_in_flight\":1024,\"interest\":{{\"types\":[\"external.bench\"]}}}}}}\0"
            );
            wire.send(call.as_bytes())?;
            let first = wire.text()?;
            let token = first.split("\"token\":\"").nth(1).and_then(|rest| rest.split('"').next());
            Ok((wire, token.with_context(|| format!("no token in {first}"))?.to_owned()))
        }
        Address::Nats(_) => {
            let inbox = format!("{}d", wire.inbox());
            wire.send(format!("SUB {inbox} 2\r\n").as_bytes())?;
            let consumer = format!(
                r#"{{"stream_name":"BENCH","config":{{"deliver_subject":"{inbox}","ack_policy":"none","deliver_policy":"new"}}}}"#
            );
            let answer = ask_nats(&mut wire, "$JS.API.CONSUMER.CREATE.BENCH", &consumer)?;
            ensure!(!answer.contains("\"error\""), "NATS makes no consumer: {answer}");
            Ok((wire, String::new()))
        }
        Address::Redis(_) => anyhow::bail!("deliveries are not measured with {}", system.system.name()),
    }
}

/// Milliseconds from a publish to the subscriber that has its event, at a steady rate. Each of our deliveries is
/// acknowledged; NATS is spared that, which can only make it faster.
pub fn delivered(system: &Running, rate: u64, count: u64) -> Result<Spread> {
    let name = format!("bench-{}", label());
    let (mut stream, token) = subscribe(system, &name)?;
    let mut publisher = system.connect()?;
    let mut acker = system.connect()?;
    let clock = Instant::now();
    let now = move || u64::try_from(clock.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let label = label();
    std::thread::scope(|threads| {
        let sending = threads.spawn(move || -> Result<()> {
            let (mut text, mut call, mut answered) = (String::new(), Vec::new(), 0u64);
            let mut reader = 0u64;
            for n in 0..count {
                let due = Duration::from_nanos(n * 1_000_000_000 / rate);
                if let Some(wait) = due.checked_sub(clock.elapsed()) {
                    std::thread::sleep(wait);
                }
                payload(&mut text, now());
                call.clear();
                publisher.publish(&format!("{label}/{n}"), &text, &mut call);
                publisher.send(&call)?;
                reader += 1;
                // Answers are taken in now and then, so that they do not fill the socket.
                if reader - answered > 100 {
                    answered += publisher.acks()? as u64;
                }
            }
            while answered < count {
                answered += publisher.acks()? as u64;
            }
            Ok(())
        });
        let mut took = Vec::new();
        let mut seqs = String::new();
        while (took.len() as u64) < count {
            stream.read()?;
            seqs.clear();
            while let Some(frame) = stream.frame()? {
                let Frame::Event(bytes, seq) = frame else { continue };
                let sent = time_of(bytes).context("a delivery without a time")?;
                took.push(now().saturating_sub(sent) as f64 / 1e6);
                seqs.push_str(if seqs.is_empty() { "" } else { "," });
                seqs.push_str(&String::from_utf8_lossy(seq));
            }
            if system.system == System::Router && !seqs.is_empty() {
                let call = format!(
                    "{{\"method\":\"org.ringrift.Router.Ack\",\"oneway\":true,\"parameters\":{{\"name\":\"{name}\",\"token\":\"{token}\",\"seqs\":[{seqs}]}}}}\0"
                );
                acker.send(call.as_bytes())?;
            }
        }
        sending.join().map_err(|_| anyhow::anyhow!("the publisher panicked"))??;
        Spread::of(took)
    })
}

/// Events a second when the first `count` events of the log are read from beginning to end.
pub fn replay(system: &Running, count: u64) -> Result<f64> {
    let mut wire = system.connect()?;
    let inbox = format!("{}d", wire.inbox());
    if let Address::Nats(_) = &system.address {
        wire.send(format!("SUB {inbox} 2\r\n").as_bytes())?;
    }
    let begun = Instant::now();
    match &system.address {
        Address::Router(_) => {
            let call = format!(
                "{{\"method\":\"org.ringrift.Router.Replay\",\"more\":true,\"parameters\":{{\"from\":1,\"to\":{count}}}}}\0"
            );
            wire.send(call.as_bytes())?;
        }
        Address::Nats(_) => {
            let consumer = format!(
                r#"{{"stream_name":"BENCH","config":{{"deliver_subject":"{inbox}","ack_policy":"none","deliver_policy":"all"}}}}"#
            );
            wire.send(
                format!("PUB $JS.API.CONSUMER.CREATE.BENCH {inbox}q {}\r\n{consumer}\r\n", consumer.len()).as_bytes(),
            )?;
        }
        Address::Redis(_) => wire.send(format!("XRANGE bench - + COUNT {count}\r\n").as_bytes())?,
    }
    let (mut seen, mut bytes) = (0, 0usize);
    while seen < count {
        wire.read()?;
        while let Some(frame) = wire.frame()? {
            if let Frame::Event(event, _) = frame {
                ensure!(find(event, b"\"t\":").is_some(), "a replayed event without its payload");
                bytes += event.len();
                seen += 1;
            }
        }
    }
    let took = begun.elapsed();
    ensure!(bytes as u64 >= count * PAYLOAD as u64, "less came than was stored");
    Ok(count as f64 / took.as_secs_f64())
}
