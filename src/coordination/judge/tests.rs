//! Each condition is its code and exactly one cause.
use super::planted::*;
use super::*;
use crate::contract::facts::ThresholdSource;
use crate::contract::health::{Health, HealthCause};
use crate::contract::host::UnitView;
use crate::contract::problem::{Kind, MAX_TITLE};
use crate::contract::registry::{DaemonType, Profile, built};
use crate::contract::workload::JobType;
use serde_json::{Value, json};

/// All daemons but the router wait in systemd's queue.
fn all_wait(facts: &mut Facts) {
    for daemon in Profile::Standalone.built().into_iter().filter(|d| *d != DaemonType::EventRouter) {
        let unit = of(facts, &daemon.unit());
        (unit.active_state, unit.start_queued) = ("inactive".into(), true);
        unit.since_us = Some(NOW - SECOND);
        unit.waiting_for = vec![DaemonType::EventRouter.unit()];
    }
}

/// The one cause that is more than a notice.
#[track_caller]
fn only(facts: &Facts) -> Problem {
    let problems = judge(facts);
    let causes: Vec<&Problem> = problems.iter().filter(|p| p.is_cause() && p.severity != Severity::Notice).collect();
    assert_eq!(causes.len(), 1, "{problems:#?}");
    assert_eq!(&problems[0], causes[0], "it comes first");
    assert!(problems.iter().all(|p| p.title.chars().count() <= MAX_TITLE && !p.title.is_empty()), "{problems:#?}");
    assert!(!causes[0].next.is_empty(), "it has a step: {problems:#?}");
    let overview = overview(facts, "0");
    assert!(!matches!(overview.verdict, Verdict::Well), "{overview:#?}");
    causes[0].clone()
}

#[test]
fn what_is_well_is_well() {
    let facts = well();
    assert_eq!(judge(&facts), []);
    let overview = overview(&facts, "0");
    let members = Profile::Standalone.built().len();
    assert_eq!(
        (overview.verdict, overview.daemons),
        (Verdict::Well, Count { run: members, of: members, absent: vec![] })
    );
    let value = serde_json::to_value(super::overview(&facts, "0")).expect("JSON");
    assert!(value["schema"] == "ringrift.status/2" && value["loop"].is_array(), "{value}");
    let back: Overview = serde_json::from_value(value).expect("its own JSON");
    assert_eq!(back.processes.len(), overview.processes.len());
}

#[test]
fn a_masked_router_is_one_cause_and_all_others_wait_for_it() {
    let mut facts = well();
    let router = of(&mut facts, "ringrift-event-router.service");
    (router.load_state, router.active_state) = ("masked".into(), "inactive".into());
    of(&mut facts, "ringrift-router.socket").active_state = "failed".into();
    all_wait(&mut facts);
    *snapshot(&mut facts, "master", "") = {
        let mut value = facts.reports["master"].snapshot.clone();
        value["troubles"] = json!({ "subscriptions": "subscriptions are not registered: no router" });
        value
    };
    let problem = only(&facts);
    assert_eq!((problem.code, problem.subject.name.as_str()), (Code::UnitMasked, "EVENT_ROUTER"));
    assert!(problem.next[0].command.starts_with("systemctl unmask ringrift-event-router.service"));
    assert!(
        problem.consequences.len() >= 19 && problem.consequences.iter().any(|c| c == "ringrift-router.socket"),
        "{problem:?}"
    );
}

#[test]
fn a_router_that_starts_is_a_notice_for_half_a_minute() {
    let mut facts = well();
    let router = of(&mut facts, "ringrift-event-router.service");
    (router.active_state, router.since_us) = ("activating".into(), Some(NOW - 8 * SECOND));
    all_wait(&mut facts);
    let problems = judge(&facts);
    let causes: Vec<_> = problems.iter().filter(|p| p.is_cause()).collect();
    assert!(
        causes.len() == 1 && causes[0].code == Code::RouterDown && causes[0].severity == Severity::Notice,
        "{causes:#?}"
    );
    assert_eq!(causes[0].title, "EVENT_ROUTER is starting");
    assert_eq!(overview(&facts, "0").verdict, Verdict::Starting);
    of(&mut facts, "ringrift-event-router.service").since_us = Some(NOW - 40 * SECOND);
    assert_eq!(only(&facts).severity, Severity::Broken);
}

