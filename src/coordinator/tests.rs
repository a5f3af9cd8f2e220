//! The core with a clock that tests can turn: terms, restarts and jumps.
use super::change::{Change, Now};
use super::mailbox::Mailbox;
use super::outbox_signal::OutboxSignal;
use super::refusal::Refusal;
use super::state::State;
use super::writer::Core;
use super::{enqueue, expire, finish, orders, query, rows, schema, slots, take};
use crate::contract::cause::FailureCause;
use crate::contract::config::Config;
use crate::contract::coordinator::{
    Acquire, Acquired, Because, NewWork, Order, OrderKind, Purpose, RecordFailure, Release, Report, ReportOutcome,
    Reserve, ResetBreakers, WorkStatus,
};
use crate::contract::host::{Gpu, HostSnapshot};
use crate::contract::ids::{ConfigKey, JobId, NodeId};
use crate::contract::job::{Finish, Renew, Take};
use crate::contract::time::{Boot, Mono, Span, Wall};
use crate::contract::workload::JobType;
use crate::platform::varlink::Peer;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

mod keeping;
mod managers;
mod timeouts;

const SECOND: Span = Span::SECOND;
const HOUR: Span = Span::HOUR;
const DAY: Span = Span::DAY;
/// When the first process starts.
const BEGIN: Wall = Wall::of_us(1_000 * DAY.us());

/// The process that takes jobs up and keeps their leases.
const RUNNER: Peer = Peer { uid: 7, gids: Vec::new(), pid: 77 };

/// A coordinator's core in a directory, its clock, and a mailbox that stands for a master.
struct Bench {
    dir: TempDir,
    core: Core,
    clock: Arc<Mutex<Now>>,
    mailbox: Arc<Mailbox>,
}

fn node() -> NodeId {
    NodeId::new("n1").expect("a node")
}

/// A machine with nothing to do.
fn calm() -> Result<HostSnapshot, String> {
    let used = Some(1.0);
    Ok(HostSnapshot {
        cpus: 8,
        cpu_percent: used,
        load1: used,
        memory_percent: used,
        disk_percent: used,
        ..HostSnapshot::default()
    })
}

fn start(dir: &Path, now: Now) -> (Core, Arc<Mutex<Now>>, Arc<Mailbox>) {
    let (db, epoch) =
        schema::open(&dir.join("coordination.db"), crate::platform::store::Keep::NONE, now.mono).expect("opens");
    let mut state = State::new(Config::default(), node(), Some(8), epoch, Box::new(calm));
    state.jobs = dir.to_owned();
    let clocks = crate::contract::age::Clocks { wall: now.wall, boot: now.boot, synchronised: false };
    state.ages.guard = Some(schema::age_guard(&db, &dir.join("state/coordination.db"), clocks).expect("a guard"));
    let clock = Arc::new(Mutex::new(now));
    let theirs = Arc::clone(&clock);
    let (wake, _) = UnixStream::pair().expect("a pair");
    let core = Core::start(
        db,
        state,
        Box::new(move || *theirs.lock().expect("the clock")),
        Arc::new(OutboxSignal::default()),
        wake,
    )
    .expect("starts");
    let (mailbox, _) = Mailbox::new().expect("a mailbox");
    let master = Arc::clone(&mailbox);
    core.change(move |cx| orders::connect(cx, node(), master)).expect("connected");
    (core, clock, mailbox)
}

