//! Orders of the coordinator's, and a configuration that changes.
use super::*;
use crate::contract::cpus::CpuList;

#[test]
fn an_order_becomes_a_limited_unit_and_its_end_is_reported() {
    run(async {
        let mut bench = Bench::up(Profile::Minimal).await;
        bench.systemd.take();
        let order = Order {
            kind: OrderKind::Start,
            job_id: JobId::new("a-1").expect("an id"),
            job_type: JobType::Training,
            token: FencingToken(3),
            runtime_max_seconds: Some(60),
            memory_max: Some(1 << 20),
            tasks_max: Some(64),
            cpus: Some(CpuList::try_from("0-1".to_owned()).expect("a list")),
        };
        bench.engine.note(Note::Coordinator(FromCoordinator::Order(order.clone()))).await;
        bench.settle().await;
        let unit = "ringrift-job-training@a-1.service";
        assert_eq!(
            bench.systemd.take(),
            [format!("limit {unit} Some(1048576) Some(64) Some(CpuList([0, 1]))"), format!("start {unit}")]
        );
        assert_eq!(bench.reports.try_recv().expect("a report").outcome, ReportOutcome::Started);
        assert_eq!(bench.engine.world().jobs.len(), 1);
        bench.systemd.units.borrow_mut().remove(unit);
        bench.engine.changed(Change::Unit(unit.into()));
        bench.settle().await;
        let report = bench.reports.try_recv().expect("a report");
        assert_eq!((report.outcome, report.token), (ReportOutcome::Gone, FencingToken(3)));
        assert!(bench.engine.world().jobs.is_empty());
        bench.systemd.take();
        *bench.systemd.stopping.borrow_mut() = true;
        bench.engine.note(Note::Coordinator(FromCoordinator::Order(Order { token: FencingToken(4), ..order }))).await;
        bench.settle().await;
        assert!(bench.engine.world().jobs.is_empty(), "the order waits at the coordinator for the next master");
        assert!(bench.reports.try_recv().is_err(), "and is no failed try");
    });
}

#[test]
fn a_start_behind_the_stop_of_its_slice_is_tried_again_until_an_order_stops_it() {
    run(async {
        let mut bench = Bench::up(Profile::Minimal).await;
        let order = |kind, token| Order {
            kind,
            job_id: JobId::new("a-1").expect("an id"),
            job_type: JobType::Training,
            token: FencingToken(token),
            runtime_max_seconds: Some(60),
            memory_max: None,
            tasks_max: None,
            cpus: None,
        };
        // As right after an emergency halt that is cleared at once.
        bench.systemd.contradicts.set(3);
        bench.engine.note(Note::Coordinator(FromCoordinator::Order(order(OrderKind::Start, 3)))).await;
        let deadline = Instant::now() + Duration::from_secs(30);
        let report = loop {
            bench.settle().await;
            match bench.reports.try_recv() {
                Ok(report) => break report,
                Err(_) => assert!(Instant::now() < deadline, "{:?}", bench.systemd.asked.borrow()),
            }
        };
        assert_eq!((report.outcome, report.token), (ReportOutcome::Started, FencingToken(3)));
        bench
            .engine
            .note(Note::JobAgain {
                unit: "ringrift-job-training@a-1.service".into(),
                token: FencingToken(3),
                limits: UnitLimits::default(),
            })
            .await;
        bench.systemd.take();
        bench.settle().await;
        assert_eq!(bench.systemd.take(), [""; 0], "it runs");
    });
}

#[test]
fn a_configuration_that_keeps_a_daemon_out_stops_it_and_lets_it_in_again() {
    run(async {
        let mut bench = Bench::up(Profile::Standalone).await;
        bench.engine.load = Box::new(|| {
            let mut config = Config::default();
            config.daemons.of_mut(DaemonType::Evaluation).enabled = false;
            Ok(config)
        });
        bench.ask(ChangeRequest::Reload).await.expect("reloads");
        assert_eq!(bench.state(DaemonType::Evaluation), (State::Stopped, "daemons.evaluation.enabled: false".into()));
        bench.engine.load = Box::new(|| Ok(Config::default()));
        bench.ask(ChangeRequest::Reload).await.expect("reloads");
        assert_eq!(bench.state(DaemonType::Evaluation).0, State::Running);
        bench.engine.load = Box::new(|| Err("unified_loop.yaml:3: x".into()));
        let refused = bench.ask(ChangeRequest::Reload).await.expect_err("a bad configuration");
        assert!(matches!(&refused, Error::InvalidConfig(why) if why.contains("unified_loop.yaml:3")), "{refused:?}");
    });
}

#[test]
fn reloads_that_come_while_one_is_under_way_are_one_more() {
    run(async {
        let mut bench = Bench::up(Profile::Standalone).await;
        // Ours is up: systemd carries the reload out.
        bench.systemd.set(OWN_UNIT, "active");
        bench.settle().await;
        bench.systemd.take();
        let mut waiting = Vec::new();
        for _ in 0..30 {
            let (reply, answer) = oneshot::channel();
            bench.engine.call(Call { ask: ChangeRequest::Reload, who: "ann".into(), reply }).await;
            waiting.push(answer);
        }
        for _ in 0..2 {
            bench.engine.reload_and_answer().await.expect("reloaded");
        }
        for answer in waiting {
            answer.await.expect("an answer").expect("reloaded");
        }
        assert_eq!(bench.systemd.take().iter().filter(|a| *a == "reload ringrift-master.service").count(), 2);
    });
}
