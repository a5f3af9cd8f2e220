//! Runs journalctl in place of this process, with its pager, colours and filters; and reads from it when units were
//! started.
use super::Done;
use super::out::Out;
use crate::contract::error::{Exit, Failure};
use crate::contract::time::Wall;
use crate::contract::workload::JobType;
use crate::coordination::handover::UnitStart;
use clap::Args;
use serde::Deserialize;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What journalctl shall show.
#[derive(Debug, Args)]
pub struct Journal {
    /// Follow new entries
    #[arg(short, long)]
    follow: bool,
    /// Show only the last N entries
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<u32>,
    /// Only entries since this time, in journalctl's format: "10 min ago", "2026-11-22 06:00"
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Add explanations of entries and what to do, from the message catalog
    #[arg(short = 'x', long)]
    explain: bool,
    /// Only entries of this or higher priority: err, warning, info, debug
    #[arg(short, long)]
    priority: Option<String>,
}

impl Journal {
    /// The arguments of journalctl.
    fn arguments(&self, units: &[String], json: bool) -> Vec<String> {
        let mut arguments: Vec<String> = units.iter().map(|u| format!("--unit={u}")).collect();
        if json {
            arguments.push("--output=json".into());
        }
        if self.explain {
            arguments.push("--catalog".into());
        }
        if self.follow {
            arguments.push("--follow".into());
        }
        let lines = self.lines.or((!self.follow && self.since.is_none()).then_some(200));
        arguments.extend(lines.map(|n| format!("--lines={n}")));
        arguments.extend(self.since.as_ref().map(|t| format!("--since={t}")));
        arguments.extend(self.priority.as_ref().map(|p| format!("--priority={p}")));
        arguments
    }

    /// Replaces this process by journalctl; returns only when that fails.
    pub fn follow(&self, units: &[String], out: &Out) -> Done {
        let error = Command::new("journalctl").args(self.arguments(units, out.json)).exec();
        Err(Failure::new(Exit::Unavailable, "running journalctl")
            .caused_by(error)
            .hint("install it with `apt-get install systemd`"))
    }
}

/// systemd's name for "Starting …" (SD_MESSAGE_UNIT_STARTING).
const STARTING: &str = "MESSAGE_ID=7d4958e842da4a758f6c1cdc7b36dcc5";

/// When systemd was starting jobs' units, from a moment on, as far as the journal reaches and may be read.
pub fn job_starts(since_us: i64) -> Vec<UnitStart> {
    let fields = "--output-fields=UNIT,_SOURCE_REALTIME_TIMESTAMP";
    let since = format!("--since=@{}", since_us / 1_000_000);
    let said =
        Command::new("journalctl").args(["--quiet", "--output=json", fields, &since, "_PID=1", STARTING]).output();
    said.map(|said| String::from_utf8_lossy(&said.stdout).lines().filter_map(job_start).collect()).unwrap_or_default()
}

fn job_start(line: &str) -> Option<UnitStart> {
    #[derive(Deserialize)]
    struct Entry {
        #[serde(rename = "UNIT")]
        unit: String,
        #[serde(rename = "_SOURCE_REALTIME_TIMESTAMP")]
        at: String,
    }
    let entry: Entry = serde_json::from_str(line).ok()?;
    let (_, job) = JobType::of_unit(&entry.unit)?;
    Some(UnitStart { job_id: job.to_string(), at: Wall::of_us(entry.at.parse().ok()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_of_jobs_and_of_nothing_else() {
        let line = |unit: &str| {
            format!(r#"{{"UNIT":"{unit}","_SOURCE_REALTIME_TIMESTAMP":"1795366387918519","__CURSOR":"s"}}"#)
        };
        let start = job_start(&line("ringrift-job-export@ua6q-20.service")).expect("a job");
        assert_eq!((start.job_id.as_str(), start.at), ("ua6q-20", Wall::of_us(1_795_366_387_918_519)));
        assert_eq!(job_start(&line("ringrift-coordinator.service")), None);
        assert_eq!(job_start("no JSON"), None);
    }

    #[test]
    fn the_last_entries_unless_told_otherwise() {
        let journal = Journal { follow: false, lines: None, since: None, explain: true, priority: None };
        assert_eq!(journal.arguments(&["a.service".into()], false), ["--unit=a.service", "--catalog", "--lines=200"]);
        let journal = Journal { follow: true, lines: None, since: None, explain: false, priority: Some("err".into()) };
        assert_eq!(journal.arguments(&[], true), ["--output=json", "--follow", "--priority=err"]);
    }
}
