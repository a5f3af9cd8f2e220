//! What is wrong with the loop and its jobs: halted, paused, failing, barred by a breaker, standing still.
use super::processes::is_coordinator_up;
use super::view::View;
use crate::contract::cause::FailureCause;
use crate::contract::coordinator::BreakerView;
use crate::contract::coordinator::conditions::{Conditions, Failing, Waiting};
use crate::contract::problem::{Code, Kind, Problem, Subject};
use crate::contract::reason::{self, ReasonCode};
use crate::contract::workload::JobType;

/// Without a new job of a configuration for so long, though something waits, it stands still, microseconds.
const STALLED_US: i64 = 600_000_000;
/// One failed attempt is tried again and is no news.
const FAILING: u32 = 2;
/// So many refused candidates in a row are worth a look.
const REFUSALS: u32 = 10;

/// The loop as a whole.
pub fn suite() -> Subject {
    Subject::new(Kind::Suite, "loop")
}

/// A type of jobs.
pub fn job_type(kind: JobType) -> Subject {
    Subject::new(Kind::JobType, kind.name())
}

/// All of it.
pub fn judge(view: &View<'_>) -> Vec<Problem> {
    let none = Conditions::default();
    let conditions = view.coordinator.as_ref().map_or(&none, |c| &c.conditions);
    let mut found: Vec<Problem> = halt(view, conditions).into_iter().collect();
    if is_coordinator_up(view) {
        found.extend(pause(conditions));
        found.extend(JobType::ALL.into_iter().filter_map(|kind| failing(view, conditions, kind)));
        found.extend(conditions.waiting.iter().filter_map(|waiting| stalled(view, conditions, waiting)));
    }
    found.extend(stages(view));
    found
}

/// A halt is on disk: it holds while the coordinator is away, too.
fn halt(view: &View<'_>, conditions: &Conditions) -> Option<Problem> {
    let halt = &conditions.halt;
    let title = match (halt.halted, &view.facts.flag) {
        (true, _) => format!("Emergency halt by {}: {}", halt.by, halt.reason),
        (false, Ok(Some(text))) => {
            format!("Emergency halt by a flag file: {}", text.lines().next().unwrap_or_default())
        }
        (false, Ok(None) | Err(_)) => return None,
    };
    let since = Some(halt.since_us).filter(|at| *at > 0);
    let problem = Problem::new(Code::Halt, suite(), title)
        .since(since)
        .why("No job runs and none is granted until somebody ends the halt.");
    Some(problem.next("end it", "ringrift emergency clear"))
}

fn pause(conditions: &Conditions) -> Option<Problem> {
    let pause = conditions.paused.as_ref()?;
    let title = format!("The queue is paused by {}: {}", pause.by, pause.reason);
    let problem = Problem::new(Code::QueuePaused, suite(), title)
        .since(Some(pause.since_us))
        .why("Running jobs continue; nothing new is granted.");
    Some(problem.next("let it go on", "ringrift jobs queue resume"))
}

/// A type as a sentence begins with it.
fn named(kind: JobType) -> &'static str {
    match kind {
        JobType::Selfplay => "Self-play",
        JobType::Export => "Export",
        JobType::Training => "Training",
        JobType::Evaluation => "Evaluation",
        JobType::Tournament => "Tournament",
        JobType::Cmaes => "CMA-ES",
        JobType::Pipeline => "Pipeline",
        JobType::Improvement => "Improvement",
        JobType::Sync => "Sync",
    }
}

/// Failures and the breaker of a type are one problem: the breaker opens because of the failures.
fn failing(view: &View<'_>, conditions: &Conditions, kind: JobType) -> Option<Problem> {
    let of_type = || conditions.failing.iter().filter(|f| f.work_type == kind);
    let open = conditions.breakers.iter().find(|b| b.task_type == kind && b.state == "OPEN");
    let oom = of_type().find(|f| f.cause == FailureCause::Oom);
    let worst = of_type().filter(|f| f.in_a_row >= FAILING).max_by_key(|f| f.in_a_row);
    let breaker = open.map(barred).unwrap_or_default();
    let problem = match (oom, worst, open) {
        (Some(failing), _, _) => out_of_memory(failing),
        (None, Some(failing), _) => fails(view, failing),
        (None, None, Some(open)) => {
            let title = format!("The breaker of {kind} on {} is open: {}", open.node, open.reason);
            Problem::new(Code::BreakerOpen, job_type(kind), title).since(Some(open.failed_us).filter(|at| *at > 0))
        }
        (None, None, None) => return None,
    };
    let problem = problem.why(breaker);
    Some(match open {
        Some(_) => {
            problem.next("close the breaker when it is fixed", format!("ringrift safeguards reset --type {kind}"))
        }
        None => problem,
    })
}