#[test]
fn a_full_disk_is_the_cause_of_what_it_breaks() {
    let mut facts = well();
    facts.machine.disk_free_bytes = Some(0);
    facts.machine.disk_percent = Some(100.0);
    *snapshot(&mut facts, "event-router", "") = {
        let mut value = facts.reports["event-router"].snapshot.clone();
        value["refusing"] = json!("no space left on device");
        value
    };
    facts.reports.get_mut("event-router").expect("there").health = Health::unhealthy("publishes are refused: no space");
    facts.reports.get_mut("evaluation").expect("there").health = Health::degraded("its state cannot be written");
    let problem = only(&facts);
    assert_eq!((problem.code, problem.severity), (Code::DiskFull, Severity::Broken));
    assert_eq!(problem.consequences, ["EVENT_ROUTER", "EVALUATION"]);
    assert!(problem.title.contains("0 bytes left"), "{problem:?}");
    let mut facts = well();
    facts.machine.disk_percent = Some(78.0);
    let problem = only(&facts);
    assert_eq!((problem.code, problem.severity), (Code::DiskLow, Severity::Degraded));
    assert!(problem.title.starts_with("/var/lib/ringrift is 78 % full: no new jobs until"), "{problem:?}");
    let mut facts = well();
    facts.machine.inode_percent = Some(99.0);
    assert_eq!(only(&facts).code, Code::Inodes);
}

#[test]
fn failing_jobs_are_the_cause_of_their_breaker_and_of_a_loop_that_stands() {
    let mut facts = well();
    conditions(&mut facts, json!({ "failing": [failing("exit", 1)] }));
    assert_eq!(judge(&facts), [], "one failure is tried again");
    let waiting = json!({ "config_key": "square8_2p", "by_type": { "training": 1 }, "work_id": "vs4y-9", "work_type": "training",
        "since_us": NOW - 700 * SECOND, "started_us": NOW - 650 * SECOND, "reasons": ["the breaker is open"], "codes": ["breaker"] });
    conditions(
        &mut facts,
        json!({ "failing": [failing("exit", 3)], "breakers": [open_breaker()], "waiting": [waiting] }),
    );
    facts
        .config
        .commands
        .insert("training".into(), ("/bin/false".into(), "/etc/ringrift/conf.d/90-false.yaml:3".into()));
    let problem = only(&facts);
    assert_eq!(
        (problem.code, problem.title.as_str()),
        (Code::JobFailing, "Training of square8_2p fails: the workload exited with 1")
    );
    let why = problem.why.expect("a reason");
    assert!(
        why.contains("3 of 3 attempts")
            && why.contains("/bin/false")
            && why.contains("90-false.yaml:3")
            && why.contains("60 s more"),
        "{why}"
    );
    assert_eq!(problem.consequences, ["square8_2p"]);
    conditions(&mut facts, json!({ "failing": [failing("oom", 1)], "breakers": [open_breaker()] }));
    let problem = only(&facts);
    assert_eq!((problem.code, problem.title.as_str()), (Code::JobOom, "Training of square8_2p ran out of memory once"));
    conditions(&mut facts, json!({ "breakers": [open_breaker()] }));
    assert_eq!(only(&facts).code, Code::BreakerOpen);
}

#[test]
fn a_loop_that_stands_without_another_cause_is_one_after_ten_minutes() {
    let mut facts = well();
    let waiting = |seconds: i64, codes: Value| {
        json!({ "waiting": [{ "config_key": "square8_2p", "by_type": { "training": 1 }, "work_id": "vs4y-9", "work_type": "training",
            "since_us": NOW - seconds * SECOND, "reasons": ["memory is used up", "vm is full"], "codes": codes }] })
    };
    conditions(&mut facts, waiting(599, json!(["gate", "slots"])));
    assert_eq!(judge(&facts), [], "gates and limits are no problem");
    let turns = overview(&facts, "0").turns;
    assert_eq!(
        (turns[0].now.as_str(), turns[0].waits_for.as_deref()),
        ("waits: memory is used up", Some("memory is used up"))
    );
    conditions(&mut facts, waiting(601, json!(["gate", "slots"])));
    let problem = only(&facts);
    assert_eq!((problem.code, problem.subject.kind), (Code::LoopStalled, Kind::ConfigKey));
    assert!(problem.why.is_some_and(|why| why.contains("memory is used up")));
    conditions(&mut facts, waiting(601, json!(["peak", "peak"])));
    assert_eq!(judge(&facts), [], "it is where it was asked to be");
}

#[test]
fn a_halt_comes_first_and_a_pause_is_said() {
    let mut facts = well();
    conditions(
        &mut facts,
        json!({ "halt": { "halted": true, "reason": "smoke", "by": "root", "since_us": NOW - SECOND } }),
    );
    let problem = only(&facts);
    assert_eq!((problem.code, problem.title.as_str()), (Code::Halt, "Emergency halt by root: smoke"));
    assert_eq!(overview(&facts, "0").verdict, Verdict::Halted);
    assert!(!overview(&facts, "0").against_readiness().is_empty());
    conditions(&mut facts, json!({ "paused": { "reason": "maintenance", "by": "root", "since_us": NOW - SECOND } }));
    assert_eq!(only(&facts).code, Code::QueuePaused);
    // The coordinator is away; the flag still tells.
    let mut facts = well();
    facts.flag = Ok(Some("smoke".into()));
    assert_eq!(only(&facts).code, Code::Halt);
}

