//! The engine against a systemd of memory: reconciliation, holds, hubs, calls and job orders, without a bus.
use super::super::calls::{Call, ChangeRequest};
use super::super::link::FromCoordinator;
use super::*;
use crate::contract::coordinator::{Order, OrderKind, ReportOutcome};
use crate::contract::health::StatusFile;
use crate::contract::ids::JobId;
use crate::contract::registry::Profile;
use crate::contract::sockets::SOCKETS;
use crate::contract::workload::JobType;
use crate::platform::clock::{now, now_us};
use crate::platform::store::Keep;
use crate::platform::systemd::{Queued, UnitLimits};
use std::cell::{Cell, RefCell};

mod mended;
mod orders;
mod overtaken;

/// A unit whose stop is under way, and who waits for its end.
type Stopping = (String, oneshot::Sender<String>);

/// A systemd whose jobs end at once, as the test says.
#[derive(Default)]
struct Memory {
    units: RefCell<BTreeMap<String, UnitView>>,
    asked: RefCell<Vec<String>>,
    /// Units whose start ends so instead of with "done".
    refuse: RefCell<BTreeMap<String, &'static str>>,
    stopping: RefCell<bool>,
    /// So many starts contradict the stop of their slice.
    contradicts: Cell<u32>,
    /// Stops that have not ended yet, where the test wants them so.
    slow: RefCell<Option<Vec<Stopping>>>,
}

impl Memory {
    fn set(&self, unit: &str, active: &str) {
        let mut units = self.units.borrow_mut();
        let view =
            units.entry(unit.to_owned()).or_insert_with(|| UnitView { name: unit.into(), ..UnitView::default() });
        view.load_state = "loaded".into();
        view.active_state = active.into();
        view.since_us = (active != "inactive" || view.since_us.is_some()).then(now_us);
    }
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.borrow_mut())
    }
    fn job(&self, verb: &str, unit: &str, end: &str) -> Queued {
        self.asked.borrow_mut().push(format!("{verb} {unit}"));
        let word = self.refuse.borrow().get(unit).copied().filter(|_| verb != "stop").unwrap_or("done");
        if word == "done" {
            self.set(unit, end);
        }
        let (sender, receiver) = oneshot::channel();
        if let Some(slow) = self.slow.borrow_mut().as_mut().filter(|_| verb == "stop") {
            self.set(unit, "active");
            slow.push((unit.to_owned(), sender));
            return Queued::new(receiver);
        }
        sender.send(word.to_owned()).expect("the receiver is here");
        Queued::new(receiver)
    }
}

impl ServiceManager for Memory {
    async fn list(&self, patterns: &[&str]) -> Result<Vec<UnitView>, ServiceError> {
        let units = self.units.borrow();
        let wanted = |u: &&UnitView| {
            patterns.iter().any(|p| *p == u.name || (*p == JOB_UNITS && JobType::of_unit(&u.name).is_some()))
        };
        Ok(units.values().filter(wanted).cloned().collect())
    }
    async fn start(&self, unit: &str) -> Result<Queued, ServiceError> {
        Ok(self.job("start", unit, "active"))
    }
    async fn start_if_free(&self, unit: &str) -> Result<Queued, ServiceError> {
        let left = self.contradicts.get();
        self.contradicts.set(left.saturating_sub(1));
        match *self.stopping.borrow() || left > 0 {
            true => {
                Err(ServiceError::Conflict { operation: "starting", unit: unit.into(), why: "a stop is queued".into() })
            }
            false => self.start(unit).await,
        }
    }
    async fn stop(&self, unit: &str) -> Result<Queued, ServiceError> {
        Ok(self.job("stop", unit, "inactive"))
    }
    async fn restart(&self, unit: &str) -> Result<Queued, ServiceError> {
        Ok(self.job("restart", unit, "active"))
    }
    async fn reload(&self, unit: &str) -> Result<Queued, ServiceError> {
        Ok(self.job("reload", unit, "active"))
    }
    async fn kill(&self, unit: &str) -> Result<(), ServiceError> {
        self.asked.borrow_mut().push(format!("kill {unit}"));
        Ok(())
    }
    async fn reset_failed(&self, unit: &str) -> Result<(), ServiceError> {
        self.asked.borrow_mut().push(format!("reset {unit}"));
        if self.units.borrow().get(unit).is_some_and(|u| u.active_state == "failed") {
            self.set(unit, "inactive");
        }
        Ok(())
    }
    async fn set_limits(&self, unit: &str, limits: &UnitLimits) -> Result<(), ServiceError> {
        self.asked
            .borrow_mut()
            .push(format!("limit {unit} {:?} {:?} {:?}", limits.memory_max, limits.tasks_max, limits.cpus));
        Ok(())
    }
    async fn is_stopping(&self, _unit: &str) -> Result<bool, ServiceError> {
        Ok(*self.stopping.borrow())
    }
    async fn version(&self) -> Result<u32, ServiceError> {
        Ok(252)
    }
}