impl Bench {
    fn new() -> Bench {
        let dir = tempfile::tempdir().expect("a directory");
        let (core, clock, mailbox) =
            start(dir.path(), Now { wall: BEGIN, mono: Mono::default(), boot: Boot::default() });
        Bench { dir, core, clock, mailbox }
    }
    /// A new process after a boot: the other clocks start over, the wall clock has moved by so much.
    fn restart(self, wall: Span) -> Bench {
        let wall = self.clock.lock().expect("the clock").wall + wall;
        self.restart_at(Now { wall, mono: Mono::default(), boot: Boot::default() })
    }
    /// A new process.
    fn restart_at(self, now: Now) -> Bench {
        let Bench { dir, core, .. } = self;
        drop(core);
        let (core, clock, mailbox) = start(dir.path(), now);
        Bench { dir, core, clock, mailbox }
    }
    fn pass(&self, wall: Span, mono: Span) {
        let mut now = self.clock.lock().expect("the clock");
        *now = Now { wall: now.wall + wall, mono: now.mono + mono, boot: now.boot + mono };
    }
    /// The machine is suspended.
    fn sleep(&self, span: Span) {
        let mut now = self.clock.lock().expect("the clock");
        *now = Now { wall: now.wall + span, boot: now.boot + span, ..*now };
    }
    fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Change<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.core.change(change)
    }
    /// Lets the writer look at the clock; orders that came.
    fn orders(&self) -> Vec<Order> {
        // Housekeeping follows the changes of its turn, so the second answer comes after the first one's.
        self.change(|_| Ok(())).expect("answers");
        self.change(|_| Ok(())).expect("answers");
        self.mailbox.take().0.into_iter().collect()
    }
    fn enqueue(&self) -> JobId {
        let work = NewWork::new(JobType::Training, ConfigKey::new("square8_2p").expect("a key"));
        self.change(move |cx| enqueue::enqueue(cx, &work)).expect("queued").work_id
    }
    fn taken(&self) -> (JobId, Order) {
        let id = self.enqueue();
        let order = self.orders().pop().expect("an order");
        let call = Take { job_id: id.clone(), invocation_id: "i".into() };
        self.change(move |cx| take::take(cx, &call, &RUNNER)).expect("taken");
        (id, order)
    }
    fn renew(&self, order: &Order) -> Result<(), Refusal> {
        let call = Renew { job_id: order.job_id.clone(), token: order.token, progress: None };
        self.change(move |cx| take::renew(cx, &call, &RUNNER)).map(|_| ())
    }
    fn status(&self, id: &JobId) -> WorkStatus {
        let id = id.clone();
        self.change(move |cx| query::show(cx, &id)).expect("shown").item.status
    }
    fn events(&self) -> Vec<String> {
        let read =
            |cx: &mut Change<'_>| Ok(super::outbox::waiting(cx, 1 << 20)?.into_iter().map(|(_, e)| e.kind).collect());
        self.change(read).expect("read")
    }
}

#[test]
fn a_lease_that_is_not_renewed_is_fenced_and_its_slot_held_until_the_unit_is_gone() {
    let bench = Bench::new();
    let (id, order) = bench.taken();
    for _ in 0..5 {
        bench.pass(50 * SECOND, 50 * SECOND);
        bench.renew(&order).expect("in time");
    }
    bench.pass(59 * SECOND, 59 * SECOND);
    assert!(bench.orders().is_empty());
    bench.pass(SECOND, SECOND);
    let stop = bench.orders();
    assert_eq!(stop.iter().map(|o| (o.kind, o.token)).collect::<Vec<_>>(), [(OrderKind::Stop, order.token)]);
    assert_eq!(bench.renew(&order).expect_err("too late").name, crate::contract::wire::errors::FENCED);
    assert!(bench.events().contains(&"task_orphaned".to_owned()));
    let next = bench.enqueue();
    assert!(bench.orders().is_empty(), "the slot is held");
    let report = Report { job_id: id.clone(), token: order.token, outcome: ReportOutcome::Gone, detail: String::new() };
    assert!(bench.change(move |cx| orders::report(cx, &report)).expect("reported").accepted);
    assert_eq!(bench.orders().first().map(|o| o.job_id.clone()), Some(next));
    assert_eq!(bench.status(&id), WorkStatus::Pending, "it is tried again");
    assert!(bench.events().contains(&"work_retry".to_owned()));
}

#[test]
fn a_wall_clock_that_jumps_neither_frees_nor_keeps_a_slot() {
    let bench = Bench::new();
    let (_, order) = bench.taken();
    for jump in [-HOUR, -DAY, DAY, HOUR, 400 * DAY] {
        bench.pass(jump, 59 * SECOND);
        assert!(bench.orders().is_empty(), "after a jump of {jump}");
        bench.renew(&order).expect("kept");
    }
    bench.pass(-DAY, 121 * SECOND);
    assert_eq!(bench.orders().len(), 1, "the term has passed, whatever the wall clock says");
}

