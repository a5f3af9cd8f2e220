//! Starting and ending the systems that are measured, each with its files in a folder of its own on the same file
//! system.
use crate::wire::{Address, Frame, Wire, event, payload};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for a system to answer.
const START: Duration = Duration::from_secs(60);

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// The event router.
    Router,
    /// NATS JetStream, each message synced.
    NatsAlways,
    /// NATS JetStream as it comes: synced every two minutes.
    NatsDefault,
    /// Redis Streams, the append-only file synced before each answer.
    RedisAlways,
}

impl System {
    /// For the tables.
    pub fn name(self) -> &'static str {
        match self {
            System::Router => "ringrift",
            System::NatsAlways => "NATS always",
            System::NatsDefault => "NATS default",
            System::RedisAlways => "Redis always",
        }
    }
}

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// ringrift-event-router.
    pub router: PathBuf,
    /// nats-server.
    pub nats: PathBuf,
    /// redis-server.
    pub redis: PathBuf,
}

/// A running system. Dropped, it is killed.
pub struct Running {
    /// Which.
    pub system: System,
    /// Where it listens.
    pub address: Address,
    child: Child,
}

impl Running {
    /// Starts a system with its files in `folder`, and waits until it answers and can take events.
    pub fn start(system: System, programs: &Programs, folder: &Path) -> Result<Running> {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        let log = fs::File::options().create(true).append(true).open(folder.join("log"))?;
        let (mut command, address) = match system {
            System::Router => router(programs, folder)?,
            System::NatsAlways => nats(programs, folder, true)?,
            System::NatsDefault => nats(programs, folder, false)?,
            System::RedisAlways => redis(programs, folder),
        };
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let mut running = Running { system, address, child };
        let begun = Instant::now();
        let mut wire = loop {
            match Wire::connect(&running.address) {
                Ok(wire) => break wire,
                Err(error) => {
                    if let Some(status) = running.child.try_wait()? {
                        bail!("{} ended at once ({status}); see {}", system.name(), folder.join("log").display());
                    }
                    ensure!(begun.elapsed() < START, "{} does not answer: {error:#}", system.name());
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        };
        if matches!(system, System::NatsAlways | System::NatsDefault) {
            let stream =
                r#"{"name":"BENCH","subjects":["bench.>"],"storage":"file","retention":"limits","num_replicas":1}"#;
            let answer = ask_nats(&mut wire, "$JS.API.STREAM.CREATE.BENCH", stream)?;
            // A folder that was filled before has the stream already.
            ensure!(
                !answer.contains("\"error\"") || answer.contains("already in use"),
                "NATS makes no stream: {answer}"
            );
        }
        Ok(running)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Proportional set size, in bytes.
    pub fn pss(&self) -> Result<u64> {
        let path = format!("/proc/{}/smaps_rollup", self.pid());
        let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        let line = text.lines().find(|l| l.starts_with("Pss:")).context("smaps_rollup without Pss")?;
        let kib: u64 = line.split_whitespace().nth(1).context("Pss without a number")?.parse()?;
        Ok(kib * 1024)
    }

    /// A connection.
    pub fn connect(&self) -> Result<Wire> {
        Wire::connect(&self.address)
    }

    /// Stores `count` events as fast as the system takes them; they are not measured.
    pub fn fill(&self, label: &str, count: u64) -> Result<()> {
        let mut wire = self.connect()?;
        let (mut sent, mut done, mut calls, mut text) = (0u64, 0u64, Vec::new(), String::new());
        let (batch, window) = match self.address {
            Address::Router(_) => (256, 8),
            Address::Nats(_) | Address::Redis(_) => (1, 256),
        };
        while done < count {
            calls.clear();
            while sent < count && sent - done < batch * window {
                let size = batch.min(count - sent);
                payload(&mut text, sent);
                if batch == 1 {
                    wire.publish("", &text, &mut calls);
                } else {
                    calls
                        .extend_from_slice(b"{\"method\":\"org.ringrift.Router.Publish\",\"parameters\":{\"events\":[");
                    for n in sent..sent + size {
                        event(&format!("{label}/{n}"), &text, &mut calls);
                        calls.push(if n + 1 < sent + size { b',' } else { b']' });
                    }
                    calls.extend_from_slice(b"}}\0");
                }
                sent += size;
            }
            wire.send(&calls)?;
            done = (done + batch * wire.acks()? as u64).min(sent);
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; its files are thrown away either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks NATS's own interface and returns the answer's text.
pub fn ask_nats(wire: &mut Wire, subject: &str, body: &str) -> Result<String> {
    let inbox = format!("{}q", wire.inbox());
    wire.send(format!("SUB {inbox} 9\r\nPUB {subject} {inbox} {}\r\n{body}\r\n", body.len()).as_bytes())?;
    loop {
        while let Some(frame) = wire.frame()? {
            if let Frame::Other(bytes) = frame
                && bytes.starts_with(b"{")
            {
                let answer = String::from_utf8_lossy(bytes).into_owned();
                wire.send(b"UNSUB 9\r\n")?;
                return Ok(answer);
            }
        }
        wire.read()?;
    }
}

fn router(programs: &Programs, folder: &Path) -> Result<(Command, Address)> {
    let mut command = Command::new(&programs.router);
    for (variable, name) in [
        ("STATE_DIRECTORY", "state"),
        ("RUNTIME_DIRECTORY", "run"),
        ("RINGRIFT_ETC", "etc"),
        ("RINGRIFT_SHARE", "share"),
    ] {
        fs::create_dir_all(folder.join(name))?;
        command.env(variable, folder.join(name));
    }
    let socket = folder.join("socket");
    command.env("RINGRIFT_BACKOFF", "systemd").args(["--node", "bench", "--socket"]).arg(&socket);
    Ok((command, Address::Router(socket)))
}

fn nats(programs: &Programs, folder: &Path, always: bool) -> Result<(Command, Address)> {
    // A port that is free now; nobody else starts servers here meanwhile.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let sync = if always { "sync_interval: always" } else { "" };
    let text = format!(
        "listen: 127.0.0.1:{port}\njetstream {{ store_dir: \"{}\"\n {sync} }}\n",
        folder.join("store").display()
    );
    fs::write(folder.join("nats.conf"), text)?;
    let mut command = Command::new(&programs.nats);
    command.arg("-c").arg(folder.join("nats.conf"));
    Ok((command, Address::Nats(port)))
}

fn redis(programs: &Programs, folder: &Path) -> (Command, Address) {
    let socket = folder.join("socket");
    let mut command = Command::new(&programs.redis);
    command.args(["--port", "0", "--unixsocket"]).arg(&socket).arg("--dir").arg(folder);
    // No snapshots and no rewriting of the file meanwhile: both would only slow it down.
    command.args([
        "--save",
        "",
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--auto-aof-rewrite-percentage",
        "0",
    ]);
    (command, Address::Redis(socket))
}