#[test]
fn a_broken_configuration_is_a_problem_while_it_runs_and_the_one_cause_when_nothing_starts() {
    let mut facts = well();
    facts.config.errors = vec!["/etc/ringrift/conf.d/90-mine.yaml:1:3: nonsense: unknown key".into(); 3];
    facts.config.first_file = Some("/etc/ringrift/conf.d/90-mine.yaml".into());
    let problem = only(&facts);
    assert_eq!((problem.code, problem.severity), (Code::ConfigInvalid, Severity::Broken));
    for name in facts.units.clone().expect("units").iter().map(|u| u.name.clone()) {
        let unit = of(&mut facts, &name);
        unit.active_state = "inactive".into();
        if name.ends_with(".service") {
            (unit.active_state, unit.result, unit.exit_status) = ("failed".into(), Some("exit-code".into()), Some(78));
        }
    }
    let problem = only(&facts);
    assert_eq!(problem.code, Code::ConfigInvalid);
    assert!(
        problem.consequences.len() > 17
            && problem.next.iter().any(|n| n.command == "systemctl start ringrift-master.target"),
        "{problem:?}"
    );
    assert_eq!(overview(&facts, "0").verdict, Verdict::NotRunning);
}

#[test]
fn what_a_person_stopped_stays_in_the_count_and_is_broken_where_the_loop_needs_it() {
    let mut facts = well();
    let pipeline = of(&mut facts, "ringrift-data-pipeline.service");
    (pipeline.active_state, pipeline.since_us) = ("inactive".into(), Some(NOW - 32 * SECOND));
    wish(&mut facts, DaemonType::DataPipeline, json!({ "desired": false, "stopped_by": "root" }));
    facts.reports.get_mut("evaluation").expect("there").health =
        Health::degraded("waiting: the catalog does not answer");
    let problem = only(&facts);
    assert_eq!((problem.code, problem.severity), (Code::DaemonHeld, Severity::Broken));
    assert!(
        problem.title.starts_with("DATA_PIPELINE is stopped by root") && problem.since_us == Some(NOW - 32 * SECOND),
        "{problem:?}"
    );
    assert_eq!(problem.next[0].command, "ringrift daemon start DATA_PIPELINE");
    let members = Profile::Standalone.built().len();
    let count = overview(&facts, "0").daemons;
    assert_eq!((count.run, count.of), (members - 1, members));
    assert_eq!(count.absent, [Absent { why: "stopped by root".into(), names: vec!["DATA_PIPELINE".into()] }]);
    // A daemon that the configuration disables is no problem, and stays in the count.
    let mut facts = well();
    of(&mut facts, "ringrift-feedback-loop.service").active_state = "inactive".into();
    wish(&mut facts, DaemonType::FeedbackLoop, json!({ "disabled": "daemons.feedback_loop.enabled: false" }));
    let overview = overview(&facts, "0");
    assert_eq!((overview.verdict, overview.daemons.run, overview.daemons.of), (Verdict::Well, members - 1, members));
    assert_eq!(overview.daemons.absent[0].why, "disabled");
}

#[test]
fn backoff_crashing_failed_and_stuck_are_different() {
    let name = "ringrift-feedback-loop.service";
    let with = |change: &dyn Fn(&mut UnitView)| {
        let mut facts = well();
        change(of(&mut facts, name));
        only(&facts).code
    };
    let restart = |restarts: u32| {
        move |u: &mut UnitView| {
            (u.active_state, u.sub_state, u.restarts) = ("activating".into(), "auto-restart".into(), Some(restarts));
            u.since_us = Some(NOW - SECOND);
        }
    };
    assert_eq!(with(&restart(0)), Code::DaemonBackoff);
    assert_eq!(with(&restart(3)), Code::DaemonCrashing);
    assert_eq!(with(&|u| (u.active_state, u.result) = ("failed".into(), Some("exit-code".into()))), Code::DaemonFailed);
    assert_eq!(
        with(&|u| (u.active_state, u.since_us) = ("activating".into(), Some(NOW - 40 * SECOND))),
        Code::DaemonStuckStarting
    );
    assert_eq!(with(&|u| u.load_state = "not-found".into()), Code::UnitMissing);
    assert_eq!(with(&|u| u.active_state = "inactive".into()), Code::DaemonDown);
    let mut facts = well();
    facts.reports.get_mut("feedback-loop").expect("there").time_us = NOW - 100 * SECOND;
    assert_eq!(only(&facts).code, Code::DaemonSilent);
}