fn barred(open: &BreakerView) -> String {
    let until = open.retry_in_seconds.map_or_else(String::new, |s| format!(" for {s} s more"));
    format!("No {} job starts on {}{until}: its breaker is open", open.task_type, open.node)
}

fn out_of_memory(f: &Failing) -> Problem {
    let times = match f.in_a_row {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    let title = format!("{} of {} ran out of memory {times}", named(f.work_type), f.config_key);
    let problem = Problem::new(Code::JobOom, job_type(f.work_type), title).since(Some(f.since_us)).why(f.error.clone());
    let problem = problem.next("its output", format!("ringrift jobs logs {}", f.work_id));
    problem.next("where the limit is set", "ringrift config show --origin limits.job_memory_max")
}

fn fails(view: &View<'_>, f: &Failing) -> Problem {
    let title = format!("{} of {} fails: {}", named(f.work_type), f.config_key, f.error);
    let mut why = match f.attempts == f.in_a_row {
        true => format!("{} of {} attempts failed", f.in_a_row, f.max_attempts.max(f.in_a_row)),
        false => format!("{} attempts in a row failed", f.in_a_row),
    };
    if let Some((command, place)) = view.facts.config.commands.get(f.work_type.name()) {
        why += &format!(". Its command is {command}, set in {place}");
    }
    let problem = Problem::new(Code::JobFailing, job_type(f.work_type), title).since(Some(f.since_us)).why(why);
    problem
        .next("its output", format!("ringrift jobs logs {}", f.work_id))
        .next("the job", format!("ringrift jobs show {}", f.work_id))
}

fn stalled(view: &View<'_>, conditions: &Conditions, waiting: &Waiting) -> Option<Problem> {
    let runs = conditions.running.iter().any(|job| job.config_key == waiting.config_key);
    // What is held back for the peak hours is where it was asked to be.
    let asked = !waiting.codes.is_empty() && waiting.codes.iter().all(|code| *code == ReasonCode::Peak);
    let up = view.process("coordinator").and_then(|p| p.since_us);
    let since = [Some(waiting.since_us), waiting.started_us, up].into_iter().flatten().max()?;
    let age = view.facts.now_us - since;
    if runs || asked || age < STALLED_US {
        return None;
    }
    let key = &waiting.config_key;
    let why =
        reason::leading(&waiting.reasons, &waiting.codes).unwrap_or("nothing is said to be against it").to_owned();
    let title = format!("{key} stands still: no job has started for {} min", age / 60_000_000);
    let problem =
        Problem::new(Code::LoopStalled, Subject::new(Kind::ConfigKey, key.as_str()), title).since(Some(since));
    let problem = problem.why(format!("{} {} waits: {why}", named(waiting.work_type), waiting.work_id));
    Some(problem.next("every reason", "ringrift jobs queue"))
}

fn stages(view: &View<'_>) -> Vec<Problem> {
    let mut found = Vec::new();
    for stage in view.stages() {
        let subject = Subject::new(Kind::ConfigKey, stage.config_key.as_str());
        if let Some(why) = stage.began_anew() {
            let problem = Problem::new(Code::RulesChanged, subject.clone(), format!("{} {why}", stage.config_key));
            found.push(
                problem
                    .since(stage.rules_since_us)
                    .next("what it has now", format!("ringrift pipeline show {}", stage.config_key)),
            );
        }
        if stage.refusals >= REFUSALS {
            let title =
                format!("{} candidates of {} in a row did not beat the champion", stage.refusals, stage.config_key);
            let problem = Problem::new(Code::NoPromotion, subject, title);
            found.push(problem.next("scores and verdicts", format!("ringrift pipeline show {}", stage.config_key)));
        }
    }
    found
}
