//! The managers over a real database and a clock that tests turn: order, durations, peak hours, bandwidth, the
//! optimizer's wish.
use super::super::cancel::stop_work;
use super::super::change::{Change, Now};
use super::super::refusal::Refusal;
use super::super::state::State;
use super::super::{
    bandwidth, durations, enqueue, expire, finish, grant, optimizer, orders, query, rows, schedule, schema,
};
use crate::contract::cause::FailureCause;
use crate::contract::config::{Admission, Config};
use crate::contract::coordinator::bandwidth::{EndTransfer, Transfer, Urgency};
use crate::contract::coordinator::durations::{RecordDuration, TaskOf};
use crate::contract::coordinator::optimizer::{Action, NegotiateRate, Observe, RateUrgency};
use crate::contract::coordinator::{NewWork, StopCause, StopWork, WorkStatus};
use crate::contract::host::HostSnapshot;
use crate::contract::ids::{ConfigKey, JobId, NodeId};
use crate::contract::time::{Boot, Mono, Span, Wall};
use crate::contract::workload::JobType;
use crate::platform::store::{Database, Keep};
use crate::platform::varlink::Peer;
use tempfile::TempDir;

const SECOND: Span = Span::SECOND;
const HOUR: Span = Span::HOUR;
/// Nine in the morning, UTC.
const NINE: Wall = Wall::of_us((20_000 * 24 + 9) * HOUR.us());

/// The process that takes jobs up and keeps their leases.
const RUNNER: Peer = Peer { uid: 7, gids: Vec::new(), pid: 77 };

struct Bench {
    _dir: TempDir,
    db: Database,
    state: State,
    now: Now,
}

fn node() -> NodeId {
    NodeId::new("n1").expect("a node")
}

fn calm() -> Result<HostSnapshot, String> {
    let used = Some(1.0);
    Ok(HostSnapshot {
        cpus: 16,
        cpu_percent: used,
        load1: used,
        memory_percent: used,
        disk_percent: used,
        ..HostSnapshot::default()
    })
}

fn key(name: &str) -> ConfigKey {
    ConfigKey::new(name).expect("a key")
}