#[test]
fn the_hubs_accounts_have_codes_of_their_own() {
    let router = |change: &dyn Fn(&mut Value)| {
        let mut facts = well();
        change(snapshot(&mut facts, "event-router", ""));
        only(&facts).code
    };
    assert_eq!(router(&|v| v["dead_letters"] = json!(2)), Code::DeadLetters);
    assert_eq!(
        router(&|v| v["troubles"] = json!({ "standing": "events have waited: data-pipeline" })),
        Code::LaneStands
    );
    assert_eq!(router(&|v| v["lag"] = json!(20_000)), Code::SubscriberLag);
    let mut facts = well();
    *snapshot(&mut facts, "coordinator", "/outbox_refused") = json!(1);
    assert_eq!(only(&facts).code, Code::Outbox);
    let mut facts = well();
    facts.reports.get_mut("master").expect("there").time_us = NOW - 40 * SECOND;
    of(&mut facts, "ringrift-master.service").since_us = Some(NOW - 400 * SECOND);
    assert_eq!(only(&facts).code, Code::MasterStuck);
    let mut facts = well();
    facts.reports.get_mut("master").expect("there").snapshot["clock_jump"] =
        json!({ "by_us": -5_000_000, "at_us": NOW - SECOND });
    assert_eq!(only(&facts).code, Code::Clock);
}

#[test]
fn what_is_not_known_is_never_well() {
    assert_eq!(only(&Facts::default()).code, Code::Bus);
    assert_eq!(overview(&Facts::default(), "0").verdict, Verdict::Unknown);
    let mut facts = well();
    facts.reports.get_mut("coordinator").expect("there").snapshot = Value::Null;
    assert_eq!(only(&facts).code, Code::Unknown);
    let mut facts = well();
    facts.torn.push(crate::contract::facts::Missing {
        source: "/run/ringrift/x/status.json".into(),
        process: None,
        why: "torn".into(),
        since_us: Some(NOW),
    });
    assert_eq!(only(&facts).code, Code::Unknown);
}

/// What cannot be seen shuts a gate of the coordinator's and is missed by whoever looks: one fault, one cause.
#[test]
fn what_neither_a_gate_nor_the_viewer_can_see_is_one_cause() {
    let gate =
        |name: &str| json!({ "gate": name, "open": false, "why": format!("cannot look at {name}"), "unknown": true });
    let mut facts = well();
    facts.flag = Err("permission denied".into());
    assert_eq!(only(&facts).code, Code::Unknown);
    conditions(&mut facts, json!({ "gates": [gate("emergency")] }));
    assert_eq!(only(&facts).code, Code::Gate);
    let machine = serde_json::to_value(crate::contract::host::HostSnapshot::default()).expect("JSON");
    let mut facts = well();
    facts.machine.disk_percent = None;
    assert_eq!(only(&facts).code, Code::Unknown);
    conditions(&mut facts, json!({ "machine": machine, "gates": [gate("disk")] }));
    assert_eq!(only(&facts).code, Code::Gate);
    conditions(&mut facts, json!({ "machine": machine, "gates": [gate("disk"), gate("gpu")] }));
    assert_eq!(
        judge(&facts).iter().filter(|p| p.is_cause()).count(),
        2,
        "two measurements fail, each for a reason of its own"
    );
    conditions(&mut facts, json!({ "gates": [gate("disk"), gate("memory"), gate("cpu"), gate("load")] }));
    assert_eq!(only(&facts).subject.name, "machine", "the coordinator has no look at all");
}

#[test]
fn a_suite_that_was_stopped_is_one_line() {
    let mut facts = well();
    for unit in facts.units.as_mut().expect("units") {
        unit.active_state = "inactive".into();
    }
    let problem = only(&facts);
    assert_eq!(
        (problem.code, problem.next[0].command.as_str()),
        (Code::MasterDown, "systemctl start ringrift-master.target")
    );
    assert_eq!(overview(&facts, "0").verdict, Verdict::NotRunning);
}

/// Any one daemon that fails and takes all down that depend on it is exactly one cause.
#[test]
fn each_daemon_s_failure_is_exactly_one_cause() {
    for spec in built().filter(|s| Profile::Standalone.built().contains(&s.daemon)) {
        let mut facts = well();
        let failed = of(&mut facts, &spec.daemon.unit());
        (failed.active_state, failed.result) = ("failed".into(), Some("exit-code".into()));
        let needs = |d: DaemonType| crate::contract::registry::closure(&[d]).contains(&spec.daemon);
        for other in Profile::Standalone.built().into_iter().filter(|d| *d != spec.daemon && needs(*d)) {
            facts.reports.get_mut(&other.kebab()).expect("a report").health = Health::degraded("a dependency failed");
        }
        assert_eq!(only(&facts).subject.name, spec.name);
    }
}