#[test]
fn a_restart_gives_one_term_from_then_whatever_the_wall_clock_says() {
    for jump in [-DAY, -HOUR, 10 * SECOND, HOUR, 400 * DAY] {
        let bench = Bench::new();
        let (_, order) = bench.taken();
        let bench = bench.restart(jump);
        assert!(bench.orders().is_empty(), "carried out already, and not expired");
        bench.pass(119 * SECOND, 119 * SECOND);
        assert!(bench.orders().is_empty(), "jump {jump}");
        bench.renew(&order).expect("the lease lives");
        bench.pass(121 * SECOND, 121 * SECOND);
        assert_eq!(bench.orders().len(), 1, "jump {jump}: one term, not two");
    }
}

#[test]
fn an_order_that_no_master_carried_out_does_not_expire_while_none_is_there() {
    let bench = Bench::new();
    let id = bench.enqueue();
    assert_eq!(bench.orders().len(), 1);
    bench
        .change(|cx| {
            cx.state.dispatch = Default::default();
            Ok(())
        })
        .expect("the master hung up");
    bench.pass(HOUR, HOUR);
    assert!(bench.orders().is_empty());
    assert_eq!(bench.status(&id), WorkStatus::Claimed);
    let (mailbox, _) = Mailbox::new().expect("a mailbox");
    let theirs = Arc::clone(&mailbox);
    bench.change(move |cx| orders::connect(cx, node(), theirs)).expect("back");
    assert_eq!(mailbox.take().0.front().map(|o| o.kind), Some(OrderKind::Start), "it comes again");
    bench.pass(121 * SECOND, 121 * SECOND);
    bench.orders();
    assert_eq!(
        mailbox.take().0.front().map(|o| o.kind),
        Some(OrderKind::Stop),
        "with a master, nobody took it up in time"
    );
}

#[test]
fn a_task_outside_the_queue_that_is_not_renewed_frees_its_slot() {
    let bench = Bench::new();
    let ask = Acquire { task_type: JobType::Cmaes, node: None, requested_by: "me".into() };
    let again = ask.clone();
    let first: Acquired = bench.change(move |cx| slots::acquire(cx, &ask)).expect("granted");
    let refused = again.clone();
    assert!(bench.change(move |cx| slots::acquire(cx, &refused)).is_err());
    bench.pass(120 * SECOND, 120 * SECOND);
    bench.orders();
    let second = bench.change(move |cx| slots::acquire(cx, &again)).expect("free again");
    assert!(second.lease.token > first.lease.token);
    assert_eq!(bench.events(), ["task_orphaned"]);
}

#[test]
fn a_retry_is_not_put_off_by_a_clock_that_jumped_back() {
    let bench = Bench::new();
    let (id, order) = bench.taken();
    let token = order.token;
    bench
        .change(move |cx| {
            let (n, item) = rows::wanted(cx, &id)?;
            let lease = rows::lease(cx.db, token)?.expect("held");
            let failure = finish::Failure::new(FailureCause::Gone, "");
            finish::unit_gone(cx, n, &item, &lease, failure)
        })
        .expect("failed");
    assert!(bench.orders().is_empty(), "ten seconds to wait");
    bench.pass(-DAY, SECOND);
    assert_eq!(bench.orders().len(), 1);
}

#[test]
fn a_change_that_fails_leaves_nothing_behind() {
    let bench = Bench::new();
    let work = NewWork::new(JobType::Training, ConfigKey::new("square8_2p").expect("a key"));
    let failed = bench.change(move |cx| -> Result<(), Refusal> {
        enqueue::enqueue(cx, &work)?;
        Err(Refusal::internal("on purpose"))
    });
    assert!(failed.is_err());
    assert!(bench.events().is_empty() && bench.orders().is_empty());
    bench.change(expire::expire).expect("nothing to expire");
    assert!(bench.change(|cx| query::leases(cx)).expect("read").leases.is_empty());
}

