//! The table of states: each row is something that was seen on a machine.
use super::*;
use crate::contract::registry::DaemonType as D;

const NOW: i64 = 1_000_000_000;

fn unit(load: &str, active: &str, sub: &str) -> UnitView {
    UnitView {
        name: "ringrift-auto-export.service".into(),
        load_state: load.into(),
        active_state: active.into(),
        sub_state: sub.into(),
        ..UnitView::default()
    }
}

fn facts<'a>(unit: Option<&'a UnitView>) -> Facts<'a> {
    let spec = D::AutoExport.spec();
    Facts {
        spec,
        unit,
        report: None,
        torn: false,
        control: None,
        desired: false,
        held: None,
        blocked_since: None,
        now: Wall::of_us(NOW),
    }
}

fn report(age_s: i64, state: State) -> StatusFile {
    StatusFile {
        daemon: "AUTO_EXPORT".into(),
        state,
        health: Health::degraded("slow"),
        last: String::new(),
        time_us: NOW - age_s * 1_000_000,
        valid_for: 60,
        config: None,
        idle: None,
        snapshot: serde_json::Value::Null,
    }
}

#[test]
fn a_planned_daemon_is_never_shown_as_stopped() {
    let seen = unit("not-found", "inactive", "dead");
    for unit in [None, Some(&seen)] {
        let found = assess(&Facts { spec: D::AutoSync.spec(), ..facts(unit) });
        assert_eq!(found.state, State::Planned);
    }
}

#[test]
fn what_cannot_start_says_why() {
    let config =
        UnitView { result: Some("exit-code".into()), exit_status: Some(78), ..unit("loaded", "failed", "failed") };
    let program = UnitView { exit_status: Some(203), ..config.clone() };
    let sandbox = UnitView { exit_status: Some(226), ..config.clone() };
    for (unit, word) in [
        (None, "no unit file ringrift-auto-export.service"),
        (Some(unit("not-found", "inactive", "dead")), "no unit file"),
        (Some(unit("masked", "inactive", "dead")), "unmask"),
        (Some(unit("bad-setting", "inactive", "dead")), "bad-setting"),
        (Some(config), "configuration"),
        (Some(program), "cannot be executed"),
        (Some(sandbox), "exit 226"),
    ] {
        let found = assess(&facts(unit.as_ref()));
        assert_eq!(found.state, State::CannotStart, "{unit:?}");
        assert!(found.reason.contains(word), "{}", found.reason);
        assert_eq!(found.health.status, HealthStatus::Unhealthy);
    }
}

#[test]
fn failed_gives_the_result_and_the_restarts_that_were_made() {
    let seen = UnitView {
        result: Some("exit-code".into()),
        exit_status: Some(1),
        restarts: Some(6),
        ..unit("loaded", "failed", "failed")
    };
    let found = assess(&facts(Some(&seen)));
    assert_eq!((found.state, found.reason.as_str()), (State::Failed, "exit-code 1 after 5 restarts"));
    // The main process drained well; what failed is a command beside it.
    let beside =
        UnitView { exit_status: Some(0), status_text: Some("STOPPED (healthy): waits".into()), ..seen.clone() };
    assert_eq!(assess(&facts(Some(&beside))).reason, "exit-code of a control process after 5 restarts");
    // The exit status of an earlier process is no reason for a timeout.
    let timeout =
        UnitView { result: Some("timeout".into()), exit_status: Some(78), ..unit("loaded", "failed", "failed") };
    assert_eq!(assess(&facts(Some(&timeout))).state, State::Failed);
}

#[test]
fn a_process_that_runs_without_any_report_is_silent_after_half_a_minute() {
    let at =
        |seconds: i64| UnitView { since_us: Some(NOW - seconds * 1_000_000), ..unit("loaded", "active", "running") };
    let (young, old) = (at(30), at(31));
    assert_eq!(assess(&facts(Some(&young))).state, State::Running);
    let found = assess(&facts(Some(&old)));
    assert_eq!((found.state, found.health.status), (State::Stale, HealthStatus::Unknown));
    // One whose report cannot be read has reported; what it said is unknown.
    assert_eq!(assess(&Facts { torn: true, ..facts(Some(&old)) }).state, State::Running);
}