/// Every code has a way to be planted, and alone it is the one thing that is shown.
#[test]
fn each_code_planted_alone_is_what_is_shown_first() {
    for entry in Code::all() {
        let (code, plant) = PLANTS
            .iter()
            .find(|(code, _)| *code == entry.code)
            .unwrap_or_else(|| panic!("{} is not planted", entry.name));
        let mut facts = well();
        plant(&mut facts);
        let problems = judge(&facts);
        let causes: Vec<&Problem> = problems.iter().filter(|p| p.is_cause()).collect();
        assert!(causes.len() == 1 && causes[0].code == *code, "{code}: {problems:#?}");
        assert!(problems.iter().all(|p| p.title.chars().count() <= MAX_TITLE && !p.title.is_empty()), "{problems:#?}");
        assert!(problems.iter().all(|p| !p.next.is_empty()), "each has a step: {problems:#?}");
        agrees(&facts);
    }
    assert_eq!(PLANTS.len(), Code::all().len(), "each once");
}

/// What the headline counts, what is broken and the verdict are of one mind.
#[track_caller]
fn agrees(facts: &Facts) {
    let overview = overview(facts, "0");
    let worst = overview.causes().map(|p| p.severity).min();
    assert_eq!(overview.is_broken(), worst == Some(Severity::Broken), "{:#?}", overview.problems);
    let wrong = worst.is_some_and(|severity| severity < Severity::Notice);
    assert!(
        !(wrong && matches!(overview.verdict, Verdict::Well | Verdict::Starting)),
        "{:?} {:#?}",
        overview.verdict,
        overview.problems
    );
    assert!(wrong || !matches!(overview.verdict, Verdict::Problems), "{:?} {:#?}", overview.verdict, overview.problems);
}

/// Of a cause and what may follow from it: whether it may, by their roles, is the only reason to hide something.
fn may_follow(cause: Code, other: Code) -> bool {
    use Code::*;
    match other {
        // What works with less, waits or stands may do so for the other's sake.
        LoopStalled => !matches!(cause, DaemonStarting),
        // What fails in jobs or runs short is the cause of who says so, and of nobody else.
        DaemonDegraded => !matches!(cause, JobFailing | JobOom | BreakerOpen | DiskLow),
        MasterDegraded | LaneStands | Outbox | EventLog | DaemonDown | DaemonStarting | DaemonStuckStarting => true,
        DaemonSilent | MasterStuck | SocketFailed => true,
        DaemonFailed | DaemonCrashing | DaemonBackoff | JobFailing | RouterDown | CoordinatorDown => cause == DiskFull,
        MasterDown => false,
        ConfigRefused => cause == ConfigInvalid,
        _ => false,
    }
}

/// Two faults that have nothing to do with each other are two causes, whichever they are.
#[test]
fn of_two_independent_faults_none_hides_the_other() {
    let subject = |plant: &Plant| {
        let mut facts = well();
        plant(&mut facts);
        judge(&facts).first().map(|p| p.subject.clone())
    };
    let planted: Vec<(Code, Plant, Option<Subject>)> =
        PLANTS.iter().map(|(code, plant)| (*code, *plant, subject(plant))).collect();
    for (at, (a, plant_a, place_a)) in planted.iter().enumerate() {
        for (b, plant_b, place_b) in &planted[at + 1..] {
            // The same place cannot be broken in two ways; without systemd nothing else is known, without a suite
            // little.
            let blind = [Code::Bus, Code::MasterDown];
            if place_a == place_b || blind.contains(a) || blind.contains(b) || of_one_report(*a, *b) {
                continue;
            }
            let mut facts = well();
            plant_a(&mut facts);
            plant_b(&mut facts);
            let problems = judge(&facts);
            for (code, other) in [(*a, *b), (*b, *a)] {
                let found = problems
                    .iter()
                    .find(|p| p.code == code)
                    .unwrap_or_else(|| panic!("{code} beside {other}: {problems:#?}"));
                assert!(found.is_cause() || may_follow(other, code), "{other} hides {code}: {problems:#?}");
            }
            agrees(&facts);
        }
    }
}

/// Both are said by the account of one process, which is away or overwritten with the other.
fn of_one_report(a: Code, b: Code) -> bool {
    use Code::*;
    let router = [LaneStands, SubscriberLag, EventLog, DeadLetters];
    let coordinator = [DiskForecast, QueuePaused, BreakerOpen, JobOom, JobFailing, LoopStalled, Outbox, Gate];
    let config = [ConfigInvalid, ConfigNotLoaded];
    let stages = [NoPromotion, RulesChanged];
    let both = |list: &[Code]| list.contains(&a) && list.contains(&b);
    let with = |hub: Code, list: &[Code]| (a == hub && list.contains(&b)) || (b == hub && list.contains(&a));
    let tries = [JobOom, JobFailing, BreakerOpen];
    both(&[LaneStands, EventLog])
        || both(&config)
        || both(&stages)
        || both(&tries)
        || both(&[MasterStuck, MasterDegraded])
        || with(RouterDown, &router)
        || with(CoordinatorDown, &coordinator)
        || both(&[Halt, QueuePaused])
}