#[test]
fn a_lease_that_a_rollback_gives_back_still_ends() {
    let bench = Bench::new();
    let (id, order) = bench.taken();
    let refused = bench.change(move |cx| {
        let lease = rows::lease(cx.db, order.token)?.expect("its lease");
        rows::delete_lease(cx, &lease)?;
        Err::<(), _>(Refusal::bad("x", "refused after its end"))
    });
    assert!(refused.is_err());
    bench.pass(HOUR, HOUR);
    bench.orders();
    assert!(bench.events().contains(&"task_orphaned".to_owned()), "{:?}", bench.events());
    assert_eq!(bench.status(&id), WorkStatus::Running, "fenced off, until its unit is gone");
}

#[test]
fn a_part_that_is_refused_leaves_nothing_and_the_rest_stays() {
    let bench = Bench::new();
    let (first, second) = bench
        .change(|cx| {
            let queue = |cx: &mut Change<'_>| {
                enqueue::enqueue(cx, &NewWork::new(JobType::Export, ConfigKey::new("hex8_2p").expect("a key")))
            };
            let first = queue(cx)?.work_id;
            let second = cx.apart(|cx| {
                queue(cx)?;
                cx.apart(queue)?;
                Err::<(), _>(Refusal::bad("x", "refused"))
            });
            Ok((first, second))
        })
        .expect("the rest");
    assert!(second.is_err());
    let all = bench.change(|cx| query::list(cx, &crate::contract::coordinator::WorkFilter::default())).expect("listed");
    assert_eq!(all.items.iter().map(|item| item.work_id.clone()).collect::<Vec<_>>(), [first]);
}

fn ask(kind: JobType) -> Acquire {
    Acquire { task_type: kind, node: None, requested_by: "me".into() }
}

#[test]
fn a_refusal_spends_no_token_and_a_restart_refills_none() {
    let bench = Bench::new();
    let tokens = |bench: &Bench| bench.change(super::guard::view).expect("viewed").buckets[0].tokens;
    let ask = ask(JobType::Cmaes);
    let theirs = ask.clone();
    bench.change(move |cx| slots::acquire(cx, &theirs)).expect("granted");
    assert_eq!(tokens(&bench), 9);
    for _ in 0..50 {
        let theirs = ask.clone();
        let refusal = bench.change(move |cx| slots::acquire(cx, &theirs)).expect_err("one in all");
        assert_eq!(refusal.parameters.reasons.len(), 2, "limit and cooldown: {refusal}");
    }
    assert_eq!(tokens(&bench), 9, "refusals are free");
    let bench = bench.restart(DAY);
    assert_eq!(tokens(&bench), 9, "the wall clock earns nothing");
    bench.pass(-DAY, 5 * SECOND);
    assert_eq!(tokens(&bench), 10);
}

#[test]
fn a_grant_that_is_rolled_back_gives_slot_and_token_back() {
    let bench = Bench::new();
    let before = bench.change(super::guard::view).expect("viewed").buckets;
    let failed = bench.change(|cx| -> Result<(), Refusal> {
        slots::acquire(cx, &ask(JobType::Cmaes))?;
        Err(Refusal::internal("on purpose"))
    });
    assert!(failed.is_err());
    assert_eq!(bench.change(super::guard::view).expect("viewed").buckets, before);
    bench.pass(2 * SECOND, 2 * SECOND);
    bench.change(|cx| slots::acquire(cx, &ask(JobType::Cmaes))).expect("the one slot is free");
}

