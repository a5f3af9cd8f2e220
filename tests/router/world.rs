//! A router as a process of its own, in a directory of its own, and callers of it.
use crate::until::{end, until};
use ringrift::contract::router::calls::{Count, SubscriberList, method};
use ringrift::contract::router::{
    Ack, DeadLetterFilter, DeadLetterList, Delivery, Interest, Nack, NewEvent, Publish, PublishResult, Published,
    Start, Stats, Subscribe, SubscriberState,
};
use ringrift::contract::wire::CallError;
use ringrift::platform::varlink::Client;
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running router. Dropped, it is killed.
pub struct Router {
    pub dir: PathBuf,
    child: Child,
}

impl Router {
    /// Starts it and waits until it says READY.
    pub fn start(dir: &Path, args: &[&str]) -> Router {
        Router::start_in(dir, args, &[]).unwrap_or_else(|why| panic!("{why}"))
    }
    /// The same with more in its environment; an error says how it ended instead.
    pub fn start_in(dir: &Path, args: &[&str], environment: &[(&str, OsString)]) -> Result<Router, String> {
        let notify = dir.join("notify");
        let _ = std::fs::remove_file(&notify);
        let told = UnixDatagram::bind(&notify).expect("a notify socket");
        told.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        let mut command = command(dir, args);
        command.env("NOTIFY_SOCKET", &notify).envs(environment.iter().map(|(name, value)| (name, value)));
        let mut router = Router { dir: dir.to_owned(), child: command.spawn().expect("the router starts") };
        let (mut buffer, begun) = ([0; 4096], Instant::now());
        loop {
            let said =
                told.recv(&mut buffer).map(|n| String::from_utf8_lossy(&buffer[..n]).lines().any(|l| l == "READY=1"));
            match said {
                Ok(true) => return Ok(router),
                Ok(false) => {}
                Err(error) => {
                    let ended = router.child.try_wait().expect("its state");
                    if ended.is_some() || begun.elapsed() > PATIENCE {
                        return Err(format!("no READY from the router: {error}; it ended with {ended:?}"));
                    }
                }
            }
        }
    }
    /// Kills it as a power cut would, but for the page cache.
    pub fn kill(&mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("its end");
    }
    /// SIGTERM, then its end.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        end("the router", PATIENCE, &mut self.child)
    }
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"));
        nix::sys::signal::kill(pid, signal).expect("a signal");
    }
    /// A value of /proc/PID/status in KiB.
    pub fn memory(&self, name: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = text.lines().find(|l| l.starts_with(name)).expect("the value");
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
    }
    pub fn caller(&self) -> Caller {
        Caller::connect(&self.dir).expect("the router answers")
    }
    pub fn status_file(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.dir.join("run/status.json")).expect("status.json")).expect("JSON")
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with its directories below `dir`.
pub fn command(dir: &Path, args: &[&str]) -> Command {
    for name in ["state", "run", "etc", "share"] {
        std::fs::create_dir_all(dir.join(name)).expect("a directory");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringrift-event-router"));
    command.args(["--node", "n1", "--socket"]).arg(dir.join("socket")).args(args);
    command.env("STATE_DIRECTORY", dir.join("state")).env("RUNTIME_DIRECTORY", dir.join("run"));
    // As on a systemd that delays restarts itself.
    command.env("RINGRIFT_BACKOFF", "systemd");
    command.env("RINGRIFT_ETC", dir.join("etc")).env("RINGRIFT_SHARE", dir.join("share"));
    command
        .stderr(Stdio::from(std::fs::File::options().create(true).append(true).open(dir.join("log")).expect("a log")));
    command
}

/// A connection.
pub struct Caller(pub Client);

impl Caller {
    pub fn connect(dir: &Path) -> Result<Caller, CallError> {
        Client::connect(dir.join("socket"), Some(PATIENCE)).map(Caller)
    }
    pub fn publish(&mut self, events: Vec<NewEvent>) -> Result<Vec<Published>, CallError> {
        self.0.call::<PublishResult>(method::PUBLISH, &Publish { events }).map(|r| r.results)
    }
    pub fn register(&mut self, name: &str, start: Start) {
        let _: Map<String, Value> =
            self.0.call(method::REGISTER, &json!({"subscriptions": [subscribe(name, start, 64)]})).expect("registered");
    }
    pub fn ack(&mut self, name: &str, token: &str, seqs: &[u64]) -> Result<(), CallError> {
        let ack = Ack { name: name.parse().expect("a name"), token: token.into(), seqs: seqs.to_vec() };
        self.0.call::<Map<String, Value>>(method::ACK, &ack).map(|_| ())
    }
    pub fn nack(
        &mut self,
        name: &str,
        token: &str,
        seq: u64,
        delay_ms: Option<u64>,
        dead: bool,
    ) -> Result<(), CallError> {
        let nack = Nack {
            name: name.parse().expect("a name"),
            token: token.into(),
            seq,
            reason: "it broke".into(),
            delay_ms,
            dead,
        };
        self.0.call::<Map<String, Value>>(method::NACK, &nack).map(|_| ())
    }
    pub fn stats(&mut self) -> Stats {
        self.0.call(method::STATS, &json!({})).expect("figures")
    }
    pub fn subscriber(&mut self, name: &str) -> Option<SubscriberState> {
        let list: SubscriberList = self.0.call(method::SUBSCRIBERS, &json!({})).ok()?;
        list.subscribers.into_iter().find(|s| s.name.as_str() == name)
    }
    /// Waits until a subscription is as wanted.
    pub fn subscriber_when(&mut self, name: &str, wanted: impl Fn(&SubscriberState) -> bool) -> SubscriberState {
        until(name, PATIENCE, || match self.subscriber(name) {
            Some(state) if wanted(&state) => Ok(state),
            state => Err(format!("{state:?}")),
        })
    }
    pub fn letters(&mut self) -> DeadLetterList {
        self.0.call(method::DEAD_LETTER_LIST, &json!({})).expect("letters")
    }
    pub fn redrive(&mut self, filter: &DeadLetterFilter) -> u64 {
        self.0.call::<Count>(method::DEAD_LETTER_REDRIVE, filter).expect("redriven").count
    }
    /// All that a replay gives.
    pub fn replay(&mut self, wanted: &Value) -> Vec<Delivery> {
        self.0.start(method::REPLAY, wanted).expect("sent");
        let mut found = Vec::new();
        loop {
            let (delivery, more): (Delivery, bool) = self.0.receive(method::REPLAY).expect("a reply");
            if !more {
                return found;
            }
            found.push(delivery);
        }
    }
}

/// A subscription's stream.
pub struct Stream {
    pub client: Client,
    pub token: String,
}

impl Stream {
    pub fn open(dir: &Path, wanted: &Subscribe) -> Result<Stream, CallError> {
        let mut client = Client::connect(dir.join("socket"), Some(PATIENCE))?;
        client.start(method::SUBSCRIBE, wanted)?;
        let (first, _): (Delivery, bool) = client.receive(method::SUBSCRIBE)?;
        Ok(Stream { client, token: first.token.expect("the first reply has the token") })
    }
    pub fn try_next(&mut self) -> Result<Delivery, CallError> {
        self.client.receive(method::SUBSCRIBE).map(|(delivery, _)| delivery)
    }
    pub fn next(&mut self) -> Delivery {
        self.try_next().expect("a delivery")
    }
    /// Nothing comes for a while.
    pub fn quiet(&mut self) {
        self.client.set_timeout(Some(Duration::from_millis(150))).expect("a timeout");
        let came = self.try_next();
        assert!(came.as_ref().is_err_and(CallError::is_transport), "{came:?}");
        self.client.set_timeout(Some(PATIENCE)).expect("a timeout");
    }
}

pub fn subscribe(name: &str, start: Start, max_in_flight: u32) -> Subscribe {
    Subscribe { name: name.parse().expect("a name"), interest: Interest::default(), start, max_in_flight }
}

/// An event of a program that is not ours.
pub fn external(payload: Value) -> NewEvent {
    event("external.test", payload)
}

pub fn event(kind: &str, payload: Value) -> NewEvent {
    serde_json::from_value(json!({"type": kind, "payload": payload, "source": "test"})).expect("an event")
}

/// The field `n` of a delivery's payload.
pub fn number(delivery: &Delivery) -> u64 {
    delivery.event.as_ref().and_then(|e| e.payload["n"].as_u64()).expect("a number")
}
