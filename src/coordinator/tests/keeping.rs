//! What is forgotten, and what a lease is given.
use super::*;

#[test]
fn what_ended_long_ago_is_forgotten_and_what_others_wait_for_is_kept() {
    let bench = Bench::new();
    let (done, order) = bench.taken();
    let mut work = NewWork::new(JobType::Export, ConfigKey::new("square8_2p").expect("a key"));
    work.depends_on = vec![done.clone()];
    let cancelled = bench.enqueue();
    let call = crate::contract::coordinator::Cancel { work_id: cancelled.clone(), reason: String::new() };
    bench.change(move |cx| crate::coordinator::cancel::cancel(cx, &call)).expect("cancelled");
    let end = Finish {
        job_id: done.clone(),
        token: Some(order.token),
        invocation_id: "i".into(),
        service_result: "success".into(),
        exit_code: "exited".into(),
        exit_status: "0".into(),
        interrupted: false,
        cause: None,
        result: Some(
            serde_json::from_value(serde_json::json!({"schema": 1, "artefacts": [], "metrics": {}})).expect("a result"),
        ),
        description: None,
        error: String::new(),
        finished_us: BEGIN,
    };
    assert!(bench.change(move |cx| finish::finish(cx, end)).expect("finished").accepted);
    bench
        .change(|cx| crate::coordinator::emergency::pause(cx, Because { reason: String::new(), by: String::new() }))
        .expect("paused");
    let waiting = bench.change(move |cx| enqueue::enqueue(cx, &work)).expect("queued").work_id;
    let known = |id: &JobId| {
        let id = id.clone();
        bench.change(move |cx| query::show(cx, &id)).is_ok()
    };
    bench.pass(29 * DAY, 29 * DAY);
    bench.orders();
    assert!(known(&done) && known(&cancelled));
    bench.pass(2 * DAY, 2 * DAY);
    bench.orders();
    assert!(!known(&cancelled), "31 days after its end");
    assert!(known(&done) && known(&waiting), "an item waits for it");
}

/// An item that was cancelled while it waited.
fn cancelled(bench: &Bench) -> JobId {
    // This one has the only slot, so the next one waits and is gone at once when it is cancelled.
    bench.taken();
    let id = bench.enqueue();
    let call = crate::contract::coordinator::Cancel { work_id: id.clone(), reason: String::new() };
    bench.change(move |cx| crate::coordinator::cancel::cancel(cx, &call)).expect("cancelled");
    id
}

fn known(bench: &Bench, id: &JobId) -> bool {
    let id = id.clone();
    bench.change(move |cx| query::show(cx, &id)).is_ok()
}

#[test]
fn a_machine_that_slept_does_not_look_like_a_clock_that_was_set() {
    let bench = Bench::new();
    let id = cancelled(&bench);
    bench.sleep(29 * DAY);
    bench.pass(HOUR, HOUR);
    bench.orders();
    assert!(known(&bench, &id));
    bench.sleep(2 * DAY);
    bench.pass(HOUR, HOUR);
    bench.orders();
    assert_eq!(crate::platform::notices::Notices::at(bench.dir.path().join("notices")).read(), []);
    assert!(!known(&bench, &id), "31 days after its end");
}

#[test]
fn nothing_is_forgotten_by_a_clock_that_was_set_until_it_is_confirmed() {
    let bench = Bench::new();
    let first = cancelled(&bench);
    // Thirteen years ahead while it runs.
    bench.pass(13 * 365 * DAY, 2 * HOUR);
    bench.orders();
    assert!(known(&bench, &first));
    // And at a start: 1,000 days beyond the newest record.
    let bench = bench.restart(1_000 * DAY);
    bench.orders();
    assert!(known(&bench, &first));
    let notices = crate::platform::notices::Notices::at(bench.dir.path().join("notices"));
    let told = notices.read();
    assert_eq!(told.iter().map(|n| n.id.as_str()).collect::<Vec<_>>(), ["clock-coordination"]);
    notices.remove("clock-coordination").expect("confirmed");
    bench.pass(2 * HOUR, 2 * HOUR);
    bench.orders();
    assert!(!known(&bench, &first), "a person says that the clock is right");
}

#[test]
fn each_lease_gets_the_least_used_gpu_of_the_own_node() {
    let bench = Bench::new();
    let two = || {
        Ok(HostSnapshot {
            gpus: vec![Gpu { utilization_percent: Some(1.0), memory_percent: Some(1.0), ..Gpu::default() }; 2],
            ..calm()?
        })
    };
    bench
        .change(move |cx| {
            (cx.state.admission.look, cx.state.admission.judged) = (Box::new(two), None);
            cx.state.admission_changed();
            crate::coordinator::gates::refresh(cx)
        })
        .expect("looked");
    let acquire = |kind, at: &str| {
        let call =
            Acquire { task_type: kind, node: Some(NodeId::new(at).expect("a node")), requested_by: "the test".into() };
        bench.change(move |cx| slots::acquire(cx, &call)).expect("acquired").lease
    };
    let first = acquire(JobType::Selfplay, "n1");
    assert_eq!(first.gpus, Some(vec![0]));
    bench.pass(SECOND, SECOND);
    assert_eq!(acquire(JobType::Training, "n1").gpus, Some(vec![1]));
    bench.pass(SECOND, SECOND);
    let release = Release { lease_id: first.lease_id, token: first.token, failed: None, cause: None };
    bench.change(move |cx| slots::release(cx, &release)).expect("released");
    assert_eq!(acquire(JobType::Evaluation, "n1").gpus, Some(vec![0]), "the free one");
    bench.pass(SECOND, SECOND);
    assert_eq!(acquire(JobType::Export, "n1").gpus, Some(vec![]), "copying needs none");
    assert_eq!(acquire(JobType::Selfplay, "elsewhere").gpus, None, "another machine's are not known");
}

#[test]
fn a_change_that_a_status_does_not_allow_stores_nothing_and_says_so() {
    use crate::coordinator::transition::{Ended, Step, set};
    let bench = Bench::new();
    let id = bench.enqueue();
    assert_eq!(bench.orders().len(), 1);
    let theirs = id.clone();
    let refused = bench.change(move |cx| {
        let n = cx.state.number(&theirs).expect("its number");
        set(cx, n, &Step::DependencyFailed(Ended { result: "dependency", error: "a-1 failed" }))
    });
    let refusal = refused.expect_err("it has a slot");
    assert!(refusal.parameters.message.contains(&format!("job {id} is claimed")), "{refusal}");
    assert_eq!(bench.status(&id), WorkStatus::Claimed);
    let theirs = id.clone();
    let item = bench.change(move |cx| query::show(cx, &theirs)).expect("shown").item;
    assert_eq!((item.result, item.error, item.completed_us), (None, None, None), "nothing of it is written");
}