#[test]
fn five_failures_bar_a_type_from_a_node_over_restarts_until_its_probes_succeed() {
    let bench = Bench::new();
    let fail = |reason: &'static str| RecordFailure {
        task_type: JobType::Sync,
        node: None,
        reason: reason.into(),
        cause: None,
    };
    for n in 1..=5 {
        let recorded = bench.change(move |cx| super::guard::record_failure(cx, &fail("exit 1"))).expect("recorded");
        assert_eq!(recorded.opened, n == 5);
    }
    let bench = bench.restart(-DAY);
    let refusal = bench.change(|cx| slots::acquire(cx, &ask(JobType::Sync))).expect_err("open");
    assert!(
        refusal.parameters.reasons[0].contains("circuit breaker for sync on n1 is OPEN for another 300 s: exit 1"),
        "{refusal}"
    );
    let other = Acquire { node: Some(NodeId::new("n2").expect("a node")), ..ask(JobType::Sync) };
    bench.change(move |cx| slots::acquire(cx, &other)).expect("another node's breaker is another");
    bench.change(|cx| slots::acquire(cx, &ask(JobType::Export))).expect("another type's, too");
    bench.pass(HOUR, 301 * SECOND);
    for _ in 0..3 {
        let acquired = bench.change(|cx| slots::acquire(cx, &ask(JobType::Sync))).expect("a probe");
        let release =
            Release { lease_id: acquired.lease.lease_id, token: acquired.lease.token, failed: None, cause: None };
        assert!(bench.change(move |cx| slots::release(cx, &release)).expect("released").accepted);
        bench.pass(2 * SECOND, 2 * SECOND);
    }
    assert_eq!(bench.change(super::guard::view).expect("viewed").breakers, []);
    let words = bench.change(move |cx| super::guard::record_failure(cx, &fail("CUDA OOM"))).expect("recorded");
    assert!(!words.opened, "words alone decide nothing");
    let memory = RecordFailure { cause: Some(FailureCause::Oom), ..fail("the GPU is full") };
    let oom = bench.change(move |cx| super::guard::record_failure(cx, &memory)).expect("recorded");
    assert!(oom.opened, "memory opens it at once");
    let reset = bench.change(|cx| super::guard::reset(cx, &ResetBreakers::default())).expect("reset");
    assert_eq!(reset.reset, 1);
    bench.change(|cx| slots::acquire(cx, &ask(JobType::Sync))).expect("closed by hand");
}

#[test]
fn what_was_to_last_lasts_a_whole_term_after_a_restart_in_the_same_boot_and_after_another() {
    for same_boot in [true, false] {
        let bench = Bench::new();
        bench.pass(10 * DAY, 10 * DAY);
        let memory = RecordFailure {
            task_type: JobType::Sync,
            node: None,
            reason: "memory".into(),
            cause: Some(FailureCause::Oom),
        };
        assert!(bench.change(move |cx| super::guard::record_failure(cx, &memory)).expect("recorded").opened);
        let reserve = Reserve { node: None, purpose: Purpose::Gauntlet, seconds: 600, requested_by: "the test".into() };
        bench.change(move |cx| super::guard::reserve(cx, &reserve)).expect("reserved");
        bench.pass(100 * SECOND, 100 * SECOND);
        let now = *bench.clock.lock().expect("the clock");
        let bench = if same_boot { bench.restart_at(now) } else { bench.restart(SECOND) };
        let left = |bench: &Bench| {
            let view = bench.change(super::guard::view).expect("viewed");
            (view.breakers.first().and_then(|b| b.retry_in_seconds), view.reservations.first().map(|r| r.seconds))
        };
        assert_eq!(left(&bench), (Some(300), Some(600)), "in the same boot: {same_boot}");
        bench.pass(301 * SECOND, 301 * SECOND);
        assert_eq!(left(&bench), (None, Some(299)), "in the same boot: {same_boot}");
    }
}

#[test]
fn a_job_out_of_memory_opens_its_breaker_and_waits_for_recovery() {
    let bench = Bench::new();
    let (id, order) = bench.taken();
    let finish = Finish { service_result: "oom-kill".into(), token: Some(order.token), ..ended(&id) };
    assert!(bench.change(move |cx| finish::finish(cx, finish)).expect("finished").accepted);
    bench.pass(60 * SECOND, 60 * SECOND);
    assert!(bench.orders().is_empty(), "its retry is due, its breaker is open");
    let theirs = id.clone();
    let waits = bench.change(move |cx| query::show(cx, &theirs)).expect("shown").item.waiting_for;
    assert!(
        waits.len() == 1 && waits[0].contains("circuit breaker for training on n1 is OPEN for another 240 s: job"),
        "{waits:?}"
    );
    bench.pass(240 * SECOND, 240 * SECOND);
    assert_eq!(bench.orders().iter().map(|o| o.job_id.clone()).collect::<Vec<_>>(), [id], "a probe");
}

