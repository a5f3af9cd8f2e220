//! kill -9 between any two steps loses nothing; reports that waited in the jobs' directories are found.
use crate::harness::*;
use ringrift::contract::coordinator::*;
use ringrift::contract::health::{HealthStatus, State, StatusFile};
use ringrift::contract::ids::JobId;
use ringrift::contract::job::{Finish, Renew};
use ringrift::contract::job_file::REPORT;
use ringrift::contract::reason::ReasonCode;
use ringrift::contract::time::Wall;
use ringrift::contract::wire::errors;
use ringrift::contract::workload::JobType;
use ringrift::platform::clock::now_us;
use ringrift::platform::replace::{Outlives, replace};

/// What the runner of a job leaves when it cannot hand its report in.
fn leave(c: &Coordinator, id: &JobId, text: &str) {
    let folder = c.path("jobs").join(id.as_str());
    std::fs::create_dir_all(&folder).expect("the job's folder");
    replace(&folder.join(REPORT), text.as_bytes(), 0o640, Outlives::PowerCut).expect("left");
}

fn json_of(finish: &Finish) -> String {
    serde_json::to_string(finish).expect("JSON")
}

#[test]
fn killed_between_any_two_steps() {
    let mut c = Coordinator::new();
    let id = c.enqueue(&work(JobType::Selfplay));
    c.kill();
    c.start();
    let first = c.dispatch().start_of(&id);
    c.kill();
    c.start();
    assert_eq!(c.show(&id).status, WorkStatus::Claimed, "a grant is durable");
    let mut master = c.dispatch();
    assert_eq!(master.start_of(&id), first, "the order was not carried out, so it comes again");
    c.report(&first, ReportOutcome::Started);
    c.kill();
    c.start();
    assert!(c.dispatch().is_quiet(), "it was carried out");
    let offer = c.take(&id, "i").expect("taken");
    c.kill();
    c.start();
    assert_eq!(c.take(&id, "i").expect("the lost answer is given again"), offer);
    c.kill();
    c.start();
    c.renew(&Renew { job_id: id.clone(), token: offer.token, progress: None }).expect("the lease survived");
    assert!(c.finish(&success(&offer)));
    c.kill();
    c.start();
    assert!(!c.finish(&success(&offer)), "it is known");
    assert_eq!(c.show(&id).status, WorkStatus::Completed);
    c.router.about("work_completed", id.as_str());
    let kinds: Vec<_> = c.router.events().into_iter().map(|e| e.kind).collect();
    assert_eq!(kinds, ["work_queued", "work_claimed", "work_started", "work_completed"], "each once");
    assert!(c.leases().leases.is_empty());
}

#[test]
fn killed_under_load_no_acknowledged_item_is_lost() {
    let mut c = Coordinator::new();
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let socket = c.path("c.sock");
        let (sender, receiver) = std::sync::mpsc::channel();
        let load: Vec<_> = (0..8)
            .map(|thread| {
                let (socket, sender) = (socket.clone(), sender.clone());
                std::thread::spawn(move || {
                    let Ok(mut client) = ringrift::platform::varlink::Client::connect(socket, PATIENCE) else { return };
                    for n in 0.. {
                        let key = format!("{round}-{thread}-{n}");
                        let asked = NewWork { idempotency_key: Some(key.clone()), ..work(JobType::Export) };
                        match client.call::<Enqueued>("org.ringrift.Coordinator.Enqueue", &asked) {
                            Ok(done) => sender.send((key, done.work_id)).expect("wanted"),
                            Err(_) => return,
                        }
                    }
                })
            })
            .collect();
        // Killed in the middle: after thirty acknowledgements.
        acknowledged.extend((0..30).map(|_| receiver.recv().expect("an acknowledgement")));
        c.kill();
        load.into_iter().for_each(|t| t.join().expect("joined"));
        acknowledged.extend(receiver.try_iter());
        c.start();
    }
    for (key, id) in acknowledged {
        assert_eq!(c.enqueue(&NewWork { idempotency_key: Some(key), ..work(JobType::Export) }), id);
    }
}

