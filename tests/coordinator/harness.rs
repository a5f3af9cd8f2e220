//! A coordinator in a directory of its own, and clients for it.
use crate::router::Router;
use ringrift::contract::coordinator::{
    Accepted, Counted, Dispatch, Enqueued, LeaseList, Listed, NewWork, Order, OrderKind, Report, ReportOutcome, Show,
    Shown, WorkItem, WorkSelection,
};
use ringrift::contract::ids::{ConfigKey, JobId, NodeId};
use ringrift::contract::job::{Finish, Finished, Offer, Renew, Take};
use ringrift::contract::wire::CallError;
use ringrift::contract::workload::JobType;
use ringrift::platform::clock::now;
use ringrift::platform::varlink::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

pub const PATIENCE: Option<Duration> = Some(Duration::from_secs(20));

/// A coordinator process; killed with the value.
pub struct Coordinator {
    pub dir: TempDir,
    pub router: Router,
    child: Option<Child>,
    config: String,
}

/// Thresholds that the machine of a test does not reach: how full and busy it is has nothing to do with the test.
pub const QUIET: &str = "safeguards: {disk: {warning: 99.0, critical: 100.0}, memory: {warning: 99.0, critical: 100.0}, \
                          cpu: {warning: 99.0, critical: 100.0}, load_per_cpu: 1000.0, memory_stall: {warning: 99.0, critical: 100.0}}\n";
/// Rates that are no hindrance.
pub const FAST: &str = "admission: {per_minute: 1000000, selfplay_per_minute: 1000000, burst: 1000, cooldown_ms: 0, window_starts: 1000000}\n";
/// Limits that are none.
const ROOMY: &str = "limits: {retry_base_seconds: 1, selfplay_per_core: 4.0}\n";

impl Coordinator {
    /// With the usual configuration and a router.
    pub fn new() -> Coordinator {
        Coordinator::with(&format!("{QUIET}{FAST}{ROOMY}"))
    }
    /// With a configuration, and a router.
    pub fn with(config: &str) -> Coordinator {
        let mut coordinator = Coordinator::without_router(config);
        coordinator.router.listen(&coordinator.path("router.sock"));
        coordinator.start();
        coordinator
    }
    /// Not started, and no router listens.
    pub fn without_router(config: &str) -> Coordinator {
        let dir = tempfile::tempdir().expect("a directory");
        Coordinator { dir, router: Router::default(), child: None, config: format!("node_id: n1\n{config}") }
    }
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    /// Runs jobs of these types by a shell script.
    pub fn scripted(script: &str) -> Coordinator {
        let quoted = serde_json::to_string(script).expect("text");
        Coordinator::with(&format!(
            "{QUIET}{FAST}{ROOMY}workload: {{selfplay: {{command: [/bin/sh, -c, {quoted}], params: {{games: 3}}}}}}\n"
        ))
    }

