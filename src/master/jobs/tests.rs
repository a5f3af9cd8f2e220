//! Orders, ends and reconciliation of job units.
use super::*;
use crate::contract::coordinator::{Lease, NewWork};
use crate::contract::ids::{ConfigKey, LeaseId, NodeId};

fn order(kind: OrderKind, token: u64) -> Order {
    Order {
        kind,
        job_id: JobId::new("a-1").expect("an id"),
        job_type: JobType::Selfplay,
        token: FencingToken(token),
        runtime_max_seconds: Some(60),
        memory_max: Some(1 << 30),
        tasks_max: None,
        cpus: None,
    }
}

const UNIT: &str = "ringrift-job-selfplay@a-1.service";

fn view(active: &str) -> UnitView {
    UnitView { name: UNIT.into(), load_state: "loaded".into(), active_state: active.into(), ..UnitView::default() }
}

fn outcomes(actions: &[Action]) -> Vec<(u64, ReportOutcome)> {
    let told = |a: &Action| match a {
        Action::Report(r) => Some((r.token.0, r.outcome)),
        _ => None,
    };
    actions.iter().filter_map(told).collect()
}

fn item(status: WorkStatus, token: u64, fenced: bool) -> WorkItem {
    let node = NodeId::new("n1").expect("an id");
    WorkItem {
        work_id: JobId::new("a-1").expect("an id"),
        work: NewWork::new(JobType::Selfplay, ConfigKey::new("square8_2p").expect("a key")),
        status,
        attempts: 1,
        created_us: Wall::default(),
        claimed_us: None,
        started_us: None,
        completed_us: None,
        not_before_us: None,
        claimed_by: Some(node.clone()),
        lease: Some(Lease {
            lease_id: LeaseId::new("l-1").expect("an id"),
            token: FencingToken(token),
            task_type: JobType::Selfplay,
            node,
            granted_us: Wall::default(),
            expires_us: Wall::default(),
            fenced,
            gpus: None,
        }),
        progress: None,
        result: None,
        error: None,
        failed: None,
        waiting_for: Vec::new(),
        waiting_codes: Vec::new(),
    }
}

fn at(us: i64) -> Mono {
    Mono::of_us(us)
}

#[test]
fn a_job_is_started_reported_and_its_end_is_told_once() {
    let mut jobs = Jobs::default();
    let started = jobs.order(&order(OrderKind::Start, 1), at(0));
    assert!(matches!(&started[..], [Action::Start { unit, .. }] if unit == UNIT), "{started:?}");
    assert_eq!(jobs.order(&order(OrderKind::Start, 1), at(0)), [], "the same order again");
    assert_eq!(jobs.seen(UNIT, Some(&view("inactive"))), [], "not started yet, so not gone");
    assert_eq!(outcomes(&jobs.started(UNIT, FencingToken(1), Ok(()), at(1))), [(1, ReportOutcome::Started)]);
    assert_eq!(
        outcomes(&jobs.order(&order(OrderKind::Start, 1), at(0))),
        [(1, ReportOutcome::Started)],
        "the report was lost"
    );
    assert_eq!(jobs.seen(UNIT, Some(&view("deactivating"))), [], "ExecStopPost= may still run");
    let ended = jobs.seen(UNIT, Some(&view("failed")));
    assert_eq!(outcomes(&ended), [(1, ReportOutcome::Gone)]);
    assert!(ended.contains(&Action::Reset { unit: UNIT.into() }));
    assert_eq!(jobs.seen(UNIT, None), []);
    let changes: Vec<_> = jobs.changed.iter().map(|c| c.1).collect();
    assert_eq!(changes, ["starting", "running", "gone"]);
}

#[test]
fn a_start_that_fails_is_a_failed_try() {
    let mut jobs = Jobs::default();
    jobs.order(&order(OrderKind::Start, 1), at(0));
    let told = jobs.started(UNIT, FencingToken(1), Err("timeout".into()), at(1));
    assert_eq!(outcomes(&told), [(1, ReportOutcome::StartFailed)]);
    assert!(!jobs.follows(UNIT));
}

#[test]
fn an_old_stop_order_does_not_touch_a_newer_attempt() {
    let mut jobs = Jobs::default();
    jobs.order(&order(OrderKind::Start, 2), at(0));
    jobs.started(UNIT, FencingToken(2), Ok(()), at(0));
    let told = jobs.order(&order(OrderKind::Stop, 1), at(0));
    assert_eq!(outcomes(&told), [(1, ReportOutcome::Gone)]);
    assert!(!told.iter().any(|a| matches!(a, Action::Stop { .. })));
    let stop = jobs.order(&order(OrderKind::Stop, 2), at(0));
    assert_eq!(stop, [Action::Stop { unit: UNIT.into() }]);
    assert_eq!(outcomes(&jobs.seen(UNIT, None)), [(2, ReportOutcome::Gone)]);
}

