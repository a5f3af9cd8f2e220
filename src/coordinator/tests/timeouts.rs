//! Which ends of an attempt are timeouts, interruptions or failures.
use super::*;

#[test]
fn an_attempt_that_was_stopped_after_its_time_is_a_timeout() {
    let bench = Bench::new();
    let (id, order) = bench.taken();
    for _ in 0..72 {
        bench.pass(50 * SECOND, 50 * SECOND);
        bench.renew(&order).expect("kept");
    }
    let report = Report { job_id: id, token: order.token, outcome: ReportOutcome::Gone, detail: String::new() };
    bench.change(move |cx| orders::report(cx, &report)).expect("reported");
    assert!(bench.events().contains(&"work_timeout".to_owned()), "{:?}", bench.events());
}

#[test]
fn a_crash_that_is_told_late_is_no_timeout() {
    let bench = Bench::new();
    let (id, order) = bench.taken();
    let begun = bench.change(|cx| Ok(cx.now.wall)).expect("a time");
    for _ in 0..72 {
        bench.pass(50 * SECOND, 50 * SECOND);
        bench.renew(&order).expect("kept");
    }
    let call = Finish {
        job_id: id,
        token: Some(order.token),
        invocation_id: String::new(),
        service_result: "exit-code".into(),
        exit_code: "exited".into(),
        exit_status: "1".into(),
        interrupted: false,
        cause: None,
        result: None,
        description: None,
        error: "it crashed".into(),
        finished_us: begun + 5 * SECOND,
    };
    bench.change(move |cx| finish::finish(cx, call)).expect("told");
    let events = bench.events();
    assert!(events.contains(&"work_retry".to_owned()) && !events.contains(&"work_timeout".to_owned()), "{events:?}");
}

#[test]
fn an_attempt_that_is_interrupted_a_hundred_times_without_progress_failed() {
    let bench = Bench::new();
    let (id, mut order) = bench.taken();
    for round in 1..=100 {
        let finished_us = bench.change(|cx| Ok(cx.now.wall)).expect("a time");
        let stopped =
            Finish { exit_status: "75".into(), interrupted: true, token: Some(order.token), finished_us, ..ended(&id) };
        bench.change(move |cx| finish::finish(cx, stopped)).expect("told");
        let theirs = id.clone();
        let item = bench.change(move |cx| query::show(cx, &theirs)).expect("shown").item;
        let expected = if round < 100 { (0, Some("interrupted")) } else { (1, Some("interruptions")) };
        assert_eq!((item.attempts, item.result.as_deref()), expected, "round {round}: {:?}", item.error);
        assert_eq!(item.status, WorkStatus::Pending, "another attempt is left");
        if round == 100 {
            assert!(item.error.is_some_and(|e| e.contains("interrupted 100 times")));
            return;
        }
        bench.pass(60 * SECOND, 60 * SECOND);
        order = bench.orders().into_iter().next().expect("started again");
        let call = Take { job_id: id.clone(), invocation_id: "i".into() };
        bench.change(move |cx| take::take(cx, &call, &RUNNER)).expect("taken");
    }
}

#[test]
fn an_attempt_that_was_told_to_stop_counts_for_nothing() {
    let bench = Bench::new();
    let (id, mut order) = bench.taken();
    for _ in 0..5 {
        let finished_us = bench.change(|cx| Ok(cx.now.wall)).expect("a time");
        let stopped =
            Finish { exit_status: "75".into(), interrupted: true, token: Some(order.token), finished_us, ..ended(&id) };
        bench.change(move |cx| finish::finish(cx, stopped)).expect("told");
        let theirs = id.clone();
        let item = bench.change(move |cx| query::show(cx, &theirs)).expect("shown").item;
        assert_eq!((item.status, item.attempts, item.result.as_deref()), (WorkStatus::Pending, 0, Some("interrupted")));
        bench.pass(60 * SECOND, 60 * SECOND);
        let orders = bench.orders();
        assert_eq!(
            orders.iter().map(|o| &o.job_id).collect::<Vec<_>>(),
            [&id],
            "no breaker is open, and it is not its time yet to give up"
        );
        order = orders[0].clone();
        let call = Take { job_id: id.clone(), invocation_id: "i".into() };
        bench.change(move |cx| take::take(cx, &call, &RUNNER)).expect("taken");
    }
}

/// An attempt that the coordinator ends itself does not count. A unit cannot say so of itself, or it would be tried for
/// ever.
#[test]
fn a_unit_cannot_claim_an_end_that_does_not_count() {
    for (word, cause) in
        [("halted", None), ("exit-code", Some(FailureCause::Preempted)), ("shed", Some(FailureCause::Interrupted))]
    {
        let bench = Bench::new();
        let (id, order) = bench.taken();
        let claim = Finish { service_result: word.into(), cause, token: Some(order.token), ..ended(&id) };
        bench.change(move |cx| finish::finish(cx, claim)).expect("told");
        let item = bench.change(move |cx| query::show(cx, &id)).expect("shown").item;
        assert!(item.attempts == 1 && !item.failed.is_some_and(FailureCause::is_harmless), "{word}: {item:?}");
    }
}

#[test]
fn only_the_runner_keeps_its_lease_and_its_silence_ends_the_attempt() {
    let bench = Bench::new();
    let (id, order) = bench.taken();
    bench.pass(59 * SECOND, 59 * SECOND);
    bench.renew(&order).expect("in time");
    let child = Peer { pid: 78, ..RUNNER };
    for _ in 0..2 {
        bench.pass(40 * SECOND, 40 * SECOND);
        let (renew, take) = (
            Renew { job_id: id.clone(), token: order.token, progress: None },
            Take { job_id: id.clone(), invocation_id: "i".into() },
        );
        let (one, other) = (child.clone(), child.clone());
        // Answered, and worth nothing; or fenced off already.
        drop(bench.change(move |cx| take::renew(cx, &renew, &one)));
        drop(bench.change(move |cx| take::take(cx, &take, &other)));
    }
    assert_eq!(bench.orders().last().map(|o| o.kind), Some(OrderKind::Stop));
    assert!(bench.renew(&order).is_err(), "too late");
    let gone = Report { job_id: id.clone(), token: order.token, outcome: ReportOutcome::Gone, detail: String::new() };
    bench.change(move |cx| orders::report(cx, &gone)).expect("told");
    let asked = id.clone();
    let item = bench.change(move |cx| query::show(cx, &asked)).expect("shown").item;
    assert!(
        item.result.as_deref() == Some("watchdog")
            && item.error.is_some_and(|e| e.contains("did not renew the lease for 60 s"))
    );
}
