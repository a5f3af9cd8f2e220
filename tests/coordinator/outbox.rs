//! Events: exactly once in effect, whatever dies in between.
use crate::harness::*;
use ringrift::contract::coordinator::CoordinatorStatus;
use ringrift::contract::workload::JobType;
use serde_json::json;

#[test]
fn events_wait_for_the_router_and_come_once() {
    let mut c = Coordinator::without_router("");
    c.start();
    let ids: Vec<_> = (0..20).map(|_| c.enqueue(&work(JobType::Export))).collect();
    c.kill();
    c.start();
    let status: CoordinatorStatus = c.call("Status", &json!({})).expect("status");
    assert_eq!(status.outbox, 20);
    c.router.hang_up(3);
    c.router.listen(&c.path("router.sock"));
    for id in &ids {
        c.router.about("work_queued", id.as_str());
    }
    until(|| c.call::<CoordinatorStatus>("Status", &json!({})).expect("status").outbox, |n| *n == 0);
    let queued: Vec<_> =
        c.router.events().into_iter().map(|e| e.payload["work_id"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(queued, ids.iter().map(|id| id.to_string()).collect::<Vec<_>>(), "in order, each once");
    assert!(c.router.repeats() > 0, "the lost answers made repeats, which the key recognised");
}

#[test]
fn an_event_that_the_router_refuses_for_good_holds_up_nobody() {
    let mut c = Coordinator::without_router("");
    c.start();
    let id = c.enqueue(&work(JobType::Export));
    c.call::<serde_json::Value>("Cancel", &json!({"work_id": id})).expect("cancelled");
    let other = c.enqueue(&work(JobType::Export));
    c.router.poison("work_cancelled");
    c.router.listen(&c.path("router.sock"));
    c.router.about("work_queued", other.as_str());
    let status = until(|| c.call::<CoordinatorStatus>("Status", &json!({})).expect("status"), |s| s.outbox == 0);
    assert_eq!(status.outbox_refused, 1);
}