impl Bench {
    /// With a master and sixteen processors.
    fn new() -> Bench {
        let dir = tempfile::tempdir().expect("a directory");
        let (db, epoch) =
            schema::open(&dir.path().join("coordination.db"), Keep::NONE, Mono::default()).expect("opens");
        // Rates that are no hindrance: these tests are about the managers.
        let admission = Admission {
            per_minute: 1_000_000,
            selfplay_per_minute: 1_000_000,
            burst: 1_000_000,
            cooldown_ms: 0,
            window_starts: 1_000_000,
            ..Admission::default()
        };
        let config = Config { admission, ..Config::default() };
        let mut state = State::new(config, node(), Some(16), epoch, Box::new(calm));
        state.jobs = dir.path().to_owned();
        let mut bench =
            Bench { _dir: dir, db, state, now: Now { wall: NINE, mono: Mono::default(), boot: Boot::default() } };
        let (mailbox, _) = crate::coordinator::mailbox::Mailbox::new().expect("a mailbox");
        bench.change(|cx| orders::connect(cx, node(), mailbox)).expect("connected");
        bench
    }
    fn change<T>(&mut self, change: impl FnOnce(&mut Change<'_>) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let tx = self.db.unchecked_transaction()?;
        let result = change(&mut Change { db: &tx, now: self.now, state: &mut self.state })?;
        tx.commit()?;
        Ok(result)
    }
    fn pass(&mut self, span: Span) {
        let Now { wall, mono, boot } = self.now;
        self.now = Now { wall: wall + span, mono: mono + span, boot: boot + span };
    }
    fn queue(&mut self, kind: JobType, config: &str, priority: u8) -> JobId {
        self.queue_by(kind, config, priority, None)
    }
    fn queue_by(&mut self, kind: JobType, config: &str, priority: u8, deadline_us: Option<Wall>) -> JobId {
        let work = NewWork { priority, deadline_us, ..NewWork::new(kind, key(config)) };
        self.change(|cx| enqueue::enqueue(cx, &work)).expect("queued").work_id
    }
    fn order(&mut self) -> Vec<JobId> {
        self.change(|cx| schedule::view(cx)).expect("shown").places.into_iter().map(|p| p.work_id).collect()
    }
    fn fill(&mut self) {
        self.change(|cx| grant::fill(cx).map(|_| ())).expect("granted");
    }
    fn status(&mut self, id: &JobId) -> WorkStatus {
        self.change(|cx| query::show(cx, id)).expect("shown").item.status
    }
    fn ran(&mut self, kind: JobType, config: &str, seconds: f64, times: usize) {
        let run = RecordDuration { task_type: kind, config_key: key(config), seconds };
        for _ in 0..times {
            self.change(|cx| durations::record(cx, &run)).expect("recorded");
        }
    }
    fn observe(&mut self, cpu: f64) -> crate::contract::coordinator::optimizer::Advice {
        let seen = Observe {
            cpus: 16,
            cpu_percent: Some(cpu),
            memory_percent: Some(20.0),
            memory_bytes: 64 << 30,
            ..Default::default()
        };
        self.change(|cx| optimizer::observe(cx, &seen)).expect("taken in")
    }
}

#[test]
fn the_order_is_by_level_share_deadline_and_what_waits_for_it() {
    let mut b = Bench::new();
    let low = b.queue(JobType::Selfplay, "square8_2p", 20);
    let normal = b.queue(JobType::Selfplay, "hex8_2p", 50);
    assert_eq!(b.order(), [normal.clone(), low.clone()]);
    b.pass(9 * HOUR);
    let high = b.queue(JobType::Selfplay, "hex8_2p", 75);
    assert_eq!(
        b.order(),
        [normal.clone(), low.clone(), high.clone()],
        "nine hours raise NORMAL to CRITICAL and LOW to HIGH"
    );
    let soon = b.now.wall + 600 * SECOND;
    let urgent = b.queue_by(JobType::Selfplay, "square8_2p", 10, Some(soon));
    assert_eq!(b.order(), [normal, urgent, low.clone(), high], "a near deadline is CRITICAL");
    let waits =
        NewWork { priority: 95, depends_on: vec![low.clone()], ..NewWork::new(JobType::Training, key("square8_2p")) };
    b.change(|cx| enqueue::enqueue(cx, &waits)).expect("queued");
    assert_eq!(b.order()[0], low, "CRITICAL work waits for it");
}

#[test]
fn a_deadline_in_the_past_is_refused_and_a_missed_one_is_said() {
    let mut b = Bench::new();
    let late = NewWork {
        deadline_us: Some(b.now.wall - Span::of_us(1)),
        ..NewWork::new(JobType::Selfplay, key("square8_2p"))
    };
    assert!(b.change(|cx| enqueue::enqueue(cx, &late)).is_err());
    let by = b.now.wall + SECOND;
    let id = b.queue_by(JobType::Selfplay, "square8_2p", 10, Some(by));
    b.pass(2 * SECOND);
    let waiting = b.change(|cx| query::show(cx, &id)).expect("shown").item.waiting_for;
    assert!(waiting.iter().any(|w| w.contains("deadline has passed")), "{waiting:?}");
}

#[test]
fn a_configuration_that_had_its_share_yields() {
    let mut b = Bench::new();
    for _ in 0..8 {
        b.queue(JobType::Selfplay, "square8_2p", 60);
    }
    b.fill();
    b.pass(SECOND);
    let greedy = b.queue(JobType::Selfplay, "square8_2p", 75);
    let modest = b.queue(JobType::Selfplay, "hex8_2p", 10);
    assert_eq!(b.order(), [modest.clone(), greedy.clone()]);
    b.pass(HOUR);
    assert_eq!(b.order(), [greedy, modest], "the window has passed");
}

#[test]
fn a_long_task_waits_for_the_end_of_the_peak_unless_it_is_critical_or_its_length_a_guess() {
    let mut b = Bench::new();
    b.pass(6 * HOUR);
    let guess = b.queue(JobType::Training, "hex8_2p", 50);
    b.fill();
    assert_eq!(b.status(&guess), WorkStatus::Claimed, "a guess holds nobody up");
    b.ran(JobType::Cmaes, "square8_2p", 4.0 * 3600.0, 3);
    b.state.config.workload.cmaes.command = vec!["/bin/true".into()];
    let long = b.queue(JobType::Cmaes, "square8_2p", 50);
    b.fill();
    let item = b.change(|cx| query::show(cx, &long)).expect("shown").item;
    assert_eq!(item.status, WorkStatus::Pending);
    assert!(item.waiting_for.iter().any(|w| w.contains("peak hours")), "{:?}", item.waiting_for);
    let task = TaskOf { task_type: JobType::Cmaes, config_key: key("square8_2p") };
    let start = b.change(|cx| durations::can_start(cx, &task)).expect("answers");
    assert_eq!((start.allowed, start.not_before_us), (false, Some(NINE + 13 * HOUR)));
    b.pass(7 * HOUR);
    b.fill();
    assert_eq!(b.status(&long), WorkStatus::Claimed, "at ten in the evening it may");
}

#[test]
fn finished_jobs_teach_and_running_ones_have_an_end() {
    let mut b = Bench::new();
    for seconds in [100.0, 110.0, 90.0] {
        b.ran(JobType::Training, "square8_2p", seconds, 1);
    }
    let known = b.change(|cx| durations::all(cx)).expect("told");
    assert_eq!((known.estimates.len(), known.estimates[0].seconds, known.estimates[0].runs), (1, 100.0, 3));
    assert_eq!(known.peak_until_us, None);
    let id = b.queue(JobType::Training, "square8_2p", 50);
    b.fill();
    let take = crate::contract::job::Take { job_id: id.clone(), invocation_id: "i".into() };
    b.change(|cx| super::super::take::take(cx, &take, &RUNNER)).expect("taken");
    b.pass(40 * SECOND);
    let known = b.change(|cx| durations::all(cx)).expect("told");
    assert_eq!(known.running[0].eta_us, NINE + 100 * SECOND);
    let training = known.free.iter().find(|f| f.task_type == JobType::Training).expect("told");
    assert_eq!(training.free_at_us, [NINE + 100 * SECOND], "one slot a node, and it is taken");
    b.pass(HOUR);
    assert!(b.change(|cx| durations::all(cx)).expect("told").running[0].stale);
}

#[test]
fn a_preempted_attempt_costs_no_try_and_a_stuck_one_does() {
    let mut b = Bench::new();
    let work = NewWork { max_attempts: 1, ..NewWork::new(JobType::Training, key("square8_2p")) };
    let id = b.change(|cx| enqueue::enqueue(cx, &work)).expect("queued").work_id;
    for (cause, left) in [(StopCause::Preempted, WorkStatus::Pending), (StopCause::Stuck, WorkStatus::Failed)] {
        b.fill();
        let lease = b.change(|cx| query::show(cx, &id)).expect("shown").item.lease.expect("held");
        let call = StopWork { work_id: id.clone(), token: lease.token, cause, reason: String::new() };
        assert!(b.change(|cx| stop_work(cx, &call)).expect("stopped").accepted);
        assert!(!b.change(|cx| stop_work(cx, &call)).expect("answers").accepted, "once");
        let gone = id.clone();
        b.change(|cx| {
            let (n, item) = rows::wanted(cx, &gone)?;
            let row = rows::lease(cx.db, lease.token)?.expect("held until the unit is gone");
            let failure = finish::Failure::new(FailureCause::Gone, "");
            finish::unit_gone(cx, n, &item, &row, failure)
        })
        .expect("gone");
        assert_eq!(b.status(&id), left);
        b.pass(HOUR);
    }
}

#[test]
fn reservations_expire_on_the_monotonic_clock_alone() {
    let mut b = Bench::new();
    let transfer = Transfer {
        host: "vast-1".into(),
        data_type: "games".into(),
        urgency: Urgency::Critical,
        transfer_id: Some("x".into()),
        node: None,
        bytes: None,
    };
    let grant = b.change(|cx| bandwidth::start(cx, &transfer)).expect("granted");
    assert_eq!(grant.kbit, 100_000);
    assert_eq!(b.change(|cx| bandwidth::start(cx, &transfer)).expect("the same").kbit, 100_000);
    let other = Transfer { transfer_id: None, ..transfer.clone() };
    for jump in [-24 * HOUR, -HOUR, 24 * HOUR] {
        b.now.wall += jump;
        assert!(!b.change(|cx| bandwidth::can(cx, &other)).expect("answers").allowed, "after a jump of {jump}");
    }
    // A new process knows no terms: each reservation gets a whole one.
    b.state.managers = Default::default();
    b.now.mono = Mono::default();
    for (later, allowed) in [(0, false), (3599, false), (1, true)] {
        b.pass(later * SECOND);
        assert_eq!(b.change(|cx| bandwidth::can(cx, &other)).expect("answers").allowed, allowed, "{later} s later");
    }
    let end = EndTransfer { transfer_id: "x".into(), bytes: 1 << 30, seconds: None };
    assert!(!b.change(|cx| bandwidth::end(cx, &end)).expect("answers").accepted);
}

#[test]
fn the_optimizers_wish_bounds_the_grants_and_grows_old() {
    let mut b = Bench::new();
    let advice = b.observe(20.0);
    assert_eq!((advice.action, advice.most), (Action::ScaleUp, 8), "{advice:?}");
    assert!((1..8).contains(&advice.jobs), "{advice:?}");
    for _ in 0..12 {
        b.queue(JobType::Selfplay, "square8_2p", 50);
    }
    b.fill();
    let used = |b: &mut Bench| b.change(|cx| Ok(rows::usage(cx.db)?.on(JobType::Selfplay, &node()))).expect("counted");
    assert_eq!(used(&mut b), advice.jobs);
    let id = b.order()[0].clone();
    let waiting = b.change(|cx| query::show(cx, &id)).expect("shown").item.waiting_for;
    assert!(waiting.iter().any(|w| w.contains(&format!("at its target of {}", advice.jobs))), "{waiting:?}");
    b.pass(60 * SECOND);
    let more = b.observe(45.0);
    assert!(more.jobs > advice.jobs, "{more:?}");
    b.fill();
    assert_eq!(used(&mut b), more.jobs);
    b.pass(60 * SECOND);
    assert_eq!(b.observe(99.0).action, Action::None, "one period to turn round");
    b.pass(60 * SECOND);
    let shed = b.observe(99.0);
    assert!(shed.action == Action::ScaleDown && shed.jobs < more.jobs, "{shed:?}");
    b.pass(181 * SECOND);
    assert_eq!(
        b.change(|cx| Ok(optimizer::cap(cx, &node()))).expect("told"),
        Some(8),
        "an old wish is none; the hardware stays"
    );
    assert!(b.change(|cx| optimizer::utilization(cx)).expect("told").nodes.is_empty());
}

#[test]
fn the_rate_is_negotiated_with_reasons_and_kept() {
    let mut b = Bench::new();
    let ask = |requested, reason: &str| NegotiateRate {
        requested,
        reason: reason.into(),
        urgency: RateUrgency::Normal,
        requestor: "unified_loop".into(),
    };
    let unknown = b.change(|cx| optimizer::negotiate(cx, &ask(Some(2000.0), "momentum"))).expect("answered");
    assert_eq!((unknown.rate, unknown.previous), (1000.0, 1000.0), "{:?}", unknown.why);
    b.observe(70.0);
    assert_eq!(b.change(|cx| optimizer::negotiate(cx, &ask(Some(2000.0), "momentum"))).expect("answered").rate, 2000.0);
    b.pass(60 * SECOND);
    b.observe(95.0);
    let followed = b.change(|cx| optimizer::negotiate(cx, &ask(None, "tick"))).expect("answered");
    assert!(followed.rate < 2000.0 && followed.rate >= 1400.0, "{followed:?}");
    let emergency = NegotiateRate { urgency: RateUrgency::Emergency, ..ask(Some(4000.0), "the finals are tomorrow") };
    assert_eq!(b.change(|cx| optimizer::negotiate(cx, &emergency)).expect("answered").rate, 4000.0);
    assert_eq!(b.change(|cx| optimizer::rates(cx)).expect("told").log.len(), 4);
    assert!(b.change(|cx| optimizer::negotiate(cx, &ask(Some(f64::NAN), ""))).is_err());
}

#[test]
fn leases_still_expire_beside_all_that() {
    let mut b = Bench::new();
    let id = b.queue(JobType::Selfplay, "square8_2p", 50);
    b.fill();
    b.change(|cx| {
        super::super::take::take(
            cx,
            &crate::contract::job::Take { job_id: id.clone(), invocation_id: "i".into() },
            &RUNNER,
        )
    })
    .expect("taken");
    b.pass(121 * SECOND);
    b.change(expire::expire).expect("expired");
    assert!(b.change(|cx| query::show(cx, &id)).expect("shown").item.lease.expect("held").fenced);
}