struct Bench {
    engine: Engine<Memory>,
    systemd: Rc<Memory>,
    noted: mpsc::UnboundedReceiver<Note>,
    told: mpsc::UnboundedReceiver<Signal>,
    reports: std::sync::mpsc::Receiver<Report>,
    dir: tempfile::TempDir,
}

impl Bench {
    fn new(profile: Profile) -> Bench {
        let dir = tempfile::tempdir().expect("a directory");
        let settings = Settings::below(dir.path());
        for made in [&settings.state, &settings.run, &settings.control()] {
            std::fs::create_dir_all(made).expect("makes a directory");
        }
        let systemd = Rc::new(Memory::default());
        for spec in built() {
            systemd.set(&spec.daemon.unit(), "inactive");
        }
        for (hub, _) in HUBS {
            systemd.set(hub.socket_unit(), "active");
        }
        for socket in SOCKETS {
            let path = settings.run.join(socket.file());
            drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
            let mode = std::os::unix::fs::PermissionsExt::from_mode(socket.mode);
            std::fs::set_permissions(&path, mode).expect("set");
        }
        let (notes, noted) = mpsc::unbounded_channel();
        let (signals, told) = mpsc::unbounded_channel();
        let (to_coordinator, reports) = std::sync::mpsc::channel();
        let parts = Parts {
            services: systemd.clone(),
            node: NodeId::new("n1").expect("an id"),
            load: Box::new(|| Ok(Config::default())),
            store: Store::open(&settings.database(), Keep::NONE).expect("a database"),
            world: Arc::new(Mutex::new(World::new(Config::default(), profile, settings.run.clone()))),
            settings,
            notes,
            signals,
            reports: to_coordinator,
        };
        Bench { engine: Engine::new(parts).expect("an engine"), systemd, noted, told, reports, dir }
    }

    /// Turns until nothing more comes of it.
    async fn settle(&mut self) {
        for _ in 0..6 {
            self.engine.look_at_all();
            self.engine.turn().await.expect("systemd answers");
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
            while let Ok(note) = self.noted.try_recv() {
                // Registration is the test's: the socket of the router is not there.
                if !matches!(note, Note::Registered(Err(_))) {
                    self.engine.note(note).await;
                }
            }
        }
    }

    /// Registered, and everything of the profile started.
    async fn up(profile: Profile) -> Bench {
        let mut bench = Bench::new(profile);
        bench.registered().await;
        bench.settle().await;
        bench
    }

    async fn registered(&mut self) {
        self.engine.following_orders = true;
        self.engine.note(Note::Registered(Ok(1))).await;
    }

    async fn ask(&mut self, ask: ChangeRequest) -> Result<Answer, Error> {
        let (reply, answer) = oneshot::channel();
        self.engine.call(Call { ask, who: "ann".into(), reply }).await;
        self.settle().await;
        answer.await.expect("an answer")
    }

    fn active(&self) -> usize {
        let units = self.systemd.units.borrow();
        built().filter(|s| units[&s.daemon.unit()].active_state == "active").count()
    }

    fn state(&self, daemon: DaemonType) -> (State, String) {
        let world = self.engine.world();
        let row = world.row(daemon, world.desired().contains(&daemon), now());
        (row.found.state, row.found.reason)
    }
}

/// Runs one test where tasks of the loop's own thread can run.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, test);
}