/// A cause that is only worth knowing makes nothing broken, and one that breaks something is broken: over all pairs of
/// codes.
#[test]
fn severity_and_exit_code_agree_over_all_codes() {
    let facts = well();
    let view = View::of(&facts);
    for cause in Code::all() {
        for other in Code::all() {
            let router = Problem::new(cause.code, Subject::new(Kind::Daemon, "EVENT_ROUTER"), "a");
            let daemon = Problem::new(other.code, Subject::new(Kind::Daemon, "EVALUATION"), "b");
            let problems = fold(&view, vec![router, daemon]);
            let worst = |causes: bool| problems.iter().filter(|p| !causes || p.is_cause()).map(|p| p.severity).min();
            assert_eq!(worst(true), worst(false), "{} {}: {problems:#?}", cause.name, other.name);
        }
    }
}

#[test]
fn a_disk_that_is_only_low_hides_nothing_and_a_full_one_hides_no_cure() {
    let mut facts = well();
    facts.machine.disk_percent = Some(78.0);
    facts.reports.get_mut("feedback-loop").expect("there").health = Health::degraded("its state cannot be read");
    facts.reports.get_mut("disk-space-manager").expect("there").health =
        Health::degraded("78 % used").caused_by(HealthCause::Space);
    let problems = judge(&facts);
    let causes: Vec<Code> = problems.iter().filter(|p| p.is_cause()).map(|p| p.code).collect();
    assert_eq!(causes, [Code::DaemonDegraded, Code::DiskLow].into_iter().rev().collect::<Vec<_>>(), "{problems:#?}");
    assert_eq!(problems[0].consequences, ["DISK_SPACE_MANAGER"]);
    // Who watches over the disk may miss something else.
    facts.reports.get_mut("disk-space-manager").expect("there").health = Health::degraded("its state cannot be read");
    facts.reports.get_mut("data-pipeline").expect("there").health =
        Health::unhealthy("waiting: the event router does not answer");
    let causes: Vec<Subject> = judge(&facts).into_iter().filter(Problem::is_cause).map(|p| p.subject).collect();
    assert_eq!(causes.len(), 4, "{causes:?}");
    // Inodes that are used up are like a full disk.
    let mut facts = well();
    facts.machine.inode_percent = Some(100.0);
    router(&mut facts, "refusing", json!("no space left on device"));
    facts.reports.get_mut("event-router").expect("there").health = Health::unhealthy("new events are rejected");
    facts.reports.get_mut("evaluation").expect("there").health = Health::degraded("its state cannot be written");
    let problem = only(&facts);
    assert_eq!((problem.code, problem.severity, problem.consequences.len()), (Code::Inodes, Severity::Broken, 2));
}

/// A daemon that says that its trouble is failing jobs follows from those; one that says something else is a cause of
/// its own, also when it is the daemon that queues them.
#[test]
fn failing_jobs_explain_only_who_says_that_it_is_because_of_them() {
    let causes = |trigger: Health| {
        let mut facts = well();
        conditions(&mut facts, json!({ "failing": [failing("exit", 3)] }));
        facts.reports.get_mut("training-trigger").expect("there").health = trigger;
        judge(&facts).into_iter().filter(Problem::is_cause).map(|p| p.code).collect::<Vec<_>>()
    };
    let told = || Health::degraded("training vs4y-9 failed");
    assert_eq!(causes(told().caused_by(HealthCause::Jobs(JobType::Training))), [Code::JobFailing]);
    assert_eq!(causes(told().caused_by(HealthCause::Jobs(JobType::Export))), [Code::JobFailing, Code::DaemonDegraded]);
    assert_eq!(causes(told().caused_by(HealthCause::Space)), [Code::JobFailing, Code::DaemonDegraded]);
    assert_eq!(causes(Health::degraded("its state cannot be read")), [Code::JobFailing, Code::DaemonDegraded]);
}

#[test]
fn who_fails_again_and_again_is_told_also_in_the_moment_in_which_it_runs() {
    let times = |times: &[i64]| json!({ "ringrift-feedback-loop.service": { "count": 3, "times_us": times } });
    let with = |value: Value| {
        let mut facts = well();
        snapshot(&mut facts, "master", "").as_object_mut().expect("an object").insert("restarts".into(), value);
        facts
    };
    let problem = only(&with(times(&[NOW - 590 * SECOND, NOW - 300 * SECOND, NOW - SECOND])));
    assert_eq!((problem.code, problem.severity), (Code::DaemonCrashing, Severity::Broken));
    assert!(problem.title.contains("3 restarts within 10 min"), "{problem:?}");
    assert_eq!(
        judge(&with(times(&[NOW - 610 * SECOND, NOW - 300 * SECOND, NOW - SECOND]))),
        [],
        "two within ten minutes"
    );
}

