//! Limits under contention.
use crate::harness::*;
use ringrift::contract::cause::FailureCause;
use ringrift::contract::coordinator::*;
use ringrift::contract::wire::{CallError, errors};
use ringrift::contract::workload::JobType;
use ringrift::platform::task::{CoordinatedTask, NoSlot};
use serde_json::json;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

#[test]
fn sixty_four_clients_never_pass_a_limit() {
    let c = Coordinator::with(&format!("{QUIET}{FAST}"));
    let kinds = [JobType::Training, JobType::Tournament, JobType::Cmaes, JobType::Sync];
    let cluster = |kind| match kind {
        JobType::Training => 3,
        JobType::Cmaes => 1,
        JobType::Tournament => 2,
        _ => u32::MAX,
    };
    let held: [AtomicU32; 4] = Default::default();
    let per_node: [AtomicU32; 64] = std::array::from_fn(|_| AtomicU32::new(0));
    let (granted, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|s| {
        for thread in 0..64 {
            let (c, held, per_node, granted, refused) = (&c, &held, &per_node, &granted, &refused);
            s.spawn(move || {
                let mut client = c.client();
                for round in 0..12 {
                    let (kind, node) = ((thread + round) % 4, thread % 8);
                    let ask = json!({"task_type": kinds[kind].name(), "node": format!("n{node}"), "requested_by": format!("t{thread}")});
                    match client.call::<Acquired>("org.ringrift.Coordinator.Acquire", &ask) {
                        Ok(acquired) => {
                            granted.fetch_add(1, Ordering::SeqCst);
                            assert!(held[kind].fetch_add(1, Ordering::SeqCst) < cluster(kinds[kind]), "cluster limit");
                            let here = &per_node[node * 8 + kind];
                            let most = if kinds[kind] == JobType::Sync { 2 } else { cluster(kinds[kind]).min(3) };
                            assert!(here.fetch_add(1, Ordering::SeqCst) < most, "node limit");
                            std::thread::yield_now();
                            here.fetch_sub(1, Ordering::SeqCst);
                            held[kind].fetch_sub(1, Ordering::SeqCst);
                            let holder = Holder { lease_id: acquired.lease.lease_id, token: acquired.lease.token };
                            let released: Accepted = client.call("org.ringrift.Coordinator.Release", &holder).expect("released");
                            assert!(released.accepted);
                            let again: Accepted = client.call("org.ringrift.Coordinator.Release", &holder).expect("answered");
                            assert!(!again.accepted, "a lease released twice changes nothing");
                        }
                        Err(error) => {
                            refused.fetch_add(1, Ordering::SeqCst);
                            let CallError::Answer { name, parameters, .. } = &error else { panic!("{error}") };
                            assert!(name == errors::REFUSED && !parameters.reasons.is_empty(), "{error}");
                        }
                    }
                }
            });
        }
    });
    assert!(granted.load(Ordering::SeqCst) >= 64 && refused.load(Ordering::SeqCst) > 0, "{granted:?} {refused:?}");
    assert!(c.leases().leases.is_empty(), "no slot leaked");
}

#[test]
fn queue_and_acquire_share_one_table() {
    let c = Coordinator::new();
    let acquired: Acquired = c.call("Acquire", &json!({"task_type": "training"})).expect("a slot");
    let can: CanSpawn = c.call("CanSpawn", &json!({"task_type": "training"})).expect("answered");
    assert!(!can.allowed && can.reasons[0].contains("1 of 1 slots on node n1"), "{can:?}");
    let mut master = c.dispatch();
    let id = c.enqueue(&work(JobType::Training));
    assert!(master.is_quiet(), "the slot is taken by a task outside the queue");
    let holder = Holder { lease_id: acquired.lease.lease_id.clone(), token: acquired.lease.token };
    let renewed: Renewed = c.call("Renew", &holder).expect("renewed");
    assert_eq!(renewed.term_seconds, 120);
    c.call::<Accepted>("Release", &holder).expect("released");
    let order = master.start_of(&id);
    assert!(c.call::<Renewed>("Renew", &holder).expect_err("it has ended").is(errors::FENCED));
    let leases = c.leases().leases;
    assert_eq!((leases.len(), leases[0].work_id.as_ref()), (1, Some(&id)));
    let theirs = Holder { lease_id: leases[0].lease.lease_id.clone(), token: order.token };
    assert!(c.call::<Accepted>("Release", &theirs).expect_err("a job's lease").is(errors::PERMISSION_DENIED));
    let limits: LimitList = c.call("Limits", &json!({})).expect("limits");
    let training = limits.limits.iter().find(|l| l.task_type == JobType::Training).expect("training");
    assert_eq!((training.per_node, training.cluster, training.used), (Some(1), Some(3), 1));
    assert!(limits.gates.iter().all(|g| g.open), "{:?}", limits.gates);
}

#[test]
fn a_shut_gate_refuses_everything_and_says_why() {
    let full = QUIET.replace("disk: {warning: 99.0, critical: 100.0}", "disk: {warning: 0.0, critical: 0.0001}");
    let c = Coordinator::with(&full);
    let mut master = c.dispatch();
    let id = c.enqueue(&work(JobType::Export));
    assert!(master.is_quiet());
    assert!(c.show(&id).waiting_for.iter().any(|r| r.starts_with("disk: ")), "{:?}", c.show(&id));
    let error = c.call::<Acquired>("Acquire", &json!({"task_type": "export"})).expect_err("shut");
    assert!(error.is(errors::REFUSED) && error.to_string().contains("disk: "), "{error}");
}

#[test]
fn every_reason_is_given_at_once() {
    let full = QUIET.replace("disk: {warning: 99.0, critical: 100.0}", "disk: {warning: 0.0, critical: 0.0001}");
    let c = Coordinator::with(&format!("{full}limits: {{training: {{per_node: 0, cluster: 0}}}}\n"));
    let can: CanSpawn = c.call("CanSpawn", &json!({"task_type": "training"})).expect("answered");
    assert_eq!(can.reasons.len(), 3, "{can:?}");
}

#[test]
fn a_coordinated_task_holds_its_slot_while_it_lives() {
    let c = Coordinator::new();
    let take = || CoordinatedTask::acquire(c.path("c.sock"), JobType::Cmaes, None, "a test");
    let task = take().expect("a slot");
    assert!(task.acquired().lease.token.0 > 0 && task.lost().is_none());
    match take() {
        Err(NoSlot::Refused(reasons)) => assert!(reasons[0].contains("1 of 1 slots in the cluster"), "{reasons:?}"),
        other => panic!("{other:?}"),
    }
    drop(task);
    take().expect("free again").fail(FailureCause::Oom, "the GPU's memory is full");
    assert!(take().expect_err("its breaker is open").to_string().contains("circuit breaker for cmaes on n1 is OPEN"));
    let away = CoordinatedTask::acquire(c.path("nowhere.sock"), JobType::Cmaes, None, "a test");
    assert!(matches!(away, Err(NoSlot::Failed(_))));
}