#[test]
fn a_kill_order_kills_and_its_end_is_told() {
    let mut jobs = Jobs::default();
    jobs.order(&order(OrderKind::Start, 2), at(0));
    assert_eq!(jobs.order(&order(OrderKind::Kill, 2), at(0)), [Action::Kill { unit: UNIT.into() }]);
    assert_eq!(outcomes(&jobs.seen(UNIT, None)), [(2, ReportOutcome::Gone)]);
}

#[test]
fn stopping_what_nobody_knows_ends_in_gone() {
    let mut jobs = Jobs::default();
    assert_eq!(jobs.order(&order(OrderKind::Stop, 1), at(0)), [Action::Stop { unit: UNIT.into() }]);
    assert_eq!(outcomes(&jobs.seen(UNIT, None)), [(1, ReportOutcome::Gone)]);
}

#[test]
fn at_start_leases_without_units_are_gone_and_units_without_leases_are_stopped() {
    let mut jobs = Jobs::default();
    let running = item(WorkStatus::Running, 7, false);
    assert_eq!(outcomes(&jobs.reconcile(&[], std::slice::from_ref(&running), &[], at(0))), [(7, ReportOutcome::Gone)]);
    let claimed = item(WorkStatus::Claimed, 8, false);
    assert_eq!(jobs.reconcile(&[], std::slice::from_ref(&claimed), &[], at(0)), [], "its order is on its way");
    assert!(jobs.is_in_doubt());
    let newer = item(WorkStatus::Claimed, 9, false);
    assert_eq!(
        jobs.reconcile(&[], std::slice::from_ref(&newer), &[], at(0)),
        [],
        "another claim; its order may be on its way, too"
    );
    assert_eq!(outcomes(&jobs.reconcile(&[], &[newer], &[], at(0))), [(9, ReportOutcome::Gone)]);
    assert!(!jobs.is_in_doubt());
    let up = [view("active")];
    assert_eq!(jobs.reconcile(&up, &[], &up, at(0)), [Action::Stop { unit: UNIT.into() }]);
    assert_eq!(jobs.reconcile(&up, &[], &[], at(0)), [], "it ended meanwhile");
    assert_eq!(outcomes(&jobs.reconcile(&up, &[running], &up, at(0))), [(7, ReportOutcome::Started)]);
    assert!(jobs.follows(UNIT));
}

#[test]
fn a_fenced_lease_whose_unit_runs_is_stopped() {
    let mut jobs = Jobs::default();
    let up = [view("active")];
    let actions = jobs.reconcile(&up, &[item(WorkStatus::Running, 7, true)], &up, at(0));
    assert_eq!(actions, [Action::Stop { unit: UNIT.into() }]);
}

#[test]
fn a_job_that_outruns_its_time_is_stopped_once() {
    let mut jobs = Jobs::default();
    jobs.order(&order(OrderKind::Start, 1), at(0));
    jobs.started(UNIT, FencingToken(1), Ok(()), at(0));
    assert_eq!(jobs.overdue(at(179_999_999)), []);
    assert_eq!(jobs.overdue(at(180_000_000)), [Action::Stop { unit: UNIT.into() }]);
    assert_eq!(jobs.overdue(at(181_000_000)), []);
    assert_eq!(jobs.overdue(at(239_999_999)), [], "it stops");
    assert_eq!(jobs.overdue(at(240_000_000)), [Action::Stop { unit: UNIT.into() }], "a stop that failed is repeated");
    assert_eq!(jobs.overdue(at(241_000_000)), []);
}

#[test]
fn a_unit_whose_attempt_is_over_is_stopped_when_it_is_found_twice() {
    let (mut jobs, up) = (Jobs::default(), [view("active")]);
    let running = |token| [item(WorkStatus::Running, token, false)];
    let stop = [Action::Stop { unit: UNIT.into() }];
    jobs.reconcile(&up, &running(7), &up, at(0));
    assert_eq!(jobs.reconcile(&up, &[], &up, at(0)), [], "it may be about to end");
    assert!(jobs.is_in_doubt());
    assert_eq!(jobs.reconcile(&up, &running(7), &up, at(0)), []);
    assert!(!jobs.is_in_doubt());
    assert_eq!(jobs.reconcile(&up, &[], &up, at(0)), [], "counted anew");
    assert_eq!(jobs.reconcile(&up, &[], &[view("deactivating")], at(0)), [], "it ends");
    assert_eq!(jobs.reconcile(&up, &[], &up, at(0)), []);
    assert_eq!(jobs.reconcile(&up, &[], &up, at(0)), stop);
    assert_eq!(jobs.reconcile(&up, &[], &up, at(0)), [], "stopped once");
    assert!(jobs.rows(Wall::default(), at(0)).iter().all(|row| row.state == "stopping"));
    assert_eq!(outcomes(&jobs.seen(UNIT, None)), [(7, ReportOutcome::Gone)]);
}
