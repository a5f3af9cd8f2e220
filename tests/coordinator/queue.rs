//! A work item's way through the queue.
use crate::harness::*;
use ringrift::contract::coordinator::*;
use ringrift::contract::ids::{ConfigKey, FencingToken, JobId};
use ringrift::contract::job::Renew;
use ringrift::contract::wire::{CallError, errors};
use ringrift::contract::workload::{JobType, Progress};
use serde_json::json;

#[test]
fn one_item_from_enqueue_to_completed() {
    let c = Coordinator::new();
    let mut master = c.dispatch();
    let cause = ringrift::platform::clock::new_event_id();
    let asked = NewWork { subject: Some("m1".into()), cause: Some(cause.clone()), ..work(JobType::Selfplay) };
    let id = c.enqueue(&asked);
    let order = master.start_of(&id);
    assert_eq!(order.runtime_max_seconds, Some(3600));
    assert_eq!(c.show(&id).status, WorkStatus::Claimed);
    assert!(c.report(&order, ReportOutcome::Started));
    assert!(!c.report(&order, ReportOutcome::Started), "it is known already");

    let offer = c.take(&id, "inv-1").expect("taken");
    assert_eq!((offer.token, offer.description.attempt, offer.term_seconds), (order.token, 1, 60));
    assert_eq!(c.take(&id, "inv-1").expect("the same run may ask again"), offer);
    assert!(c.take(&id, "inv-2").expect_err("another may not").is(errors::REFUSED));
    let progress = Progress { done: 1.0, total: 3.0, unit: "games".into(), ..Default::default() };
    c.renew(&Renew { job_id: id.clone(), token: offer.token, progress: Some(progress.clone()) }).expect("renewed");
    let running = c.show(&id);
    assert_eq!((running.status, running.progress), (WorkStatus::Running, Some(progress)));

    assert!(c.finish(&success(&offer)));
    assert!(!c.finish(&success(&offer)), "a repeated report changes nothing");
    let item = c.show(&id);
    assert_eq!((item.status, item.lease, item.result.as_deref()), (WorkStatus::Completed, None, Some("success")));
    let completed = c.router.about("work_completed", id.as_str());
    assert_eq!(completed.payload["metrics"]["games_completed"], 3);
    assert_eq!(completed.payload["description"]["job_id"], id.as_str());
    assert_eq!(c.router.about("work_started", id.as_str()).payload["subject"], "m1");
    let kinds: Vec<_> = c.router.events().into_iter().map(|e| (e.kind, e.cause)).collect();
    let wanted = ["work_queued", "work_claimed", "work_started", "task_heartbeat", "work_completed"];
    assert_eq!(kinds, wanted.map(|k| (k.to_owned(), Some(cause.clone()))));
}

#[test]
fn an_idempotency_key_is_one_item_for_ever_and_a_singleton_one_at_a_time() {
    let c = Coordinator::new();
    let keyed = NewWork { idempotency_key: Some("k".into()), ..work(JobType::Export) };
    let first: Enqueued = c.call("Enqueue", &keyed).expect("queued");
    assert!(first.created);
    let ids: Vec<Enqueued> = std::thread::scope(|s| {
        let threads: Vec<_> =
            (0..16).map(|_| s.spawn(|| c.call::<Enqueued>("Enqueue", &keyed).expect("queued"))).collect();
        threads.into_iter().map(|t| t.join().expect("joined")).collect()
    });
    assert!(ids.iter().all(|e| e.work_id == first.work_id && !e.created));
    assert!(c.call::<Accepted>("Cancel", &json!({"work_id": first.work_id})).expect("cancelled").accepted);
    assert_eq!(c.enqueue(&keyed), first.work_id, "also when it has ended");

    let single = NewWork { singleton: Some("s".into()), ..work(JobType::Export) };
    let first = c.enqueue(&single);
    assert_eq!(c.enqueue(&single), first);
    c.call::<Accepted>("Cancel", &json!({"work_id": first})).expect("cancelled");
    assert_ne!(c.enqueue(&single), first, "it has ended, so this is a new one");
}