    /// Starts the process and waits until it says READY=1.
    pub fn start(&mut self) {
        std::fs::write(self.path("unified_loop.yaml"), &self.config).expect("the configuration");
        let notify = self.path("notify.sock");
        let _ = std::fs::remove_file(&notify);
        let socket = UnixDatagram::bind(&notify).expect("a notify socket");
        socket.set_read_timeout(PATIENCE).expect("a timeout");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringrift-coordinator"));
        command
            .env("NOTIFY_SOCKET", &notify)
            .env("RINGRIFT_ETC", self.dir.path())
            .env("RINGRIFT_SHARE", self.dir.path())
            .env_remove("STATE_DIRECTORY")
            .env_remove("RUNTIME_DIRECTORY")
            .stdin(Stdio::null());
        for (option, name) in [("--socket", "c.sock"), ("--job-socket", "job.sock"), ("--router", "router.sock")] {
            command.arg(option).arg(self.path(name));
        }
        // Neither the system's flag nor its bus has anything to do with the test.
        command
            .arg("--flag")
            .arg(self.path("EMERGENCY_HALT"))
            .arg("--bus")
            .arg(format!("unix:path={}", self.path("no-bus").display()));
        command
            .arg("--jobs")
            .arg(self.path("jobs"))
            .arg("--state")
            .arg(self.dir.path())
            .arg("--runtime")
            .arg(self.dir.path());
        self.child = Some(command.spawn().expect("the coordinator starts"));
        let mut buffer = [0; 4096];
        loop {
            let n = socket.recv(&mut buffer).expect("the coordinator becomes ready");
            if buffer[..n].windows(7).any(|w| w == b"READY=1") {
                return;
            }
        }
    }
    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("reaped");
        }
    }
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }
    /// SIGTERM; the exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("it runs");
        let pid = nix::unistd::Pid::from_raw(child.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("told");
        child.wait().expect("reaped").code()
    }
    pub fn reconfigure(&mut self, config: &str) {
        self.config = format!("node_id: n1\n{config}");
    }

    pub fn client(&self) -> Client {
        Client::connect(self.path("c.sock"), PATIENCE).expect("the coordinator's socket")
    }
    pub fn jobs(&self) -> Client {
        Client::connect(self.path("job.sock"), PATIENCE).expect("the jobs' socket")
    }
    /// One call on a connection of its own.
    pub fn call<R: DeserializeOwned>(&self, method: &str, parameters: &impl Serialize) -> Result<R, CallError> {
        self.client().call(&format!("org.ringrift.Coordinator.{method}"), parameters)
    }
    pub fn enqueue(&self, work: &NewWork) -> JobId {
        self.call::<Enqueued>("Enqueue", work).expect("enqueued").work_id
    }
    pub fn show(&self, id: &JobId) -> WorkItem {
        self.call::<Shown>("Show", &Show { work_id: id.clone() }).expect("shown").item
    }
    /// Every job that fits; Count knows of as many.
    pub fn list(&self, which: &WorkSelection) -> Vec<WorkItem> {
        let all = which.all(|page| self.call::<Listed>("List", page)).expect("listed");
        assert_eq!(self.call::<Counted>("Count", which).expect("counted").jobs, all.len() as u64);
        all
    }
    pub fn leases(&self) -> LeaseList {
        self.call("Leases", &json!({})).expect("leases")
    }
    /// A master that takes orders.
    pub fn dispatch(&self) -> Master {
        let mut client = self.client();
        client.start("org.ringrift.Coordinator.Dispatch", &Dispatch { node: node() }).expect("dispatch");
        Master(client)
    }
    pub fn report(&self, order: &Order, outcome: ReportOutcome) -> bool {
        let report = Report { job_id: order.job_id.clone(), token: order.token, outcome, detail: String::new() };
        self.call::<Accepted>("Report", &report).expect("reported").accepted
    }
    pub fn take(&self, id: &JobId, invocation: &str) -> Result<Offer, CallError> {
        self.jobs().call("org.ringrift.Job.Take", &Take { job_id: id.clone(), invocation_id: invocation.into() })
    }
    pub fn renew(&self, renew: &Renew) -> Result<serde_json::Value, CallError> {
        self.jobs().call("org.ringrift.Job.Renew", renew)
    }
    pub fn finish(&self, finish: &Finish) -> bool {
        self.jobs().call::<Finished>("org.ringrift.Job.Finish", finish).expect("finished").accepted
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A connection that takes orders.
pub struct Master(pub Client);

impl Master {
    pub fn order(&mut self) -> Order {
        self.0.receive("Dispatch").expect("an order").0
    }
    /// The next order, which is to start this job.
    pub fn start_of(&mut self, id: &JobId) -> Order {
        let order = self.order();
        assert_eq!((order.kind, &order.job_id), (OrderKind::Start, id));
        order
    }
    /// Whether nothing comes within a moment.
    pub fn is_quiet(&mut self) -> bool {
        self.0.set_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        let quiet = self.0.receive::<Order>("Dispatch").is_err_and(|e| e.is_transport());
        self.0.set_timeout(PATIENCE).expect("a timeout");
        quiet
    }
}

pub fn node() -> NodeId {
    NodeId::new("n1").expect("a node")
}

pub fn work(kind: JobType) -> NewWork {
    NewWork::new(kind, ConfigKey::new("square8_2p").expect("a key"))
}

/// A report of success without artefacts.
pub fn success(offer: &Offer) -> Finish {
    let result = serde_json::from_value(json!({"schema": 1, "artefacts": [], "metrics": {"games_completed": 3}}))
        .expect("a result");
    Finish { result: Some(result), ..ended(&offer.description.job_id, Some(offer), "success", "0") }
}

/// A report of an end.
pub fn ended(id: &JobId, offer: Option<&Offer>, service_result: &str, exit_status: &str) -> Finish {
    Finish {
        job_id: id.clone(),
        token: offer.map(|o| o.token),
        invocation_id: String::new(),
        service_result: service_result.into(),
        exit_code: "exited".into(),
        exit_status: exit_status.into(),
        interrupted: false,
        cause: None,
        result: None,
        description: offer.map(|o| o.description.clone()),
        error: String::new(),
        finished_us: now(),
    }
}

/// Waits until the condition holds; a condition that never does is a failure that shows the last value.
pub fn until<T: std::fmt::Debug>(mut look: impl FnMut() -> T, fits: impl Fn(&T) -> bool) -> T {
    crate::until::until("what was expected", Duration::from_secs(20), || match look() {
        value if fits(&value) => Ok(value),
        value => Err(format!("{value:?}")),
    })
}