/// What a process that was restarted often is at this moment is not hidden by its restarts.
#[test]
fn restarts_hide_nothing_of_what_a_process_is_now() {
    let crashes = |unit: &str, plant: &dyn Fn(&mut Facts)| {
        let mut facts = well();
        restarts(&mut facts, unit, &[NOW - 500 * SECOND, NOW - 300 * SECOND, NOW - SECOND]);
        plant(&mut facts);
        judge(&facts).into_iter().filter(Problem::is_cause).map(|p| p.code).collect::<Vec<_>>()
    };
    let single = "ringrift-feedback-loop.service";
    let paused = crashes(single, &|f| {
        let control = json!({ "paused": true, "reason": "disk swap", "who": "ann", "when_us": NOW });
        f.controls.insert("feedback-loop".into(), serde_json::from_value(control).expect("a control file"));
    });
    assert_eq!(paused, [Code::DaemonCrashing, Code::DaemonHeld]);
    let silent = crashes(single, &|f| f.reports.get_mut("feedback-loop").expect("there").time_us = NOW - 100 * SECOND);
    assert_eq!(silent, [Code::DaemonCrashing, Code::DaemonSilent]);
    let unwell = crashes(single, &|f| {
        f.reports.get_mut("feedback-loop").expect("there").health = Health::unhealthy("cannot write")
    });
    assert_eq!(unwell, [Code::DaemonCrashing, Code::DaemonDegraded]);
    let master = crashes("ringrift-master.service", &|f| {
        let master = snapshot(f, "master", "").as_object_mut().expect("an object");
        master.insert("troubles".into(), json!({ "database": "cannot write master.db: read-only" }));
    });
    assert_eq!(master, [Code::DaemonCrashing, Code::MasterDegraded]);
}

#[test]
fn hubs_without_an_account_are_unknown_and_figures_that_nobody_knows_are_absent() {
    for folder in ["master", "coordinator", "event-router", "data-pipeline"] {
        let mut facts = well();
        facts.reports.get_mut(folder).expect("there").snapshot = json!({ "nonsense": true });
        let problems = judge(&facts);
        assert!(problems.iter().any(|p| p.code == Code::Unknown && p.is_cause()), "{folder}: {problems:#?}");
        let overview = overview(&facts, "0");
        assert_ne!(overview.verdict, Verdict::Well, "{folder}");
        assert!(folder != "coordinator" || overview.jobs.is_none());
        assert!(folder != "event-router" || overview.events.is_none());
        let mut facts = well();
        facts.reports.remove(folder);
        assert_ne!(super::overview(&facts, "0").verdict, Verdict::Well, "{folder} says nothing at all");
    }
    let mut facts = well();
    facts.reports.remove("feedback-loop");
    assert_eq!(only(&facts).code, Code::DaemonSilent, "a member that never reported");
    let mut facts = well();
    facts.reports.insert("data-pipeline".into(), report("DATA_PIPELINE", json!({ "error": "the catalog is locked" })));
    let problem = only(&facts);
    assert!(problem.code == Code::Unknown && problem.title.contains("the catalog is locked"), "{problem:?}");
}

#[test]
fn sockets_and_the_watch_are_judged_like_services() {
    for name in
        ["ringrift-router.socket", "ringrift-coordinator.socket", "ringrift-job.socket", "ringrift-emergency.path"]
    {
        for (state, code) in
            [("masked", Code::UnitMasked), ("not-found", Code::UnitMissing), ("bad-setting", Code::UnitMissing)]
        {
            let mut facts = well();
            let unit = of(&mut facts, name);
            (unit.load_state, unit.active_state) = (state.into(), "inactive".into());
            let problem = only(&facts);
            assert_eq!((problem.code, problem.subject.name.as_str()), (code, name), "{state}");
        }
        let mut facts = well();
        facts.units.as_mut().expect("units").retain(|u| u.name != name);
        assert_eq!(only(&facts).code, Code::UnitMissing, "{name} is not known to systemd");
    }
}

#[test]
fn what_failed_is_told_also_while_the_suite_is_down_and_a_start_is_one_for_a_while_only() {
    let mut facts = well();
    for unit in facts.units.as_mut().expect("units") {
        unit.active_state = "inactive".into();
    }
    single(&mut facts).active_state = "failed".into();
    let codes: Vec<Code> = judge(&facts).iter().filter(|p| p.is_cause()).map(|p| p.code).collect();
    assert_eq!(codes, [Code::MasterDown, Code::DaemonFailed]);
    // A start that waits in systemd's queue for something that never comes.
    let mut facts = well();
    let unit = single(&mut facts);
    (unit.active_state, unit.start_queued, unit.since_us) = ("inactive".into(), true, None);
    assert_eq!(only(&facts).code, Code::DaemonStuckStarting);
    let mut facts = well();
    for unit in facts.units.as_mut().expect("units") {
        (unit.active_state, unit.since_us) = ("inactive".into(), None);
    }
    let master = of(&mut facts, "ringrift-master.service");
    (master.active_state, master.since_us) = ("activating".into(), Some(NOW - 40 * SECOND));
    assert_eq!(only(&facts).severity, Severity::Broken);
}