#[test]
fn bad_requests_are_refused_and_name_the_field() {
    let c = Coordinator::new();
    let table = [
        (json!({"priority": 101}), "priority"),
        (json!({"max_attempts": 0}), "max_attempts"),
        (json!({"timeout_seconds": 0}), "timeout_seconds"),
        (json!({"depends_on": ["abcd-99"]}), "depends_on"),
        (json!({"idempotency_key": ""}), "idempotency_key"),
        (json!({"work_type": "cmaes"}), "work_type"),
        (json!({"work_type": "knitting"}), "work_type"),
        (json!({"config_key": "chess_2p"}), "config_key"),
        (
            json!({"inputs": {"shards": vec![json!({"sha256": "a".repeat(64), "path": "/x".repeat(200)}); 1000]}}),
            "inputs",
        ),
    ];
    for (change, field) in table {
        let mut call = json!({"work_type": "selfplay", "config_key": "square8_2p"});
        call.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let error = c.call::<Enqueued>("Enqueue", &call).expect_err(field);
        let CallError::Answer { name, parameters, .. } = &error else { panic!("{error}") };
        assert_eq!(
            (name.as_str(), parameters.parameter.as_deref()),
            (errors::INVALID_PARAMETER, Some(field)),
            "{error}"
        );
    }
    let error = c
        .call::<Enqueued>("Enqueue", &json!({"work_type": "selfplay", "config_key": "square8_2p", "prioritty": 1}))
        .expect_err("unknown");
    assert!(error.to_string().contains("prioritty"), "{error}");
    assert_eq!(c.list(&WorkSelection::default()).len(), 0);
    assert!(c.call::<Shown>("Show", &json!({"work_id": "abcd-1"})).expect_err("nothing there").is(errors::NOT_FOUND));
}

#[test]
fn a_list_that_was_cut_goes_on_where_it_ended_and_count_is_of_the_whole() {
    let c = Coordinator::new();
    for n in 0..130u8 {
        let kind = if n % 3 == 0 { JobType::Export } else { JobType::Selfplay };
        let key = if n % 2 == 0 { "square8_2p" } else { "hex8_2p" };
        let id = c.enqueue(&NewWork { config_key: ConfigKey::new(key).expect("a key"), ..work(kind) });
        if n % 5 == 0 {
            c.call::<Accepted>("Cancel", &json!({ "work_id": id })).expect("cancelled");
        }
    }
    let everything = c.list(&WorkSelection::default());
    assert_eq!(everything.len(), 130);
    let first = c.call::<Listed>("List", &WorkFilter::default()).expect("a page");
    assert!(first.truncated && first.items.len() == 100 && first.items == everything[..100]);
    let next = WorkFilter { before: Some(first.items[99].work_id.clone()), limit: Some(20), ..WorkFilter::default() };
    let second = c.call::<Listed>("List", &next).expect("a page");
    assert!(second.truncated && second.items == everything[100..120]);
    let key = ConfigKey::new("hex8_2p").expect("a key");
    let cancelled = WorkSelection::of(&[WorkStatus::Cancelled]);
    let selections = [
        WorkSelection::active(),
        cancelled.clone(),
        cancelled.clone().kind(JobType::Export),
        cancelled.kind(JobType::Selfplay).key(&key),
        WorkSelection::default().key(&key),
        WorkSelection { types: vec![JobType::Export, JobType::Training], ..WorkSelection::default() },
    ];
    for which in selections {
        let fit: Vec<WorkItem> = everything.iter().filter(|item| which.fits(item)).cloned().collect();
        assert!(!fit.is_empty() && c.list(&which) == fit, "{which:?}: the database and the fakes choose alike");
    }
}

#[test]
fn the_queue_has_a_hard_limit_with_the_reason() {
    let c = Coordinator::with("limits: {queue_hard: 10}\n");
    for _ in 0..10 {
        c.enqueue(&work(JobType::Export));
    }
    let error = c.call::<Enqueued>("Enqueue", &work(JobType::Export)).expect_err("full");
    assert!(error.is(errors::REFUSED) && error.to_string().contains("limits.queue_hard is 10"), "{error}");
    assert_eq!(c.router.wait("backpressure_activated", |_| true).payload["queue_depth"], 10);
    let items = c.list(&WorkSelection::default());
    for item in &items[..6] {
        c.call::<Accepted>("Cancel", &json!({"work_id": item.work_id})).expect("cancelled");
    }
    assert_eq!(c.router.wait("backpressure_released", |_| true).payload["queue_depth"], 4);
}