#[test]
fn reports_that_were_left_are_found_at_the_start_and_when_the_unit_is_gone() {
    let mut c = Coordinator::new();
    let mut master = c.dispatch();
    let (one, two) = (c.enqueue(&work(JobType::Selfplay)), c.enqueue(&work(JobType::Export)));
    master.start_of(&one);
    let order = master.start_of(&two);
    let (first, second) = (c.take(&one, "i1").expect("taken"), c.take(&two, "i2").expect("taken"));
    c.kill();
    leave(&c, &one, &json_of(&success(&first)));
    leave(&c, &two, "{\"job_id\": ");
    c.start();
    assert_eq!(c.show(&one).status, WorkStatus::Completed, "applied before the sockets are served");
    assert_eq!(c.show(&two).status, WorkStatus::Running, "half a report says nothing");
    leave(&c, &two, &json_of(&success(&second)));
    assert!(!c.report(&order, ReportOutcome::Gone), "its result came");
    assert_eq!(c.show(&two).status, WorkStatus::Completed);
    c.kill();
    c.start();
    c.router.about("work_completed", two.as_str());
    let completed = c.router.events().into_iter().filter(|e| e.kind == "work_completed").count();
    assert_eq!(completed, 2, "what lies there is applied once");
}

/// Such a result fits every frame and, with the stored description, no event.
#[test]
fn a_report_whose_event_would_be_too_large_ends_its_attempt_and_not_the_coordinator() {
    let mut c = Coordinator::new();
    let mut asked = NewWork { max_attempts: 1, ..work(JobType::Selfplay) };
    asked.params.insert("note".into(), "x".repeat(200_000).into());
    let id = c.enqueue(&asked);
    c.dispatch().start_of(&id);
    let offer = c.take(&id, "i").expect("taken");
    let mut report = Finish { description: None, ..success(&offer) };
    let metrics: Vec<_> = (0..40_000).map(|n| (format!("metric_{n:06}"), serde_json::json!(n))).collect();
    report.result.as_mut().expect("a result").metrics = metrics.into_iter().collect();
    assert!(json_of(&report).len() < 1024 * 1024, "the report itself is allowed");
    c.kill();
    leave(&c, &id, &json_of(&report));
    c.start();
    let item = c.show(&id);
    assert_eq!((item.status, item.result.as_deref()), (WorkStatus::Failed, Some("result-too-large")), "{item:?}");
}

#[test]
fn a_report_says_neither_who_it_is_nor_when_it_ends() {
    let mut c = Coordinator::new();
    let mut master = c.dispatch();
    let (nameless, far) = (c.enqueue(&work(JobType::Selfplay)), c.enqueue(&work(JobType::Export)));
    master.start_of(&nameless);
    master.start_of(&far);
    let (one, two) = (c.take(&nameless, "i1").expect("taken"), c.take(&far, "i2").expect("taken"));
    c.kill();
    leave(&c, &nameless, &json_of(&Finish { token: None, finished_us: Wall::of_us(i64::MAX), ..success(&one) }));
    leave(&c, &far, &json_of(&Finish { finished_us: Wall::of_us(i64::MAX), ..success(&two) }));
    c.start();
    assert_eq!(c.show(&nameless).status, WorkStatus::Running, "whose attempt it is, it does not say");
    assert_eq!(c.show(&far).status, WorkStatus::Completed);
    let events = until(|| c.router.events(), |events| events.iter().any(|e| e.kind == "work_completed"));
    let ended = events.into_iter().find(|e| e.kind == "work_completed").expect("its end");
    assert!(ended.payload["duration_seconds"].as_f64().is_some_and(|s| s < 60.0), "{ended:?}");
}

/// A job may put anything under the report's name, and may lose its directory: that its unit is gone is enough.
#[test]
fn what_is_no_report_of_the_job_ends_its_attempt_as_gone() {
    let c = Coordinator::new();
    let mut master = c.dispatch();
    let other = c.enqueue(&work(JobType::Export));
    master.start_of(&other);
    let others = c.take(&other, "other").expect("taken");
    type Make<'a> = (&'a str, &'a dyn Fn(&JobId));
    let at = |id: &JobId| c.path("jobs").join(id.as_str()).join(REPORT);
    let cases: [Make<'_>; 5] = [
        ("a folder", &|id| std::fs::create_dir(at(id)).expect("made")),
        ("a FIFO", &|id| nix::unistd::mkfifo(&at(id), nix::sys::stat::Mode::from_bits_truncate(0o600)).expect("made")),
        ("a link", &|id| std::os::unix::fs::symlink("/etc/hostname", at(id)).expect("linked")),
        ("about another job", &|id| leave(&c, id, &json_of(&success(&others)))),
        ("no folder", &|id| std::fs::remove_dir_all(c.path("jobs").join(id.as_str())).expect("removed")),
    ];
    for (what, make) in cases {
        let id = c.enqueue(&NewWork { max_attempts: 1, ..work(JobType::Selfplay) });
        let order = master.start_of(&id);
        c.take(&id, "i").expect("taken");
        std::fs::create_dir_all(c.path("jobs").join(id.as_str())).expect("the job's folder");
        make(&id);
        assert!(c.report(&order, ReportOutcome::Gone), "{what}");
        let item = c.show(&id);
        assert_eq!((item.status, item.result.as_deref()), (WorkStatus::Failed, Some("gone")), "{what}: {item:?}");
    }
    assert_eq!(c.show(&other).status, WorkStatus::Running, "nobody speaks for another");
}

