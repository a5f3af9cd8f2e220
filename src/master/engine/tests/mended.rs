//! What lies in the folder of the sockets and is not as declared.
use super::*;

#[test]
fn what_lies_in_the_run_folder_and_is_not_as_declared_is_mended() {
    run(async {
        let mut bench = Bench::new(Profile::Minimal);
        bench.systemd.set("ringrift-job.socket", "active");
        bench.registered().await;
        bench.settle().await;
        bench.systemd.take();
        let at = |n: usize| bench.dir.path().join("run").join(SOCKETS[n].file());
        std::fs::remove_file(at(0)).expect("removed");
        std::fs::remove_file(at(1)).expect("removed");
        std::fs::create_dir(at(1)).expect("made");
        std::fs::set_permissions(at(2), std::os::unix::fs::PermissionsExt::from_mode(0o000)).expect("set");
        std::fs::rename(at(3), bench.dir.path().join("kept")).expect("moved");
        drop(std::os::unix::net::UnixListener::bind(at(3)).expect("a socket"));
        bench.settle().await;
        let asked = bench.systemd.take();
        for socket in SOCKETS {
            assert!(asked.contains(&format!("restart {}", socket.unit)), "{}: {asked:?}", socket.unit);
        }
        assert!(
            !asked.iter().any(|a| a.starts_with("stop")),
            "a stop would leave those down who require it: {asked:?}"
        );
    });
}

#[test]
fn a_mode_that_a_drop_in_sets_is_the_one_that_is_wanted() {
    run(async {
        let mut bench = Bench::new(Profile::Minimal);
        bench.registered().await;
        bench.systemd.units.borrow_mut().get_mut(SOCKETS[0].unit).expect("there").socket_mode = Some(0o600);
        bench.engine.dirty.insert(SOCKETS[0].unit.into());
        let file = bench.dir.path().join("run").join(SOCKETS[0].file());
        let mode =
            |mode| std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("set");
        let restarts = |bench: &Bench| {
            bench.systemd.take().into_iter().filter(|a| *a == format!("restart {}", SOCKETS[0].unit)).count()
        };
        mode(0o600);
        bench.settle().await;
        bench.systemd.take();
        for _ in 0..2 {
            bench.engine.hub_retried.clear();
            mode(0o000);
            bench.settle().await;
            assert_eq!(restarts(&bench), 1, "every time");
            mode(0o600);
            bench.settle().await;
            assert_eq!(restarts(&bench), 0, "as the unit has it");
        }
    });
}

#[test]
fn a_service_that_runs_without_its_socket_is_restarted() {
    run(async {
        let mut bench = Bench::new(Profile::Minimal);
        bench.registered().await;
        bench.systemd.set("ringrift-coordinator.service", "active");
        bench.systemd.set("ringrift-coordinator.socket", "inactive");
        bench.systemd.units.borrow_mut().get_mut("ringrift-coordinator.socket").expect("there").since_us = Some(1);
        bench.settle().await;
        let asked: Vec<String> =
            bench.systemd.take().into_iter().filter(|a| a.contains("coordinator") && !a.starts_with("reset")).collect();
        let wanted = ["restart ringrift-coordinator.service"];
        assert_eq!(asked, wanted);
    });
}
