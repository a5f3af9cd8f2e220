//! The first screen: headline, problems, the loop, and a line each for jobs, events, daemons and the machine.
use crate::cli::out::{Out, Text, Tone};
use crate::cli::text::{self, age, count};
use crate::contract::overview::{Overview, Turn, Verdict};
use crate::contract::problem::{Problem, Severity};
use crate::contract::text::Line;

/// Steps that are shown of a problem without -v.
const STEPS: usize = 2;
/// Daemons that do not run are named up to so many for a reason.
const NAMED: usize = 3;
/// Cells of a bar.
const BAR: usize = 8;
/// The width of the labels at the left.
const LABEL: usize = 9;

/// The page.
pub fn page(o: &Overview, verbose: bool, out: &Out) -> String {
    let mut page = headline(o, out);
    for problem in o.causes() {
        page += &one_problem(problem, o, verbose, out);
    }
    if verbose {
        for problem in o.problems.iter().filter(|p| !p.is_cause()) {
            page += &one_problem(problem, o, verbose, out);
        }
    }
    if matches!(o.verdict, Verdict::Unknown) || (o.verdict == Verdict::NotRunning && o.daemons.run == 0) {
        return page;
    }
    page += "\n";
    page += &turns(o, out);
    page += &facts(o, out);
    page
}

/// The first line.
pub fn headline(o: &Overview, out: &Out) -> String {
    let causes = o.causes().filter(|p| p.severity != Severity::Notice).count();
    let notices = o.causes().filter(|p| p.severity == Severity::Notice).count();
    let worst = if o.is_broken() { Tone::Bad } else { Tone::Warn };
    let (tone, dot, verdict) = match o.verdict {
        Verdict::Well if notices > 0 => (Tone::Good, "●", format!("all is well, {}", count(notices, "notice"))),
        Verdict::Well => (Tone::Good, "●", "all is well".to_owned()),
        Verdict::Starting => (Tone::Busy, "◐", "starting".to_owned()),
        Verdict::Problems => (worst, "●", format!("running, {}", count(causes, "problem"))),
        Verdict::Halted if causes > 1 => (Tone::Bad, "●", format!("HALTED, {}", count(causes, "problem"))),
        Verdict::Halted => (Tone::Bad, "●", "HALTED".to_owned()),
        Verdict::NotRunning => (if causes > 1 { Tone::Bad } else { Tone::Dim }, "○", "not running".to_owned()),
        Verdict::Unknown => (Tone::Bad, "?", "unknown".to_owned()),
    };
    let mut about: Vec<String> = vec![o.host.clone()];
    about.extend(o.profile.clone());
    about.extend(o.master.since_us.map(|since| format!("up {}", age(since, o.time_us))));
    let about = Line::new(about.join(" · ")).to_string();
    let left = format!("{dot} ringrift: {verdict}").chars().count();
    let gap = out.columns().map_or(3, |width| width.saturating_sub(left + about.chars().count()).max(2));
    let (dot, name, verdict) = (out.paint(tone, dot), out.paint(Tone::Bold, "ringrift:"), out.paint(tone, &verdict));
    format!("{dot} {name} {verdict}{}{}\n", " ".repeat(gap), out.paint(Tone::Dim, &about))
}

fn one_problem(problem: &Problem, o: &Overview, verbose: bool, out: &Out) -> String {
    let (tone, mark) = match problem.severity {
        Severity::Broken => (Tone::Bad, "✗"),
        Severity::Degraded => (Tone::Warn, "!"),
        Severity::Notice => (Tone::Busy, "i"),
    };
    let title = Line::new(problem.title.clone()).to_string();
    let since = problem.since_us.map(|since| format!("({})", age(since, o.time_us))).unwrap_or_default();
    let room = out.columns().is_none_or(|width| width >= 3 + title.chars().count() + since.chars().count());
    let since = if room { out.paint(Tone::Dim, &since) } else { String::new() };
    let mut text =
        format!("{} {} {since}", out.paint(tone, mark), out.paint(Tone::Bold, &title)).trim_end().to_owned() + "\n";
    for line in out.wrapped(&Line::new(problem.why.clone().unwrap_or_default()), 2) {
        text += &format!("{line}\n");
    }
    let steps = if verbose { problem.next.len() } else { STEPS };
    for next in problem.next.iter().take(steps) {
        let about = out.paint(Tone::Dim, &next.text);
        let fits =
            out.columns().is_none_or(|width| width >= 6 + next.command.chars().count() + next.text.chars().count());
        let about = if fits { about } else { String::new() };
        text +=
            format!("  {} {}  {about}", out.paint(Tone::Dim, "→"), out.paint(Tone::Busy, &Line::new(&next.command)))
                .trim_end();
        text += "\n";
    }
    if let Some(cause) = problem.caused_by.as_ref() {
        text += &format!("  {}\n", out.paint(Tone::Dim, &format!("follows from {} of {}", cause.code, cause.subject)));
    }
    text + &consequences(problem, verbose, out)
}

