//! What the master knows, shared between its loop, which writes it, and the D-Bus interface, which answers from it at
//! any time.
use super::store::{Overrides, Standing, Wanted};
use crate::contract::config::{Begun, Config, Reader};
use crate::contract::health::{State, StatusFile};
use crate::contract::host::UnitView;
use crate::contract::master::{Control, MasterHealth, Plan, Wish};
use crate::contract::registry::{DaemonType, Profile, all, built};
use crate::contract::time::{Span, Wall};
use crate::coordination::plan;
use crate::coordination::state::{Assessment, Facts, assess};
use crate::platform::clock;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

/// A daemon that shall run may be on its way for so long before it counts as a problem.
const START_TIMEOUT: Span = Span::of_secs(60);

/// A job's unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// The job's id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Its unit.
    pub unit: String,
    /// starting, running, stopping.
    pub state: &'static str,
    /// Since when.
    pub since: Wall,
}

/// A daemon as `ListDaemons` shows it.
#[derive(Debug, Clone)]
pub struct Row {
    /// Which one.
    pub daemon: DaemonType,
    /// State, reason, health.
    pub found: Assessment,
    /// Its unit, if systemd knows it.
    pub unit: Option<UnitView>,
    /// What it last said.
    pub report: Option<StatusFile>,
    /// The profile or an operator wants it up.
    pub desired: bool,
    /// When and why it last failed.
    pub last_error: Option<(Wall, String)>,
}

/// How what runs differs from what is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drift {
    /// Wanted, does not run.
    pub missing: Vec<String>,
    /// Runs, is not wanted.
    pub extra: Vec<String>,
    /// Wanted, failed for good or cannot start.
    pub failed: Vec<String>,
    /// Why, one line each.
    pub details: Vec<String>,
}

/// Who stopped what the master did not.
const OUTSIDE: &str = "systemctl";

/// Everything known.
#[derive(Debug)]
pub struct World {
    /// The configuration.
    pub config: Config,
    /// What became of it.
    pub taken: Begun,
    /// The profile.
    pub profile: Profile,
    /// Units by name.
    pub units: BTreeMap<String, UnitView>,
    /// What operators want of single daemons, and who.
    pub overrides: Overrides,
    /// What was wanted before the profile was applied, if that is known.
    pub former: Option<Standing>,
    /// Went down in order without the master; left alone until somebody starts them.
    pub outside: BTreeSet<DaemonType>,
    /// Paused daemons.
    pub paused: BTreeMap<DaemonType, Control>,
    /// Why starts are held back.
    pub held: BTreeMap<DaemonType, String>,
    /// Since when a daemon is not up although it shall be.
    pub down_since: BTreeMap<DaemonType, Wall>,
    /// When and why daemons last failed.
    pub last_errors: BTreeMap<DaemonType, (Wall, String)>,
    /// Failed daemons that are tried again: how often they were, and when they are next.
    pub tried_again: BTreeMap<DaemonType, (u32, Wall)>,
    /// Jobs under way.
    pub jobs: Vec<JobRow>,
    /// Turns of the loop.
    pub iteration: u64,
    /// The last turn.
    pub beat: Instant,
    /// What is wrong beside single daemons, by topic.
    pub problems: BTreeMap<&'static str, String>,
    /// The directory of status files.
    pub run: PathBuf,
}

impl World {
    /// Before the first look.
    pub fn new(config: Config, profile: Profile, run: PathBuf) -> World {
        let taken = Begun::with(&config, Reader::Master, clock::now().us());
        World {
            config,
            taken,
            profile,
            units: BTreeMap::new(),
            overrides: Overrides::new(),
            former: None,
            outside: BTreeSet::new(),
            paused: BTreeMap::new(),
            held: BTreeMap::new(),
            down_since: BTreeMap::new(),
            last_errors: BTreeMap::new(),
            tried_again: BTreeMap::new(),
            jobs: Vec::new(),
            iteration: 0,
            beat: Instant::now(),
            problems: BTreeMap::new(),
            run,
        }
    }

    /// Daemons that shall run, in start order: the profile's, less what operators stopped, plus what they started.
    pub fn desired(&self) -> Vec<DaemonType> {
        let mut wanted = self.with(self.profile, &self.overrides);
        wanted.retain(|d| !self.outside.contains(d));
        wanted
    }

    /// Those of a profile, less what operators stopped, plus what they started.
    fn with(&self, profile: Profile, overrides: &Overrides) -> Vec<DaemonType> {
        let mut wanted = plan::wanted(profile, &self.config);
        wanted.retain(|d| !matches!(overrides.get(d), Some((Wanted::Stopped, _))));
        for (daemon, (wish, _)) in overrides {
            if *wish == Wanted::Started && !wanted.contains(daemon) && plan::disabled(&self.config, *daemon).is_none() {
                wanted.push(*daemon);
            }
        }
        wanted
    }

    /// Whether a person stopped it, through the master or past it.
    pub fn is_stopped_by_hand(&self, daemon: DaemonType) -> bool {
        self.outside.contains(&daemon) || matches!(self.overrides.get(&daemon), Some((Wanted::Stopped, _)))
    }

    /// What is wanted now, to come back to it: what went down without the master counts as stopped.
    pub fn standing(&self) -> Standing {
        let mut overrides = self.overrides.clone();
        overrides.extend(self.outside.iter().map(|daemon| (*daemon, (Wanted::Stopped, OUTSIDE.to_owned()))));
        Standing { profile: self.profile, overrides }
    }

    /// A daemon's unit.
    pub fn unit(&self, daemon: DaemonType) -> Option<&UnitView> {
        self.units.get(&daemon.unit())
    }

