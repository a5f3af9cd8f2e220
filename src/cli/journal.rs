//! Becoming journalctl: the pager, the colours and the filters are its own.
use super::Done;
use super::out::Out;
use crate::contract::error::{Exit, Failure};
use clap::Args;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What journalctl shall show.
#[derive(Debug, Args)]
pub struct Journal {
    /// Go on with new entries
    #[arg(short, long)]
    follow: bool,
    /// The last so many entries
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<u32>,
    /// Not before this time, as journalctl reads it: "10 min ago", "2026-11-22 06:00"
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// With the catalog's text on what an entry means and what to do about it
    #[arg(short = 'x', long)]
    explain: bool,
    /// Only entries of this priority or worse: err, warning, info, debug
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
        Err(Failure::new(Exit::Unavailable, "running journalctl").caused_by(error).hint("it comes with systemd: `apt-get install systemd`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entries_unless_told_otherwise() {
        let journal = Journal { follow: false, lines: None, since: None, explain: true, priority: None };
        assert_eq!(journal.arguments(&["a.service".into()], false), ["--unit=a.service", "--catalog", "--lines=200"]);
        let journal = Journal { follow: true, lines: None, since: None, explain: false, priority: Some("err".into()) };
        assert_eq!(journal.arguments(&[], true), ["--output=json", "--follow", "--priority=err"]);
    }
}