/// `24 wait for it: EVALUATION, AUTO_EXPORT, +22`: as many names as fit on a line; with -v, all.
fn consequences(problem: &Problem, verbose: bool, out: &Out) -> String {
    let names = &problem.consequences;
    if names.is_empty() {
        return String::new();
    }
    let head = format!("{} {} for it: ", names.len(), if names.len() == 1 { "waits" } else { "wait" });
    let all = names.join(", ");
    if let Some(width) = out.columns().filter(|_| !verbose)
        && width < 2 + head.len() + all.chars().count()
    {
        let (mut shown, mut length) = (Vec::new(), 2 + head.len() + 5);
        for name in names {
            length += name.chars().count() + 2;
            if length > width {
                break;
            }
            shown.push(name.as_str());
        }
        let rest = names.len() - shown.len();
        let line = format!("{head}{}, +{rest}", shown.join(", "));
        return format!("  {}\n", out.paint(Tone::Dim, &line));
    }
    out.wrapped(&format!("{head}{all}"), 2).into_iter().map(|line| out.paint(Tone::Dim, &line) + "\n").collect()
}

fn turns(o: &Overview, out: &Out) -> String {
    if o.turns.is_empty() {
        return String::new();
    }
    let row = |turn: &Turn| {
        let tone = if turn.waits_for.is_some() { Tone::Warn } else { Tone::Plain };
        vec![
            Text::new(Tone::Bold, turn.config_key.as_str()),
            Text::number(turn.generation.map_or("?".to_owned(), |g| g.to_string())),
            Text::number(turn.elo.map_or("?".to_owned(), |elo| format!("{elo:+.0}"))),
            Text::number(turn.since_us.map(|since| age(since, o.time_us)).unwrap_or_default()),
            Text::new(tone, now(turn, o)),
        ]
    };
    out.wrapped_table(&["LOOP", "GEN", "ELO", "SINCE", "STAGE"], o.turns.iter().map(row).collect()) + "\n"
}

fn now(turn: &Turn, o: &Overview) -> String {
    let Some(progress) = turn.progress.as_ref().filter(|p| p.total > 0.0) else { return turn.now.clone() };
    let share = (progress.done / progress.total).clamp(0.0, 1.0);
    let left = turn.since_us.filter(|_| share > 0.0).map(|since| {
        let spent = (o.time_us - since).max(0) as f64 / 1e6;
        format!(" ETA {}", text::seconds((spent * (1.0 - share) / share) as i64))
    });
    format!("{} {}{}", turn.now, bar(share), left.unwrap_or_default())
}

/// A share as a bar.
fn bar(share: f64) -> String {
    let full = ((share * BAR as f64).round() as usize).min(BAR);
    format!("▕{}{}▏", "█".repeat(full), "░".repeat(BAR - full))
}

/// A line each for jobs, events, daemons, the machine and the last promotion.
fn facts(o: &Overview, out: &Out) -> String {
    let mut lines = vec![("JOBS", jobs(o)), ("EVENTS", events(o)), ("DAEMONS", daemons(o)), ("HOST", machine(o))];
    lines.push(("LAST", last(o)));
    let mut page = String::new();
    for (label, says) in lines.into_iter().filter(|(_, says)| !says.is_empty()) {
        for (at, line) in out.wrapped(&says, LABEL).into_iter().enumerate() {
            let head = if at == 0 { out.paint(Tone::Dim, &format!("{label:LABEL$}")) } else { " ".repeat(LABEL) };
            page += &format!("{head}{}\n", line.trim_start());
        }
    }
    page
}

fn jobs(o: &Overview) -> String {
    let Some(jobs) = &o.jobs else { return "unknown: the coordinator does not report".into() };
    let why = jobs.waits_for.as_ref().filter(|_| jobs.queued > 0).map(|why| format!(" ({why})")).unwrap_or_default();
    let types: Vec<String> = jobs.running_by_type.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    let types = if types.is_empty() { String::new() } else { format!(" ({})", types.join(", ")) };
    format!("{} running{types}, {} queued{why}", jobs.running, jobs.queued)
}

fn events(o: &Overview) -> String {
    match &o.events {
        Some(e) => {
            format!("{:.1}/s, lag {}, {}", e.published_per_second, e.lag, count(e.dead_letters as usize, "dead letter"))
        }
        None => "unknown: the event router does not report".into(),
    }
}

fn daemons(o: &Overview) -> String {
    let mut says = match o.daemons.of {
        0 => format!(
            "{} run; which profile is applied is not known",
            count(o.processes.iter().filter(|p| p.is_up()).count(), "process")
        ),
        of => format!("{} of {of} daemons run", o.daemons.run),
    };
    for group in &o.daemons.absent {
        // Many names stand with their cause already.
        let names = if group.names.len() <= NAMED { format!(": {}", group.names.join(", ")) } else { String::new() };
        says += &format!(" · {} {}{names}", group.names.len(), group.why);
    }
    says
}

fn machine(o: &Overview) -> String {
    let shares = [("CPU", o.machine.cpu_percent), ("MEM", o.machine.memory_percent), ("DISK", o.machine.disk_percent)];
    let known =
        shares.iter().filter_map(|(name, percent)| percent.map(|p| format!("{name} {} {p:.0} %", bar(p / 100.0))));
    known.collect::<Vec<_>>().join(" · ")
}

fn last(o: &Overview) -> String {
    let newest = o.turns.iter().filter_map(|t| Some((t.promoted_us?, t))).max_by_key(|(at, _)| *at);
    newest.map_or_else(String::new, |(at, turn)| {
        let (generation, elo) = (turn.generation.unwrap_or(0), turn.elo.unwrap_or(0.0));
        format!(
            "{} generation {generation} of {} promoted, {elo:+.0} Elo",
            text::second(at, o.time_us),
            turn.config_key
        )
    })
}

#[cfg(test)]
mod tests;
