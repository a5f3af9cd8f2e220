//! The router against NATS JetStream and Redis Streams, in rounds in which each system has its turn.
use crate::measure::{self, Spread};
use crate::report::{Report, Row, load, median, ratio};
use crate::systems::{Programs, Running, System};
use crate::{Args, wire};
use anyhow::Result;
use std::time::{Duration, Instant};

/// Calls of which the lone publish takes its median.
const LONE: usize = 150;
/// Steady rate and number of the deliveries that are timed.
const RATE: u64 = 1_000;
const TIMED: u64 = 1_500;
/// Events that are replayed, and events after which memory is measured.
const REPLAYED: u64 = 100_000;
const MILLION: u64 = 1_000_000;
/// Memory is read when a system was left alone for so long.
const SETTLE: Duration = Duration::from_secs(3);

/// Figures of one system, a value a round.
#[derive(Default)]
struct Series(std::collections::BTreeMap<&'static str, Vec<f64>>);

impl Series {
    fn add(&mut self, what: &'static str, value: f64) {
        self.0.entry(what).or_default().push(value);
    }
    fn spread(&mut self, p50: &'static str, p99: &'static str, spread: Spread) {
        self.add(p50, spread.p50);
        self.add(p99, spread.p99);
    }
    fn get(&self, what: &'static str) -> &[f64] {
        self.0.get(what).map_or(&[], Vec::as_slice)
    }
}

/// Measures and reports.
pub fn run(args: &Args, programs: &Programs, alone: bool, report: &mut Report) -> Result<()> {
    let begun = Instant::now();
    let systems: &[System] = match alone {
        true => &[System::Router],
        false => &[System::Router, System::NatsAlways, System::NatsDefault, System::RedisAlways],
    };
    let time = Duration::from_secs_f64(args.seconds);
    let mut running = Vec::new();
    for (at, system) in systems.iter().enumerate() {
        running.push((Running::start(*system, programs, &args.data.join(at.to_string()))?, Series::default()));
    }
    let mut raw = Series::default();
    let mut loads = Vec::new();
    for round in 0..args.rounds {
        for turn in 0..running.len() {
            // Each round begins with another one, so that nobody is always after the same neighbour.
            let at = (round + turn) % systems.len();
            let (system, figures) = &mut running[at];
            figures.add("one", measure::throughput(system, 1, 1, time)?);
            figures.add("eight", measure::throughput(system, 8, 1, time)?);
            raw.add("raw", measure::raw_sync(&args.data, LONE)?.p50);
            if system.system == System::Router {
                figures.add("batched", measure::throughput(system, 1, 64, time)?);
                // Half before, half after: the disk's own speed changes from second to second.
                let before = measure::raw_sync(&args.data, LONE)?.p50;
                let lone = measure::lone(system, LONE)?;
                let after = measure::raw_sync(&args.data, LONE)?.p50;
                figures.add("lone", lone.p50);
                figures.add("disk", f64::midpoint(before, after));
            } else {
                figures.add("lone", measure::lone(system, LONE)?.p50);
            }
            if matches!(system.system, System::Router | System::NatsAlways) {
                let spread = measure::delivered(system, RATE, TIMED)?;
                figures.spread("delivered p50", "delivered p99", spread);
            }
        }
        loads.push(load().split(' ').next().and_then(|l| l.parse().ok()).unwrap_or(f64::NAN));
        println!(
            "round {} of {} after {:.0} s, load {}",
            round + 1,
            args.rounds,
            begun.elapsed().as_secs_f64(),
            load()
        );
    }
    // Replay and memory are measured with fresh processes.
    let mut figures: Vec<(System, Series)> =
        running.into_iter().map(|(system, figures)| (system.system, figures)).collect();
    replays(args, programs, &mut figures)?;
    memory(args, programs, &mut figures)?;
    report.about(format!(
        "fdatasync of {} appended bytes, p50 {:.3} ms on the same file system; load {:.1} in the middle; {:.0} s in \
            all",
        wire::PAYLOAD,
        median(raw.get("raw")),
        median(&loads),
        begun.elapsed().as_secs_f64()
    ));
    table(&figures, report);
    Ok(())
}

fn replays(args: &Args, programs: &Programs, figures: &mut [(System, Series)]) -> Result<()> {
    let mut running = Vec::new();
    for (system, _) in figures.iter().filter(|(system, _)| *system != System::NatsAlways) {
        // Reading needs no sync: the NATS that stores faster is filled.
        let started = Running::start(*system, programs, &args.data.join(format!("replay-{}", running.len())))?;
        started.fill("replay", REPLAYED)?;
        running.push(started);
    }
    for round in 0..args.rounds {
        for turn in 0..running.len() {
            let system = &running[(round + turn) % running.len()];
            let rate = measure::replay(system, REPLAYED)?;
            if let Some((_, series)) = figures.iter_mut().find(|(s, _)| *s == system.system) {
                series.add("replay", rate);
            }
        }
    }
    Ok(())
}

fn memory(args: &Args, programs: &Programs, figures: &mut [(System, Series)]) -> Result<()> {
    for (system, series) in figures.iter_mut() {
        if !matches!(system, System::Router | System::NatsDefault) {
            continue;
        }
        let running = Running::start(*system, programs, &args.data.join(format!("memory-{}", system.name())))?;
        std::thread::sleep(SETTLE);
        series.add("idle", running.pss()? as f64 / 1e6);
        running.fill("memory", MILLION)?;
        std::thread::sleep(SETTLE);
        series.add("million", running.pss()? as f64 / 1e6);
    }
    Ok(())
}

fn table(figures: &[(System, Series)], report: &mut Report) {
    let of = |system: System, what: &'static str| {
        figures.iter().find(|(s, _)| *s == system).map_or(&[] as &[f64], |(_, f)| f.get(what))
    };
    let ours = |what| of(System::Router, what);
    let mut against = |title: &str,
                       what: &'static str,
                       peer: System,
                       aim: Option<f64>,
                       at_least: bool,
                       show: &dyn Fn(f64) -> String| {
        let theirs = of(peer, what);
        let ratio = (!theirs.is_empty() && !ours(what).is_empty()).then(|| ratio(ours(what), theirs));
        let figures = match theirs {
            [] => show(median(ours(what))),
            theirs => format!("{} against {} ({})", show(median(ours(what))), show(median(theirs)), peer.name()),
        };
        report.row(Row { what: title.into(), figures, aim, ratio, at_least });
    };
    let rate = |n: f64| if n >= 10_000.0 { format!("{:.0}k/s", n / 1e3) } else { format!("{:.1}k/s", n / 1e3) };
    let milliseconds = |n: f64| format!("{n:.2} ms");
    let megabytes = |n: f64| format!("{n:.1} MB");
    for (title, what) in [("publishes, 1 publisher", "one"), ("publishes, 8 publishers", "eight")] {
        against(title, what, System::NatsAlways, Some(25.0), true, &rate);
        against(title, what, System::RedisAlways, Some(1.2), true, &rate);
        against(title, what, System::NatsDefault, Some(1.5), true, &rate);
    }
    for (title, what) in [
        ("published to delivered at 1,000/s, p50", "delivered p50"),
        ("published to delivered at 1,000/s, p99", "delivered p99"),
    ] {
        against(title, what, System::NatsAlways, Some(0.5), false, &milliseconds);
    }
    against("replay of 100,000 events", "replay", System::NatsDefault, Some(10.0), true, &rate);
    against("replay of 100,000 events", "replay", System::RedisAlways, Some(6.0), true, &rate);
    against("memory idle (PSS)", "idle", System::NatsDefault, Some(0.15), false, &megabytes);
    against("memory after a million events (PSS)", "million", System::NatsDefault, Some(0.15), false, &megabytes);
    against("lone publish to ack, p50", "lone", System::NatsAlways, None, false, &milliseconds);
    against("lone publish to ack, p50", "lone", System::RedisAlways, None, false, &milliseconds);
    let (lone, disk) = (ours("lone"), ours("disk"));
    report.row(Row {
        what: "lone publish to ack, p50, against a raw fdatasync".into(),
        figures: format!("{} against {}", milliseconds(median(lone)), milliseconds(median(disk))),
        aim: Some(1.8),
        ratio: Some(ratio(lone, disk)),
        at_least: false,
    });
    let batched = ours("batched");
    report.row(Row {
        what: "publishes in calls of 64 events, 1 publisher".into(),
        figures: rate(median(batched)),
        aim: None,
        ratio: None,
        at_least: true,
    });
}