#[test]
fn waiting_names_whom_and_since() {
    let seen = UnitView {
        start_queued: true,
        waiting_for: vec!["ringrift-event-router.service".into()],
        ..unit("loaded", "inactive", "dead")
    };
    let found = assess(&Facts { blocked_since: Some(Wall::of_us(NOW - 4_000_000)), ..facts(Some(&seen)) });
    assert_eq!(
        (found.state, found.reason.as_str()),
        (State::Blocked, "waiting for ringrift-event-router.service for 4 s")
    );
}

#[test]
fn a_restart_delay_is_initializing_and_says_so() {
    let seen =
        UnitView { result: Some("signal".into()), restarts: Some(2), ..unit("loaded", "activating", "auto-restart") };
    let found = assess(&facts(Some(&seen)));
    assert_eq!(found.state, State::Initializing);
    assert!(found.reason.contains("waiting for restart 3 after signal"), "{}", found.reason);
    let waiting = UnitView { status_text: Some("backing off 4s".into()), ..unit("loaded", "activating", "start") };
    assert_eq!(assess(&facts(Some(&waiting))).reason, "backing off 4s");
}

#[test]
fn never_ran_blocked_and_stopped_differ() {
    let fresh = unit("loaded", "inactive", "dead");
    let ran = UnitView { since_us: Some(NOW - 9_000_000), ..fresh.clone() };
    let state = |unit: &UnitView, desired, held| assess(&Facts { desired, held, ..facts(Some(unit)) }).state;
    assert_eq!(state(&fresh, false, None), State::NeverRan);
    assert_eq!(state(&fresh, true, None), State::Blocked);
    let since = |seconds: i64| {
        let blocked_since = Some(Wall::of_us(NOW - seconds * 1_000_000));
        assess(&Facts { desired: true, blocked_since, ..facts(Some(&fresh)) }).state
    };
    assert_eq!(
        (since(3), since(30)),
        (State::Initializing, State::Blocked),
        "the master has only just begun, or something holds it up"
    );
    assert_eq!(state(&ran, false, None), State::Stopped);
    assert_eq!(state(&ran, true, None), State::Stopped);
    assert_eq!(state(&ran, true, Some("EVENT_ROUTER is not running")), State::Blocked);
}

#[test]
fn active_is_running_paused_or_stale() {
    let seen = UnitView { since_us: Some(NOW - 600_000_000), ..unit("loaded", "active", "running") };
    let fresh = report(10, State::Running);
    let found = assess(&Facts { report: Some(&fresh), ..facts(Some(&seen)) });
    assert_eq!((found.state, found.health.status), (State::Running, HealthStatus::Degraded));
    let none = assess(&facts(Some(&seen)));
    assert_eq!((none.state, none.health.status), (State::Stale, HealthStatus::Unknown));
    let old = report(61, State::Running);
    let found = assess(&Facts { report: Some(&old), ..facts(Some(&seen)) });
    assert_eq!((found.state, found.health.status), (State::Stale, HealthStatus::Unknown));
    let control = Control { paused: true, reason: "disk swap".into(), who: "ann".into(), when_us: Wall::default() };
    let found = assess(&Facts { report: Some(&fresh), control: Some(&control), ..facts(Some(&seen)) });
    assert_eq!((found.state, found.reason.as_str()), (State::Paused, "disk swap (by ann)"));
}

#[test]
fn a_report_of_an_earlier_run_is_neither_health_nor_staleness() {
    let seen = UnitView {
        since_us: Some(NOW - 5_000_000),
        invocation_id: Some("1".into()),
        ..unit("loaded", "active", "running")
    };
    let earlier = report(300, State::Running);
    let found = assess(&Facts { report: Some(&earlier), ..facts(Some(&seen)) });
    assert_eq!((found.state, found.health.status), (State::Running, HealthStatus::Unknown));
}

#[test]
fn stopping_is_shutting_down() {
    assert_eq!(assess(&facts(Some(&unit("loaded", "deactivating", "stop-sigterm")))).state, State::ShuttingDown);
}
