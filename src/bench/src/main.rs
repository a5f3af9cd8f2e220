//! Measures the event router: against its peers (`router`), and against itself when much is stored (`growth`).
//! Run it through scripts/bench, which builds the router and fetches the peers.
mod growth;
mod measure;
mod peers;
mod report;
mod systems;
mod wire;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use report::Report;
use std::path::PathBuf;
use std::process::Command;
use systems::Programs;

/// Measures the event router.
#[derive(Debug, Parser)]
struct Args {
    /// The router's program.
    #[arg(long)]
    router: PathBuf,
    /// NATS's program.
    #[arg(long, default_value = "nats-server")]
    nats: PathBuf,
    /// Redis's program.
    #[arg(long, default_value = "redis-server")]
    redis: PathBuf,
    /// Where systems keep their files while they are measured; emptied at the end.
    #[arg(long)]
    data: PathBuf,
    /// Where the tables go.
    #[arg(long)]
    out: PathBuf,
    /// Rounds; each measures every system once.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each measurement of throughput.
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, Subcommand)]
enum What {
    /// Against NATS JetStream and Redis Streams.
    Router {
        /// Only our own figures, without peers and their ratios.
        #[arg(long)]
        alone: bool,
    },
    /// With many stored events and subscribers, against few.
    Growth {
        /// Events stored in the large case.
        #[arg(long, default_value_t = 10_000_000)]
        events: u64,
        /// Subscribers in the large case.
        #[arg(long, default_value_t = 200)]
        subscribers: usize,
    },
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    // Systems change their directory.
    args.data = std::path::absolute(&args.data).context("the folder of --data")?;
    std::fs::create_dir_all(&args.out).with_context(|| format!("making {}", args.out.display()))?;
    let programs = Programs { router: args.router.clone(), nats: args.nats.clone(), redis: args.redis.clone() };
    // What an interrupted run left would be measured along.
    let _ = std::fs::remove_dir_all(&args.data);
    let mut report = Report {
        name: if matches!(args.what, What::Router { .. }) { "router" } else { "router-growth" }.into(),
        ..Report::default()
    };
    about(&args, &mut report);
    let result = match args.what {
        What::Router { alone } => peers::run(&args, &programs, alone, &mut report),
        What::Growth { events, subscribers } => growth::run(&args, &programs, events, subscribers, &mut report),
    };
    let _ = std::fs::remove_dir_all(&args.data);
    result?;
    report.about(format!("load at the end {}", report::load()));
    report.write(&args.out)
}

fn about(args: &Args, report: &mut Report) {
    let first = |command: &mut Command| {
        let out = command.output().map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
        out.lines().next().unwrap_or("not there").trim().to_owned()
    };
    let version = |program: &PathBuf| first(Command::new(program).arg("--version"));
    let redis = version(&args.redis);
    let redis = redis.split_whitespace().find_map(|word| word.strip_prefix("v=")).unwrap_or(&redis).to_owned();
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor
        .lines()
        .find_map(|l| l.strip_prefix("model name"))
        .map_or("unknown", |l| l.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    report.about(format!(
        "{} on {cores} cores ({processor}), Linux {}, load at the start {}",
        first(Command::new("date").arg("+%Y-%m-%d %H:%M")),
        first(Command::new("uname").arg("-r")),
        report::load()
    ));
    report.about(format!(
        "{}, {}, Redis {redis}; SQLite inside ours; {} rounds",
        version(&args.router),
        version(&args.nats),
        args.rounds
    ));
}
