//! A wish that another one overtakes while systemd is still at the first.
use super::*;

#[test]
fn a_daemon_that_is_wanted_again_while_it_stops_is_started_when_it_has_stopped() {
    run(async {
        let mut bench = Bench::up(Profile::Standalone).await;
        let all = bench.active();
        *bench.systemd.slow.borrow_mut() = Some(Vec::new());
        bench.ask(ChangeRequest::Apply(Profile::Selfplay)).await.expect("a plan");
        bench.ask(ChangeRequest::Apply(Profile::Standalone)).await.expect("a plan");
        bench.settle().await;
        let stops = bench.systemd.slow.borrow_mut().take().expect("stops under way");
        assert!(!stops.is_empty());
        for (unit, _) in &stops {
            bench.systemd.set(unit, "inactive");
        }
        // Seen down before systemd says that its stop is over.
        bench.settle().await;
        for (_, ended) in stops {
            ended.send("done".into()).expect("somebody waits");
        }
        bench.settle().await;
        assert_eq!(bench.active(), all);
        assert!(bench.engine.world().outside.is_empty(), "{:?}", bench.engine.world().outside);
    });
}
