//! Which ends of an attempt are timeouts.
use super::*;

#[test]
fn an_attempt_that_was_stopped_after_its_time_is_a_timeout() {
    let bench = Bench::new();
    let (id, order) = bench.taken();
    for _ in 0..36 {
        bench.pass(100 * SECOND, 100 * SECOND);
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
    for _ in 0..36 {
        bench.pass(100 * SECOND, 100 * SECOND);
        bench.renew(&order).expect("kept");
    }
    let call = Finish {
        job_id: id,
        token: Some(order.token),
        invocation_id: String::new(),
        service_result: "exit-code".into(),
        exit_code: "exited".into(),
        exit_status: "1".into(),
        result: None,
        description: None,
        error: "it crashed".into(),
        finished_us: begun + 5 * SECOND,
    };
    bench.change(move |cx| finish::finish(cx, call)).expect("told");
    let events = bench.events();
    assert!(events.contains(&"work_retry".to_owned()) && !events.contains(&"work_timeout".to_owned()), "{events:?}");
}