fn ended(id: &JobId) -> Finish {
    Finish {
        job_id: id.clone(),
        token: None,
        invocation_id: String::new(),
        service_result: "success".into(),
        exit_code: String::new(),
        exit_status: String::new(),
        interrupted: false,
        cause: None,
        result: None,
        description: None,
        error: String::new(),
        finished_us: BEGIN + 1_000 * DAY,
    }
}

#[test]
fn a_pause_and_a_reservation_hold_over_a_restart() {
    let bench = Bench::new();
    let because = Because { reason: "maintenance".into(), by: "ann".into() };
    assert!(bench.change(move |cx| super::emergency::pause(cx, because)).expect("paused").accepted);
    let reserve = Reserve { node: None, purpose: Purpose::Gauntlet, seconds: 100, requested_by: "eve".into() };
    bench.change(move |cx| super::guard::reserve(cx, &reserve)).expect("reserved");
    let bench = bench.restart(HOUR);
    let reasons = bench.change(|cx| slots::can_spawn(cx, &ask(JobType::Training))).expect("answered").reasons;
    assert!(
        reasons[0].contains("paused by ann: maintenance") && reasons[1].contains("reserved for gauntlet by eve"),
        "{reasons:?}"
    );
    bench.change(super::emergency::resume).expect("resumed");
    bench.pass(Span::ZERO, 100 * SECOND);
    bench.change(|cx| slots::acquire(cx, &ask(JobType::Training))).expect("free");
}

#[test]
fn a_machine_that_cannot_be_looked_at_lets_nothing_through() {
    let bench = Bench::new();
    bench
        .change(|cx| {
            cx.state.admission.look = Box::new(|| Err("the driver hangs".into()));
            cx.state.admission.judged = None;
            Ok(())
        })
        .expect("changed");
    let refusal = bench.change(|cx| slots::acquire(cx, &ask(JobType::Sync))).expect_err("shut");
    assert!(refusal.parameters.reasons.iter().filter(|r| r.contains("the driver hangs")).count() >= 3, "{refusal}");
}

#[test]
fn a_halt_is_on_disk_before_anything_else_and_costs_the_job_no_attempt() {
    let bench = Bench::new();
    let (id, order) = bench.taken();
    let because = Because { reason: "smoke".into(), by: "ann".into() };
    assert!(bench.change(move |cx| super::emergency::halt(cx, because, "a boot")).expect("halted"));
    assert_eq!(bench.orders().iter().map(|o| (o.kind, o.token)).collect::<Vec<_>>(), [(OrderKind::Kill, order.token)]);
    assert!(bench.change(|cx| slots::acquire(cx, &ask(JobType::Sync))).is_err());
    let finish =
        Finish { service_result: "signal".into(), exit_code: "killed".into(), token: Some(order.token), ..ended(&id) };
    assert!(!bench.change(move |cx| finish::finish(cx, finish)).expect("answered").accepted, "its output is not used");
    let bench = bench.restart(DAY);
    assert!(bench.orders().is_empty(), "it holds over a restart");
    let theirs = id.clone();
    let item = bench.change(move |cx| query::show(cx, &theirs)).expect("shown").item;
    assert_eq!((item.status, item.attempts, item.result.as_deref()), (WorkStatus::Pending, 0, Some("halted")));
    assert!(item.waiting_for[0].contains("emergency halt by ann: smoke"), "{:?}", item.waiting_for);
    assert!(bench.change(|cx| super::emergency::clear(cx, "ann")).expect("cleared").accepted);
    assert_eq!(bench.orders().len(), 1, "the job goes on");
}
