//! The one judgement of what is wrong: facts in, problems out. Every face of the suite shows what comes out here. Pure.
mod collapse;
mod conditions;
mod configuration;
mod edges;
mod jobs;
mod processes;
mod turns;
mod view;
pub mod watch;

pub use conditions::bytes;
pub use turns::waits_for;
pub use view::{COORDINATOR, MASTER, WATCH};

use crate::contract::facts::Facts;
use crate::contract::health::State;
use crate::contract::host::HostSnapshot;
use crate::contract::overview::{Absent, Count, MasterOverview, Overview, Process, SCHEMA, Verdict};
use crate::contract::problem::{Cause, Code, Kind, Problem, Severity, Subject};
use edges::Role;
use view::View;

/// Everything that is wrong: causes first, the worst of them first, then what follows from them.
pub fn judge(facts: &Facts) -> Vec<Problem> {
    problems(&View::of(facts))
}

fn problems(view: &View<'_>) -> Vec<Problem> {
    if let Err(why) = &view.facts.units {
        let problem =
            Problem::new(Code::Bus, conditions::host("bus"), "systemd cannot be asked: nobody knows what runs")
                .why(why.clone());
        return vec![problem.next("does the bus run", "systemctl status dbus")];
    }
    let mut found = jobs::judge(view);
    found.extend(processes::judge(view));
    found.extend(conditions::judge(view));
    found.extend(configuration::judge(view));
    fold(view, found)
}

/// Names each consequence at its cause, and sorts.
fn fold(view: &View<'_>, mut problems: Vec<Problem>) -> Vec<Problem> {
    let roles: Vec<Role> = problems.iter().map(|p| edges::role(view, p)).collect();
    let above = |at: &usize| {
        // A socket passes on what is wrong with its hub; a process that works has kept it to itself.
        let passes = |s: &Subject| s.kind == Kind::Socket || problems.iter().any(|p| p.subject == *s);
        let needs = collapse::needed(&problems[*at].subject, |s| edges::needs(view, s), passes);
        let of =
            |subject: &Subject| (0..problems.len()).filter(|n| problems[*n].subject == *subject).collect::<Vec<_>>();
        needs.iter().flat_map(of).filter(|n| roles[*n].explains(roles[*at])).collect()
    };
    let causes = collapse::causes(&(0..problems.len()).collect(), above, |at| edges::weight(problems[*at].code));
    for (at, cause) in &causes {
        problems[*at].caused_by =
            Some(Cause { code: problems[*cause].code, subject: problems[*cause].subject.clone() });
        // Who waits for what is about to come is no worse than that; what keeps others from working is as bad as the
        // worst of them.
        if problems[*cause].severity == Severity::Notice {
            problems[*at].severity = Severity::Notice;
        }
        problems[*cause].severity = problems[*cause].severity.min(problems[*at].severity);
        let name = problems[*at].subject.name.clone();
        let consequences = &mut problems[*cause].consequences;
        if !consequences.contains(&name) {
            consequences.push(name);
        }
    }
    problems.sort_by_key(|p| {
        (p.caused_by.is_some(), p.severity, p.code != Code::Halt, std::cmp::Reverse(p.consequences.len()), p.code)
    });
    problems
}

/// The overview of the suite: the judgement with the figures that belong to it.
pub fn overview(facts: &Facts, version: &str) -> Overview {
    let view = View::of(facts);
    let problems = problems(&view);
    let daemons = count(&view);
    let report = facts.reports.get("master");
    let master = MasterOverview {
        running: view.running,
        since_us: view.process("master").and_then(|p| p.since_us).filter(|_| view.running),
        turn: view.master.as_ref().map(|m| m.health.loop_iteration).filter(|_| view.running),
        beat_us: report.map(|r| r.time_us).filter(|_| view.running),
    };
    Overview {
        schema: SCHEMA.into(),
        time_us: facts.now_us,
        host: facts.host_name.clone(),
        version: version.into(),
        verdict: verdict(&view, &problems),
        profile: view.profile.map(|p| p.name().to_owned()),
        master,
        daemons,
        problems,
        turns: turns::turns(&view),
        jobs: turns::jobs(&view),
        events: turns::events(&view),
        machine: machine(&view),
        processes: view.processes,
    }
}

/// Who looks once cannot tell the use of processors, which is a difference of two looks; the coordinator can.
fn machine(view: &View<'_>) -> HostSnapshot {
    let own = view.facts.machine.clone();
    let up = view.process("coordinator").is_some_and(Process::is_up);
    let Some(other) = view.coordinator.as_ref().filter(|_| up).and_then(|c| c.conditions.machine.clone()) else {
        return own;
    };
    HostSnapshot {
        cpu_percent: own.cpu_percent.or(other.cpu_percent),
        selfplay_cpu_percent: own.selfplay_cpu_percent.or(other.selfplay_cpu_percent),
        ..own
    }
}

fn verdict(view: &View<'_>, problems: &[Problem]) -> Verdict {
    let has = |code: Code| problems.iter().any(|p| p.code == code);
    let wrong = problems.iter().any(|p| p.severity != Severity::Notice);
    let starts = |p: &Problem| matches!(p.code, Code::DaemonStarting | Code::RouterDown | Code::CoordinatorDown);
    match () {
        () if view.facts.units.is_err() => Verdict::Unknown,
        () if has(Code::Halt) => Verdict::Halted,
        () if view.starting && !wrong => Verdict::Starting,
        () if !view.running => Verdict::NotRunning,
        () if wrong => Verdict::Problems,
        () if view.profile.is_none() || problems.iter().any(starts) => Verdict::Starting,
        () => Verdict::Well,
    }
}

/// A daemon that a person stopped, that failed or that is disabled stays in the denominator.
fn count(view: &View<'_>) -> Count {
    let daemons: Vec<&Process> = view.processes.iter().filter(|p| p.category != "hub" && view.expects(p)).collect();
    let of = daemons.len();
    let (up, down): (Vec<&Process>, Vec<&Process>) = daemons.into_iter().partition(|p| p.is_up());
    let mut absent: Vec<Absent> = Vec::new();
    for process in down {
        let disabled =
            crate::contract::registry::DaemonType::parse(&process.name).ok().and_then(|d| view.wish(d).disabled);
        let why = match (&process.held, disabled, process.state) {
            (Some(held), ..) => format!("stopped by {}", held.by),
            (None, Some(_), State::Stopped | State::NeverRan) => "disabled".to_owned(),
            (None, _, state) => state.to_string().to_lowercase().replace('_', " "),
        };
        match absent.iter_mut().find(|a| a.why == why) {
            Some(group) => group.names.push(process.name.clone()),
            None => absent.push(Absent { why, names: vec![process.name.clone()] }),
        }
    }
    Count { run: up.len(), of, absent }
}

#[cfg(test)]
pub(crate) mod planted;
#[cfg(test)]
mod tests;