#[test]
fn a_unit_that_is_gone_without_a_result_is_a_failed_try() {
    let c = Coordinator::new();
    let mut master = c.dispatch();
    let id = c.enqueue(&work(JobType::Selfplay));
    let order = master.start_of(&id);
    let offer = c.take(&id, "i").expect("taken");
    assert!(c.report(&order, ReportOutcome::Gone));
    let item = c.show(&id);
    assert_eq!(item.result.as_deref(), Some("gone"), "{item:?}");
    assert!(!c.finish(&success(&offer)), "too late");
    master.start_of(&id);
}

#[test]
fn sigterm_drains_and_status_json_tells() {
    let mut c = Coordinator::new();
    c.enqueue(&work(JobType::Export));
    let read = || std::fs::read(c.path("status.json")).ok().and_then(|b| serde_json::from_slice::<StatusFile>(&b).ok());
    let file = until(read, |f| f.as_ref().is_some_and(|f| f.snapshot["queue"]["pending"] == 1)).expect("a file");
    assert_eq!((file.daemon.as_str(), file.state), ("COORDINATOR", State::Running));
    // That nothing is granted is said, and is no fault of the coordinator's.
    assert_eq!(file.health.status, HealthStatus::Healthy, "{}", file.health.message);
    assert!(file.health.message.contains("the master is not connected yet"), "{}", file.health.message);
    let status: CoordinatorStatus = serde_json::from_value(file.snapshot).expect("a status");
    let waiting = status.conditions.waiting.first().expect("the export waits");
    assert_eq!((waiting.work_type, waiting.codes.first()), (JobType::Export, Some(&ReasonCode::NoMaster)));
    assert!((now_us() - file.time_us).abs() < 30_000_000);
    assert_eq!(c.terminate(), Some(0));
    let last: StatusFile = serde_json::from_slice(&std::fs::read(c.path("status.json")).expect("there")).expect("JSON");
    assert_eq!(last.state, State::Stopped);
}

#[test]
fn a_reload_takes_a_good_configuration_and_keeps_the_old_over_a_bad_one() {
    let mut c = Coordinator::new();
    let allowed = |c: &Coordinator| {
        c.call::<CanSpawn>("CanSpawn", &serde_json::json!({"task_type": "export"})).expect("answered").allowed
    };
    let hang_up = |c: &Coordinator| {
        let pid = nix::unistd::Pid::from_raw(c.pid() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGHUP).expect("told");
    };
    std::fs::write(c.path("unified_loop.yaml"), "node_id: n1\nlimits: {export: {per_node: 0}}\n").expect("written");
    hang_up(&c);
    until(|| allowed(&c), |a| !a);
    std::fs::write(c.path("unified_loop.yaml"), "node_id: n1\nlimmits: {}\n").expect("written");
    hang_up(&c);
    let read = || std::fs::read_to_string(c.path("status.json")).unwrap_or_default();
    until(read, |text| text.contains("the previous one stays"));
    assert!(!allowed(&c));
    c.kill();
    c.reconfigure("limmits: {}\n");
    let code = std::process::Command::new(env!("CARGO_BIN_EXE_ringrift-coordinator"))
        .args(["--socket", "/nonexistent/c", "--job-socket", "/nonexistent/j", "--state"])
        .arg(c.dir.path())
        .env("RINGRIFT_ETC", c.dir.path())
        .status()
        .expect("ran")
        .code();
    assert_eq!(code, Some(78), "a bad configuration is no restart loop");
}

#[test]
fn a_broken_frame_is_answered_and_the_interface_describes_itself() {
    let c = Coordinator::new();
    let mut client = c.client();
    let described: serde_json::Value = client
        .call(
            "org.varlink.service.GetInterfaceDescription",
            &serde_json::json!({"interface": "org.ringrift.Coordinator"}),
        )
        .expect("described");
    assert!(described["description"].as_str().is_some_and(|d| d.contains("method Enqueue")));
    let error = client
        .call::<serde_json::Value>("org.ringrift.Coordinator.Nothing", &serde_json::json!({}))
        .expect_err("unknown");
    assert!(error.is(errors::METHOD_NOT_FOUND), "{error}");
    let error = c.call::<serde_json::Value>("Dispatch", &Dispatch { node: node() }).expect_err("no more");
    assert!(error.is(errors::INVALID_PARAMETER), "{error}");
}