#[test]
fn who_causes_events_starts_when_the_subscriptions_stand() {
    run(async {
        let mut bench = Bench::new(Profile::Standalone);
        bench.settle().await;
        let early = bench.systemd.take();
        assert!(early.contains(&"start ringrift-event-router.service".to_owned()), "{early:?}");
        assert!(!early.contains(&"start ringrift-data-pipeline.service".to_owned()), "{early:?}");
        let (state, reason) = bench.state(DaemonType::DataPipeline);
        assert_eq!(state, State::Blocked);
        assert!(reason.contains("subscription"), "{reason}");
        bench.registered().await;
        bench.settle().await;
        assert_eq!(bench.active(), Profile::Standalone.built().len());
        assert_eq!(bench.state(DaemonType::DataPipeline).0, State::Running);
        bench.systemd.take();
        bench.settle().await;
        assert_eq!(bench.systemd.take(), Vec::<String>::new(), "all is as wanted");
    });
}

#[test]
fn applying_a_profile_is_a_diff_and_is_remembered() {
    run(async {
        let mut bench = Bench::up(Profile::Standalone).await;
        bench.systemd.take();
        let Ok(Answer::Plan(plan)) = bench.ask(ChangeRequest::Apply(Profile::Selfplay)).await else { panic!("a plan") };
        assert!(plan.start.is_empty() && plan.stay.len() == 4, "{plan:?}");
        assert_eq!(bench.active(), 4);
        let asked = bench.systemd.take();
        assert!(asked.iter().all(|a| a.starts_with("stop ")), "{asked:?}");
        assert_eq!(
            Store::open(&bench.engine.settings.database(), Keep::NONE).expect("opens").profile().expect("reads"),
            Some(Profile::Selfplay)
        );
        bench.ask(ChangeRequest::Apply(Profile::Standalone)).await.expect("a plan");
        assert_eq!(bench.active(), Profile::Standalone.built().len());
        let mut profiles = Vec::new();
        while let Ok(signal) = bench.told.try_recv() {
            if let Signal::Profile(name, by) = signal {
                profiles.push((name, by));
            }
        }
        assert_eq!(profiles, [("selfplay", "ann".into()), ("standalone", "ann".into())]);
    });
}

#[test]
fn a_start_by_name_brings_its_dependencies_and_not_what_a_person_stopped() {
    run(async {
        let mut bench = Bench::up(Profile::Standalone).await;
        bench.ask(ChangeRequest::Stop(vec![DaemonType::Evaluation])).await.expect("stops");
        bench.ask(ChangeRequest::Apply(Profile::Minimal)).await.expect("a plan");
        bench.settle().await;
        bench.ask(ChangeRequest::Stop(vec![DaemonType::TrainingTrigger])).await.expect("stops");
        let Ok(Answer::Outcomes(done)) = bench.ask(ChangeRequest::Start(vec![DaemonType::AutoPromotion])).await else {
            panic!("outcomes")
        };
        let names: Vec<&str> = done.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names.last(), Some(&"AUTO_PROMOTION"));
        let needs = DaemonType::AutoPromotion.spec().depends_on;
        assert!(
            needs.iter().map(|d| d.resolve()).all(|d| bench.engine.world().unit(d).is_some_and(|u| u.is_up())),
            "{names:?}"
        );
        bench.ask(ChangeRequest::Stop(vec![DaemonType::AutoPromotion, DaemonType::DataPipeline])).await.expect("stops");
        bench.ask(ChangeRequest::Apply(Profile::Standalone)).await.expect("a plan");
        bench.settle().await;
        bench.ask(ChangeRequest::Stop(vec![DaemonType::AutoPromotion, DaemonType::Evaluation])).await.expect("stops");
        bench.ask(ChangeRequest::Start(vec![DaemonType::AutoPromotion])).await.expect("starts");
        bench.settle().await;
        let up = |d| bench.engine.world().unit(d).is_some_and(|u| u.is_up());
        assert!(up(DaemonType::AutoPromotion) && !up(DaemonType::Evaluation), "a person had stopped it");
    });
}