#[test]
fn priority_goes_first_then_age_and_waiting_items_say_why() {
    let c = Coordinator::new();
    let low = c.enqueue(&NewWork { priority: 10, ..work(JobType::Training) });
    let high = c.enqueue(&NewWork { priority: 90, ..work(JobType::Training) });
    let after = c.enqueue(&NewWork { depends_on: vec![high.clone()], ..work(JobType::Export) });
    assert!(c.show(&low).waiting_for.iter().any(|r| r.contains("the master is not connected")), "{:?}", c.show(&low));
    let mut master = c.dispatch();
    master.start_of(&high);
    assert!(master.is_quiet(), "one training job a node, and the export waits for it");
    assert!(c.show(&low).waiting_for[0].contains("1 of 1 slots on node n1"), "{:?}", c.show(&low));
    assert_eq!(c.show(&after).waiting_for, [format!("dependency {high} is claimed")]);
    let offer = c.take(&high, "i").expect("taken");
    assert!(c.finish(&success(&offer)));
    let mut started = [master.order().job_id, master.order().job_id];
    started.sort();
    let mut wanted = [low, after];
    wanted.sort();
    assert_eq!(started, wanted);
}

#[test]
fn failures_are_retried_with_delay_until_the_attempts_are_used_up() {
    let c = Coordinator::new();
    let mut master = c.dispatch();
    let id = c.enqueue(&NewWork { max_attempts: 2, ..work(JobType::Selfplay) });
    let dependent = c.enqueue(&NewWork { depends_on: vec![id.clone()], ..work(JobType::Export) });
    master.start_of(&id);
    let first = c.take(&id, "i1").expect("taken");
    assert!(c.finish(&ended(&id, Some(&first), "timeout", "15")));
    c.router.about("work_timeout", id.as_str());
    let retry = c.router.about("work_retry", id.as_str());
    assert_eq!((&retry.payload["attempt"], &retry.payload["result"]), (&json!(1), &json!("timeout")));
    let order = master.start_of(&id);
    assert!(order.token > first.token, "the token has grown");
    let second = c.take(&id, "i2").expect("taken");
    assert_eq!((second.description.attempt, second.description.seed), (2, first.description.seed));
    assert!(!c.finish(&success(&first)), "the first attempt is over");
    assert!(c.finish(&ended(&id, Some(&second), "exit-code", "1")));
    let failed = c.router.about("work_failed", id.as_str());
    assert_eq!((&failed.payload["attempts"], &failed.payload["exit_status"]), (&json!(2), &json!(1)));
    assert_eq!(c.show(&id).status, WorkStatus::Failed);
    c.router.about("work_failed", dependent.as_str());
    assert_eq!(c.show(&dependent).result.as_deref(), Some("dependency"));
    let error = c
        .call::<Enqueued>("Enqueue", &NewWork { depends_on: vec![id], ..work(JobType::Export) })
        .expect_err("hopeless");
    assert!(error.is(errors::REFUSED), "{error}");
}

#[test]
fn bad_data_is_not_tried_again() {
    let c = Coordinator::new();
    let mut master = c.dispatch();
    let id = c.enqueue(&work(JobType::Selfplay));
    master.start_of(&id);
    let offer = c.take(&id, "i").expect("taken");
    assert!(c.finish(&ended(&id, Some(&offer), "exit-code", "65")));
    assert_eq!(c.show(&id).status, WorkStatus::Failed);
}