#[test]
fn thresholds_are_those_by_which_the_coordinator_goes() {
    let mut facts = well();
    facts.machine.disk_percent = Some(60.0);
    assert_eq!(judge(&facts), []);
    let thresholds = json!({ "disk": { "warning": 40.0, "critical": 50.0 }, "inodes": { "warning": 80.0, "critical": 90.0 }, "hysteresis": 5.0 });
    conditions(&mut facts, json!({ "thresholds": thresholds }));
    assert!(only(&facts).title.contains("until it is below 45 %"));
    let why = |facts: &Facts| {
        judge(facts).into_iter().find(|p| p.code == Code::DiskLow).and_then(|p| p.why).expect("a reason")
    };
    assert!(!why(&facts).contains("threshold"), "the files say the same");
    facts.config.errors = vec!["x".into()];
    assert!(why(&facts).contains("the coordinator has in effect"));
    // Without the coordinator: what the one who looks has seen, if anything.
    conditions(&mut facts, json!({}));
    facts.machine.disk_percent = Some(78.0);
    facts.config.thresholds_from = ThresholdSource::Remembered;
    assert!(why(&facts).contains("last valid configuration"));
    facts.config.thresholds_from = ThresholdSource::Defaults;
    assert!(why(&facts).contains("built-in default"));
    (facts.config.errors, facts.config.hidden) = (vec![], Some("/etc/ringrift/conf.d/90-mine.yaml".into()));
    assert!(why(&facts).contains("built-in default"), "also where only the one who looks cannot read them");
}

#[test]
fn a_file_that_only_the_viewer_may_not_read_leaves_the_configuration_unknown() {
    let mut facts = well();
    facts.config.hidden = Some("/etc/ringrift/conf.d/90-mine.yaml".into());
    let problem = only(&facts);
    assert_eq!(
        (problem.code, problem.subject.kind, problem.severity),
        (Code::Unknown, Kind::Config, Severity::Degraded)
    );
    // What the processes made of it is for all to read, and says more.
    let taken = |facts: &mut Facts, value: Value| {
        facts.reports.get_mut("evaluation").expect("a report").config =
            serde_json::from_value(value).expect("a configuration");
    };
    taken(&mut facts, json!({ "read_us": NOW - SECOND, "refused": true }));
    let problem = only(&facts);
    assert_eq!((problem.code, problem.severity), (Code::ConfigRefused, Severity::Broken));
    assert_eq!(problem.title, "EVALUATION refused the configuration and keeps the one before");
    assert!(problem.why.is_some_and(|why| why.contains("90-mine.yaml")) && overview(&facts, "0").is_broken());
    taken(&mut facts, json!({ "read_us": NOW - SECOND }));
    facts.config.changed_us = Some(NOW);
    let notices: Vec<Code> = judge(&facts).iter().map(|p| p.code).collect();
    assert_eq!(notices, [Code::ConfigNotLoaded]);
}

/// After a start with a bad file root sees its errors; another user sees who refused it. For both it is one cause, and
/// broken.
#[test]
fn a_configuration_that_all_refused_at_their_start_is_one_cause_for_whoever_looks() {
    let seen_by = |look: &dyn Fn(&mut Facts)| {
        let mut facts = well();
        for name in
            facts.units.clone().expect("units").iter().map(|u| u.name.clone()).filter(|name| name.ends_with(".service"))
        {
            let unit = of(&mut facts, &name);
            (unit.active_state, unit.result, unit.exit_status) = ("failed".into(), Some("exit-code".into()), Some(78));
        }
        look(&mut facts);
        let problem = only(&facts);
        assert!(problem.consequences.len() > 17 && problem.subject.kind == Kind::Config, "{problem:?}");
        (problem.code, problem.severity)
    };
    let root = seen_by(&|facts| {
        facts.config.errors = vec!["/etc/ringrift/conf.d/90-mine.yaml:1:3: nonsense: unknown key".into()]
    });
    let other = seen_by(&|facts| facts.config.hidden = Some("/etc/ringrift/conf.d/90-mine.yaml".into()));
    let mended_since = seen_by(&|_| {});
    assert_eq!(root, (Code::ConfigInvalid, Severity::Broken));
    assert_eq!(
        (other, mended_since),
        ((Code::ConfigRefused, Severity::Broken), (Code::ConfigRefused, Severity::Broken))
    );
}