#[test]
fn undoing_a_profile_brings_back_what_was_wanted_before_and_undone_again_the_profile() {
    run(async {
        let mut bench = Bench::up(Profile::Standalone).await;
        let refused = bench.ask(ChangeRequest::Undo).await;
        assert!(refused.is_err(), "nothing was applied yet: {refused:?}");
        bench.ask(ChangeRequest::Stop(vec![DaemonType::Evaluation])).await.expect("stops");
        let before = bench.engine.world().standing();
        bench.ask(ChangeRequest::Apply(Profile::Selfplay)).await.expect("a plan");
        bench.ask(ChangeRequest::Apply(Profile::Selfplay)).await.expect("once more");
        let Ok(Answer::Plan(plan)) = bench.ask(ChangeRequest::Undo).await else { panic!("a plan") };
        assert_eq!(plan.profile, "standalone");
        assert!(!plan.start.contains(&"EVALUATION".to_owned()), "somebody had stopped it: {plan:?}");
        bench.settle().await;
        assert_eq!(bench.engine.world().standing(), before);
        assert_eq!(bench.active(), Profile::Standalone.built().len() - 1);
        assert_eq!(bench.state(DaemonType::Evaluation), (State::Stopped, "stopped by ann".into()));
        bench.ask(ChangeRequest::Undo).await.expect("a plan");
        bench.settle().await;
        assert_eq!(bench.active(), 4, "the profile again");
    });
}

#[test]
fn what_failed_is_not_restarted_but_an_operator_may() {
    run(async {
        let mut bench = Bench::up(Profile::Standalone).await;
        bench.systemd.set("ringrift-auto-export.service", "failed");
        bench.systemd.take();
        bench.settle().await;
        assert_eq!(bench.systemd.take(), Vec::<String>::new());
        assert_eq!(bench.state(DaemonType::AutoExport).0, State::Failed);
        let health = bench.engine.world().health(now());
        assert!(!health.healthy && health.problems[0].contains("AUTO_EXPORT is FAILED"), "{health:?}");
        let text = std::fs::read(bench.dir.path().join("run/master/status.json")).expect("a status file");
        let own: StatusFile = serde_json::from_slice(&text).expect("parses");
        assert_eq!((own.daemon.as_str(), own.snapshot["profile"].as_str()), ("MASTER", Some("standalone")));
        let answer = bench.ask(ChangeRequest::Start(vec![DaemonType::AutoExport])).await;
        assert!(matches!(&answer, Ok(Answer::Outcomes(o)) if o[0].1 == "done"), "{answer:?}");
        assert_eq!(bench.systemd.take(), ["reset ringrift-auto-export.service", "start ringrift-auto-export.service"]);
        assert!(bench.engine.world().health(now()).healthy);
    });
}

#[test]
fn a_stop_by_hand_lasts_and_drifts_until_the_profile_is_applied_again() {
    run(async {
        let mut bench = Bench::up(Profile::Standalone).await;
        bench.ask(ChangeRequest::Stop(vec![DaemonType::Evaluation])).await.expect("stops");
        bench.settle().await;
        assert_eq!(bench.state(DaemonType::Evaluation), (State::Stopped, "stopped by ann".into()));
        let drift = bench.engine.world().drift(now());
        assert_eq!(drift.missing, ["EVALUATION"]);
        bench.ask(ChangeRequest::Apply(Profile::Standalone)).await.expect("applies");
        assert_eq!(bench.engine.world().drift(now()).details, Vec::<String>::new());
    });
}