#[test]
fn a_unit_that_died_before_take_is_found_by_its_job() {
    let c = Coordinator::new();
    let mut master = c.dispatch();
    let id = c.enqueue(&work(JobType::Selfplay));
    let order = master.start_of(&id);
    let late = ended(&id, None, "exit-code", "203");
    assert!(c.finish(&late));
    assert_eq!(c.show(&id).result.as_deref(), Some("exit-code"));
    let again = master.start_of(&id);
    assert!(!c.finish(&late), "a late report of the first attempt does not end the second");
    assert_eq!(c.show(&id).lease.expect("held").token, again.token);
    assert!(!c.report(&order, ReportOutcome::Gone), "an old token");
    assert!(c.report(&again, ReportOutcome::StartFailed));
    assert_eq!(c.show(&id).result.as_deref(), Some("start-failed"));
}

#[test]
fn a_running_item_that_is_cancelled_is_fenced_and_holds_its_slot_until_the_unit_is_gone() {
    let c = Coordinator::new();
    let mut master = c.dispatch();
    let id = c.enqueue(&work(JobType::Training));
    let order = master.start_of(&id);
    let offer = c.take(&id, "i").expect("taken");
    let next = c.enqueue(&work(JobType::Training));
    assert!(c.call::<Accepted>("Cancel", &json!({"work_id": id, "reason": "enough"})).expect("cancelled").accepted);
    let stop = master.order();
    assert_eq!((stop.kind, &stop.job_id, stop.token), (OrderKind::Stop, &id, order.token));
    assert_eq!(c.router.about("work_cancelled", id.as_str()).payload["reason"], "enough");
    let error = c.renew(&Renew { job_id: id.clone(), token: offer.token, progress: None }).expect_err("fenced");
    assert!(error.is(errors::FENCED), "{error}");
    assert!(master.is_quiet(), "the slot is held");
    assert!(c.leases().leases[0].lease.fenced);
    assert!(!c.finish(&success(&offer)), "its output is not used");
    master.start_of(&next);
    assert_eq!(c.show(&id).status, WorkStatus::Cancelled);
    assert!(!c.call::<Accepted>("Cancel", &json!({"work_id": id})).expect("answered").accepted);
}

#[test]
fn a_second_master_ends_the_first_and_gets_what_is_not_carried_out() {
    let c = Coordinator::new();
    let mut first = c.dispatch();
    let (one, two) = (c.enqueue(&work(JobType::Selfplay)), c.enqueue(&work(JobType::Export)));
    let started = first.start_of(&one);
    let waiting = first.start_of(&two);
    assert!(c.report(&started, ReportOutcome::Started));
    let mut second = c.dispatch();
    assert_eq!(second.order(), waiting);
    assert!(first.0.receive::<Order>("Dispatch").expect_err("ended").is(errors::REFUSED));
    assert!(second.is_quiet());
    drop(second);
    until(|| c.call::<CoordinatorStatus>("Status", &json!({})).expect("status"), |s| s.dispatchers.is_empty());
    let third = c.enqueue(&work(JobType::Export));
    assert_eq!(c.show(&third).status, WorkStatus::Pending, "nothing is granted without a master");
}

#[test]
fn lists_are_filtered_newest_first_and_say_when_they_are_cut() {
    let c = Coordinator::new();
    let ids: Vec<JobId> =
        (0..5).map(|n| c.enqueue(&work(if n % 2 == 0 { JobType::Selfplay } else { JobType::Export }))).collect();
    let listed: Listed =
        c.call("List", &json!({"types": ["selfplay"], "statuses": ["pending"], "limit": 2})).expect("listed");
    assert_eq!(listed.items.iter().map(|i| &i.work_id).collect::<Vec<_>>(), [&ids[4], &ids[2]]);
    assert!(listed.truncated);
    assert!(c.list(&WorkSelection::of(&[WorkStatus::Running])).is_empty());
}

#[test]
fn a_token_of_another_age_is_fenced() {
    let c = Coordinator::new();
    let mut master = c.dispatch();
    let id = c.enqueue(&work(JobType::Selfplay));
    master.start_of(&id);
    let offer = c.take(&id, "i").expect("taken");
    for token in [0, offer.token.0 + 1, u64::MAX] {
        let error =
            c.renew(&Renew { job_id: id.clone(), token: FencingToken(token), progress: None }).expect_err("not ours");
        assert!(error.is(errors::FENCED), "{error}");
    }
}
