//! The router against itself: with millions of stored events and hundreds of subscribers, and with few.
use crate::Args;
use crate::measure;
use crate::report::{Report, Row, load, median, ratio};
use crate::systems::{Programs, Running, System};
use crate::wire::Wire;
use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Events stored in the small case.
const SMALL: u64 = 100_000;
/// Calls of which the lone publish takes its median; rate and number of the deliveries that are timed; events that are
/// replayed.
const LONE: usize = 300;
const RATE: u64 = 1_000;
const TIMED: u64 = 2_000;
const REPLAYED: u64 = 100_000;
/// The large case may be so much worse.
const AIM: f64 = 1.2;

/// A row of the table: its title, its measurement, whether more is better, and how a figure is shown.
type Line<'a> = (&'a str, &'a str, bool, &'a dyn Fn(f64) -> String);

/// Measures and reports.
pub fn run(args: &Args, programs: &Programs, events: u64, subscribers: usize, report: &mut Report) -> Result<()> {
    let time = Duration::from_secs_f64(args.seconds);
    let small = Running::start(System::Router, programs, &args.data.join("small"))?;
    small.fill("stored", SMALL)?;
    let large = Running::start(System::Router, programs, &args.data.join("large"))?;
    let begun = Instant::now();
    large.fill("stored", events)?;
    let took = begun.elapsed().as_secs_f64();
    report.about(format!(
        "{SMALL} stored events and 1 subscriber against {events} and {subscribers}; the {events} were stored in \
            {took:.0} s ({:.0}k/s, calls of 256); load {}",
        events as f64 / took / 1e3,
        load()
    ));
    // Connected, each wants a type of its own that is not published: what the router must decide for each event, not
    // what it must send.
    let idle: Vec<Wire> = (1..subscribers).map(|n| subscriber(&large, n)).collect::<Result<_>>()?;
    let mut figures: [BTreeMap<&str, Vec<f64>>; 2] = Default::default();
    for round in 0..args.rounds {
        for turn in 0..2 {
            let at = (round + turn) % 2;
            let system = if at == 0 { &small } else { &large };
            let mut add = |what, value| figures[at].entry(what).or_default().push(value);
            add("one", measure::throughput(system, 1, 1, time)?);
            add("eight", measure::throughput(system, 8, 1, time)?);
            add("lone", measure::lone(system, LONE)?.p50);
            let spread = measure::delivered(system, RATE, TIMED)?;
            add("delivered p50", spread.p50);
            add("delivered p99", spread.p99);
            add("replay", measure::replay(system, REPLAYED)?);
        }
        println!("round {} of {}, load {}", round + 1, args.rounds, load());
    }
    let [few, many] = &figures;
    let rate = |n: f64| format!("{:.0}k/s", n / 1e3);
    let milliseconds = |n: f64| format!("{n:.2} ms");
    let rows: [Line<'_>; 6] = [
        ("publishes, 1 publisher", "one", true, &rate),
        ("publishes, 8 publishers", "eight", true, &rate),
        ("lone publish to ack, p50", "lone", false, &milliseconds),
        ("published to delivered at 1,000/s, p50", "delivered p50", false, &milliseconds),
        ("published to delivered at 1,000/s, p99", "delivered p99", false, &milliseconds),
        ("replay of 100,000 events", "replay", true, &rate),
    ];
    for (title, what, more_is_better, show) in rows {
        let (few, many) = (&few[what], &many[what]);
        // How much worse the large case is.
        let worse = if more_is_better { ratio(few, many) } else { ratio(many, few) };
        let figures = format!("{} large, {} small", show(median(many)), show(median(few)));
        report.row(Row { what: title.into(), figures, aim: Some(AIM), ratio: Some(worse), at_least: false });
    }
    let memory =
        |what: &str, system: &Running| -> Result<String> { Ok(format!("{:.1} MB {what}", system.pss()? as f64 / 1e6)) };
    let figures = format!("{}, {}", memory("large", &large)?, memory("small", &small)?);
    report.row(Row { what: "memory (PSS)".into(), figures, aim: None, ratio: None, at_least: false });
    drop(idle);
    Ok(())
}

fn subscriber(system: &Running, n: usize) -> Result<Wire> {
    let mut wire = system.connect()?;
    let call = format!(
        "{{\"method\":\"org.ringrift.Router.Subscribe\",\"more\":true,\"parameters\":{{\"name\":\"idle-{n}\",\"interest\":{{\"types\":[\"external.idle{n}\"]}}}}}}\0"
    );
    wire.send(call.as_bytes())?;
    let first = wire.text()?;
    ensure!(first.contains("\"token\""), "no subscription: {first}");
    Ok(wire)
}