#[test]
fn a_stop_past_the_master_is_left_alone_unless_the_whole_suite_stops() {
    run(async {
        let mut bench = Bench::up(Profile::Standalone).await;
        // The sockets have been up for longer than the daemons.
        for (hub, _) in HUBS {
            bench.systemd.units.borrow_mut().get_mut(hub.socket_unit()).expect("there").since_us = Some(1);
        }
        bench.systemd.take();
        *bench.systemd.stopping.borrow_mut() = true;
        bench.systemd.set("ringrift-evaluation.service", "inactive");
        bench.systemd.set("ringrift-auto-export.service", "inactive");
        bench.systemd.set("ringrift-catalog.socket", "inactive");
        bench.settle().await;
        assert!(bench.engine.world().outside.is_empty(), "the suite stops");
        assert_eq!(bench.systemd.take(), Vec::<String>::new(), "nothing is started against the stop");
        bench.systemd.set("ringrift-auto-export.service", "active");
        bench.systemd.set("ringrift-catalog.socket", "active");
        bench.systemd.units.borrow_mut().get_mut("ringrift-catalog.socket").expect("there").since_us = Some(1);
        *bench.systemd.stopping.borrow_mut() = false;
        bench.settle().await;
        assert_eq!(bench.systemd.take(), Vec::<String>::new());
        let (state, reason) = bench.state(DaemonType::Evaluation);
        assert_eq!((state, reason.as_str()), (State::Stopped, "stopped, but not by the master"));
        bench.ask(ChangeRequest::Start(vec![DaemonType::Evaluation])).await.expect("starts");
        assert_eq!(bench.state(DaemonType::Evaluation).0, State::Running);
    });
}

#[test]
fn a_start_that_ended_in_dependency_is_tried_again_and_a_failed_hub_is_brought_back_once_a_minute() {
    run(async {
        let mut bench = Bench::new(Profile::Selfplay);
        bench.registered().await;
        bench.systemd.set("ringrift-coordinator.socket", "failed");
        bench.systemd.refuse.borrow_mut().insert("ringrift-coordinator.socket".into(), "failed");
        bench.settle().await;
        let (state, reason) = bench.state(DaemonType::IdleResource);
        assert_eq!(state, State::Running, "the first reset of the hub let it in: {reason}");
        let asked = bench.systemd.take();
        let resets = asked.iter().filter(|a| *a == "reset ringrift-coordinator.socket").count();
        assert_eq!(resets, 1, "{asked:?}");
        bench.systemd.set("ringrift-idle-resource.service", "inactive");
        bench.systemd.set("ringrift-coordinator.socket", "failed");
        bench.settle().await;
        assert_eq!(bench.systemd.take(), Vec::<String>::new(), "not twice in a minute");
        let (state, reason) = bench.state(DaemonType::IdleResource);
        assert_eq!(
            (state, reason.as_str()),
            (State::Blocked, "waiting for ringrift-coordinator.socket, which has failed")
        );
        bench.systemd.set("ringrift-coordinator.socket", "active");
        bench.settle().await;
        assert_eq!(bench.state(DaemonType::IdleResource).0, State::Running, "the dependency is back");
    });
}

#[test]
fn pausing_writes_the_control_file_and_survives() {
    run(async {
        let mut bench = Bench::up(Profile::Standalone).await;
        bench.ask(ChangeRequest::Pause(DaemonType::Evaluation, "disk swap".into())).await.expect("pauses");
        let file = bench.dir.path().join("run/control/evaluation");
        let text = std::fs::read_to_string(&file).expect("a control file");
        assert!(text.contains("disk swap") && text.contains("ann"), "{text}");
        assert_eq!(bench.state(DaemonType::Evaluation), (State::Paused, "disk swap (by ann)".into()));
        bench.ask(ChangeRequest::Resume(DaemonType::Evaluation)).await.expect("resumes");
        assert!(!file.exists());
        assert_eq!(bench.state(DaemonType::Evaluation).0, State::Running);
    });
}

#[test]
fn what_ran_well_long_enough_gets_its_restarts_back_once() {
    run(async {
        let mut bench = Bench::up(Profile::Minimal).await;
        {
            let mut units = bench.systemd.units.borrow_mut();
            let unit = units.get_mut("ringrift-health-server.service").expect("there");
            (unit.restarts, unit.since_us, unit.invocation_id) =
                (Some(2), Some(now_us() - 119_000_000), Some("a".into()));
        }
        bench.systemd.take();
        bench.settle().await;
        assert_eq!(bench.systemd.take(), Vec::<String>::new());
        bench.systemd.units.borrow_mut().get_mut("ringrift-health-server.service").expect("there").since_us =
            Some(now_us() - 121_000_000);
        bench.settle().await;
        assert_eq!(bench.systemd.take(), ["reset ringrift-health-server.service"]);
    });
}