    /// Everything about one daemon; reads its status file.
    pub fn row(&self, daemon: DaemonType, desired: bool, now: Wall) -> Row {
        let report = std::fs::read(self.run.join(daemon.kebab()).join("status.json")).ok();
        let (said, report) =
            (report.is_some(), report.and_then(|text| serde_json::from_slice::<StatusFile>(&text).ok()));
        let unit = self.unit(daemon);
        let facts = Facts {
            spec: daemon.spec(),
            unit,
            report: report.as_ref(),
            torn: said && report.is_none(),
            control: self.paused.get(&daemon),
            desired,
            held: self.held.get(&daemon).map(String::as_str),
            blocked_since: self.down_since.get(&daemon).copied(),
            now,
        };
        let mut found = assess(&facts);
        if found.state == State::Stopped && found.reason.is_empty() {
            found.reason = self.why_stopped(daemon);
        }
        if let (State::Failed | State::CannotStart, Some((tries, due))) = (found.state, self.tried_again.get(&daemon)) {
            let seconds = (*due - now).max(Span::ZERO).secs();
            found.reason = format!("{}; next try in {seconds} s (attempts so far: {tries})", found.reason);
        }
        Row { daemon, found, unit: unit.cloned(), report, desired, last_error: self.last_errors.get(&daemon).cloned() }
    }

    fn why_stopped(&self, daemon: DaemonType) -> String {
        match self.overrides.get(&daemon) {
            Some((Wanted::Stopped, who)) => format!("stopped by {who}"),
            _ if self.outside.contains(&daemon) => "stopped, but not by the master".into(),
            _ => plan::disabled(&self.config, daemon).unwrap_or_else(|| "not in the profile".into()),
        }
    }

    /// Every daemon of the registry in its order, planned ones included, other names left out.
    pub fn rows(&self, now: Wall) -> Vec<Row> {
        let desired = self.desired();
        let real = all().filter(|s| !matches!(s.stage, crate::contract::registry::Stage::Alias { .. }));
        real.map(|s| self.row(s.daemon, desired.contains(&s.daemon), now)).collect()
    }

    /// What is wanted of the daemons, for those who only look.
    pub fn wishes(&self) -> BTreeMap<String, Wish> {
        let desired = self.desired();
        let members = self.profile.members();
        let wish = |daemon: DaemonType| Wish {
            desired: desired.contains(&daemon),
            stopped_by: match self.overrides.get(&daemon) {
                Some((Wanted::Stopped, who)) => Some(who.clone()),
                _ => None,
            },
            stopped_outside: self.outside.contains(&daemon),
            disabled: members.contains(&daemon).then(|| plan::disabled(&self.config, daemon)).flatten(),
            held: self.held.get(&daemon).cloned(),
            down_since_us: self.down_since.get(&daemon).copied(),
            next_try_us: self.tried_again.get(&daemon).map(|(_, due)| *due),
        };
        let all = built().map(|s| (s.daemon.name().to_owned(), wish(s.daemon)));
        all.filter(|(_, wish)| *wish != Wish::default()).collect()
    }

    /// What applying a profile would do.
    pub fn plan(&self, profile: Profile) -> Plan {
        let units: Vec<UnitView> = self.units.values().cloned().collect();
        plan::plan(profile, &self.config, &units)
    }

    /// What coming back to this would do.
    pub fn plan_back(&self, to: &Standing) -> Plan {
        let units: Vec<UnitView> = self.units.values().cloned().collect();
        plan::toward(to.profile, self.with(to.profile, &to.overrides), &self.config, &units)
    }

    /// How reality differs from the profile and from what operators said since.
    pub fn drift(&self, now: Wall) -> Drift {
        let mut drift = Drift::default();
        let wanted = plan::wanted(self.profile, &self.config);
        for spec in built() {
            let (daemon, in_profile) = (spec.daemon, wanted.contains(&spec.daemon));
            let up = self.unit(daemon).is_some_and(UnitView::is_up);
            let name = daemon.name().to_owned();
            if in_profile == up {
                continue;
            }
            let row = self.row(daemon, self.desired().contains(&daemon), now);
            let reason = if row.found.reason.is_empty() { String::new() } else { format!(" ({})", row.found.reason) };
            drift.details.push(format!(
                "{name}: {}, {}{reason}",
                if in_profile { "in the profile" } else { "not in the profile" },
                row.found.state
            ));
            match (up, row.found.state) {
                (true, _) => drift.extra.push(name),
                (false, State::Failed | State::CannotStart) => drift.failed.push(name),
                (false, _) => drift.missing.push(name),
            }
        }
        drift
    }

    /// How well the loop is; `check_health` of the earlier implementation.
    pub fn health(&self, now: Wall) -> MasterHealth {
        let age_seconds = self.beat.elapsed().as_secs_f64();
        let mut problems: Vec<String> = self.problems.values().cloned().collect();
        if age_seconds > 2.0 * f64::from(self.config.master.interval) {
            problems.push(format!("no reconciliation for {age_seconds:.0} s"));
        }
        for daemon in self.desired() {
            let row = self.row(daemon, true, now);
            let late = self.down_since.get(&daemon).is_some_and(|since| now - *since > START_TIMEOUT);
            let bad = matches!(row.found.state, State::Failed | State::CannotStart | State::Stale);
            if bad || (late && !matches!(row.found.state, State::Running | State::Paused)) {
                let reason =
                    if row.found.reason.is_empty() { String::new() } else { format!(": {}", row.found.reason) };
                problems.push(format!("{} is {}{reason}", daemon.name(), row.found.state));
            }
        }
        MasterHealth {
            healthy: problems.is_empty(),
            loop_iteration: self.iteration,
            age_seconds,
            profile: self.profile.name().into(),
            problems,
        }
    }
}
