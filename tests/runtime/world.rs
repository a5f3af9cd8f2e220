//! One test's world: directories, hubs, the notify socket, and the toy's process.
use super::hubs::{Hubs, Open};
use ringrift::contract::health::StatusFile;
use serde_json::{Value, json};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The world.
pub struct World {
    pub dir: tempfile::TempDir,
    pub hubs: Hubs,
    pub router: Option<Open>,
    pub coordinator: Option<Open>,
    notes: Receiver<String>,
}

impl World {
    /// Both hubs up, an empty state, a short tick.
    pub fn new() -> World {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["run/control", "run/training-trigger", "etc/conf.d", "state"] {
            std::fs::create_dir_all(dir.path().join(name)).expect("makes a directory");
        }
        let notify = UnixDatagram::bind(dir.path().join("notify")).expect("binds");
        // Read all the time, as systemd does: the socket's queue is short and a sender would wait.
        let (sender, notes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0u8; 8192];
            while let Ok(n) = notify.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..n]).into_owned();
                if text.starts_with("WATCHDOG") {
                    continue;
                }
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
        let mut world = World { dir, hubs: Hubs::default(), router: None, coordinator: None, notes };
        world.router_up();
        world.coordinator_up();
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    pub fn router_up(&mut self) {
        self.router = Some(Open::at(&self.path("run/router.sock"), &self.hubs));
    }
    pub fn coordinator_up(&mut self) {
        self.coordinator = Some(Open::at(&self.path("run/coordinator.sock"), &self.hubs));
    }
    pub fn configure(&self, text: &str) {
        std::fs::write(self.path("etc/unified_loop.yaml"), text).expect("writes");
    }
    pub fn control(&self, value: &Value) {
        let (file, draft) = (self.path("run/control/training-trigger"), self.path("run/control/.draft"));
        std::fs::write(&draft, value.to_string()).expect("writes");
        std::fs::rename(draft, file).expect("renames");
    }
    pub fn status(&self) -> StatusFile {
        let bytes = std::fs::read(self.path("run/training-trigger/status.json")).expect("a status file");
        serde_json::from_slice(&bytes).expect("a status")
    }

    /// Starts the toy; `RINGRIFT_CRASH_AT` and others as given.
    pub fn start(&self, env: &[(&str, &str)]) -> Toy {
        let child = Command::new(std::env::current_exe().expect("this program"))
            .env("RINGRIFT_TOY", "1")
            .env("RINGRIFT_RUN", self.path("run"))
            .env("RINGRIFT_ETC", self.path("etc"))
            .env("RINGRIFT_SHARE", self.path("share"))
            .env("RINGRIFT_STATE", self.path("state"))
            .env("RUNTIME_DIRECTORY", self.path("run/training-trigger"))
            .env("STATE_DIRECTORY", self.path("state/training-trigger"))
            .env("NOTIFY_SOCKET", self.path("notify"))
            .env("RINGRIFT_BACKOFF", "systemd")
            .envs(env.iter().copied())
            .stderr(if std::env::var("RINGRIFT_LOG").is_ok() { Stdio::inherit() } else { Stdio::null() })
            .spawn()
            .expect("starts");
        Toy(child)
    }
    /// Starts the toy and waits until it is READY.
    pub fn ready(&mut self, env: &[(&str, &str)]) -> Toy {
        let toy = self.start(env);
        self.note("READY=1");
        toy
    }

    /// Waits for a notification that contains a text; panics after 20 s. Returns it and forgets what came before.
    pub fn note(&mut self, wanted: &str) -> String {
        let end = Instant::now() + Duration::from_secs(20);
        let mut seen = Vec::new();
        loop {
            if let Ok(text) = self.notes.recv_timeout(Duration::from_millis(50)) {
                if text.contains(wanted) {
                    return text;
                }
                seen.push(text);
            }
            assert!(Instant::now() < end, "waited 20 s for {wanted:?}; saw {seen:#?}");
        }
    }
    /// Whether such a notification comes within a time.
    pub fn noted(&mut self, wanted: &str, within: Duration) -> bool {
        let end = Instant::now() + within;
        while Instant::now() < end {
            if self.notes.recv_timeout(Duration::from_millis(50)).is_ok_and(|text| text.contains(wanted)) {
                return true;
            }
        }
        false
    }

    /// An export's event; `path` tells the toy what to do.
    pub fn export(&self, path: &str) -> u64 {
        let payload = json!({
            "config_key": "square8_2p", "board_type": "square8", "num_players": 2, "job_id": "e-1", "samples_id": "b".repeat(64),
            "output_path": path, "samples_exported": 1, "games_exported": 1, "duration_seconds": 1.0,
        });
        self.hubs.emit("npz_export_complete", payload)
    }
}

/// A toy's process; killed when dropped.
pub struct Toy(Child);

impl Toy {
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).expect("a pid"));
        #[allow(clippy::disallowed_methods)] // our own child, not waited for yet: the pid is still its
        nix::sys::signal::kill(pid, signal).expect("signals");
    }
    /// The names of its threads, sorted.
    pub fn threads(&self) -> Vec<String> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.0.id())).expect("its threads");
        let name = |task: std::fs::DirEntry| {
            std::fs::read_to_string(task.path().join("comm")).ok().map(|name| name.trim_end().to_owned())
        };
        let mut names: Vec<String> = tasks.flatten().filter_map(name).collect();
        names.sort();
        names
    }
    /// Its end; panics after 20 s.
    pub fn end(&mut self) -> ExitStatus {
        crate::until::end("the toy", Duration::from_secs(20), &mut self.0)
    }
}

impl Drop for Toy {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
