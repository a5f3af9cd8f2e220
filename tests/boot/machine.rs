//! A booted Debian for one test: boots it, runs commands in it, waits for states, reads its journal, and takes it away
//! at the end.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

/// The Debian release that a machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// Debian 12, systemd 252: the daemons count restart delays themselves; cgroup v1 or v2.
    Bookworm,
    /// Debian 13, systemd 257: systemd counts restart delays; cgroup v2 only.
    Trixie,
}

impl Suite {
    fn name(self) -> &'static str {
        match self {
            Suite::Bookworm => "bookworm",
            Suite::Trixie => "trixie",
        }
    }
}

/// One running machine with its own disk, network, users and journal. Dropping it cuts its power and deletes the disk,
/// after printing the end of its journal if the test failed. `RINGRIFT_BOOT_KEEP=1` keeps a failed test's machine
/// running.
pub struct Machine {
    name: String,
    /// What the machine runs, for the few expectations that differ.
    pub suite: Suite,
}

/// Seconds after which a command inside counts as hanging; longer than systemd's own limits for a stop of the whole
/// suite.
const HANGS: &str = "180";

/// How a command inside ended.
pub struct Ran {
    /// Exit status; 128 + signal number if a signal ended it.
    pub code: i32,
    /// Standard output, without the last line end.
    pub out: String,
    /// Standard error, without the last line end.
    pub err: String,
}

impl Machine {
    /// Boots a fresh machine and installs the package. `None`, with the reason printed, where machines cannot be
    /// booted; a failure instead if `RINGRIFT_BOOT_TESTS=require` is set, as `scripts/test` does where it found all it
    /// needs.
    pub fn installed(suite: Suite, test: &str) -> Option<Machine> {
        let machine = Machine::boot(suite, test)?;
        machine.install();
        Some(machine)
    }

    /// Boots a fresh machine without the package; else like [`Machine::installed`].
    pub fn boot(suite: Suite, test: &str) -> Option<Machine> {
        if let Err(reason) = requirements() {
            assert!(std::env::var_os("RINGRIFT_BOOT_TESTS").is_none(), "boot tests are required here, but {reason}");
            say_skipped(test, &reason);
            return None;
        }
        let mut hash = DefaultHasher::new();
        env!("CARGO_MANIFEST_DIR").hash(&mut hash); // two checkouts may test at the same time
        let name = format!("t{:04x}-{}-{}", hash.finish() & 0xffff, suite.name(), test.replace('_', "-"));
        script(&["remove", &name]); // what a killed test left
        let machine = Machine { name, suite };
        machine.must(&["start", &machine.name, suite.name()]);
        Some(machine)
    }

    /// Installs the package (again), as `dpkg -i` does.
    pub fn install(&self) {
        let deb = package().expect("checked before the boot");
        self.must(&["install", &self.name, &deb.to_string_lossy()]);
    }

    /// Like [`Machine::install`]; returns what dpkg and the package's scripts printed.
    pub fn install_saying(&self) -> String {
        let deb = package().expect("checked before the boot");
        let ran = Ran::of(script(&["install", &self.name, &deb.to_string_lossy()]));
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        ran.out + &ran.err
    }

    /// Runs a shell command as root; one that hangs ends with code 124 after [`HANGS`] seconds.
    pub fn run(&self, command: &str) -> Ran {
        Ran::of(script(&["run", &self.name, "timeout", HANGS, "sh", "-c", command]))
    }

    /// Runs a shell command as another user, with the groups that user has; else like [`Machine::run`].
    pub fn run_as(&self, user: &str, command: &str) -> Ran {
        Ran::of(script(&["run", "-u", user, &self.name, "timeout", HANGS, "sh", "-c", command]))
    }

    /// Runs a shell command as root that has to succeed, and returns what it printed.
    pub fn ok(&self, command: &str) -> String {
        self.run(command).expect_ok(command)
    }

    /// Runs a shell command as another user that has to succeed, and returns what it printed.
    pub fn ok_as(&self, user: &str, command: &str) -> String {
        self.run_as(user, command).expect_ok(command)
    }

    /// Writes a file inside, with its directories, owned by root and readable by all.
    pub fn write(&self, path: &str, text: &str) {
        let mut child =
            boot_command(&["run", &self.name, "sh", "-c", &format!("mkdir -p $(dirname {path}); cat > {path}")])
                .stdin(Stdio::piped())
                .spawn()
                .expect("starting scripts/boot");
        child.stdin.take().expect("stdin is a pipe").write_all(text.as_bytes()).expect("writing to scripts/boot");
        assert!(child.wait().expect("waiting for scripts/boot").success(), "writing {path} in {}", self.name);
    }

    /// Copies a file of this host into a directory inside.
    pub fn copy(&self, file: &Path, folder: &str) {
        self.must(&["copy", &self.name, &file.to_string_lossy(), folder]);
    }

    /// The files of the installed package that are directly in the directory for units, without drop-ins.
    pub fn shipped_units(&self) -> Vec<String> {
        let list = self.ok("dpkg -L ringrift | sed -n 's|^/usr/lib/systemd/system/\\([^/]*\\.[a-z]*\\)$|\\1|p'");
        list.lines().filter(|name| !name.ends_with(".d")).map(str::to_string).collect()
    }

    /// A property of a unit, as `systemctl show` prints it.
    pub fn show(&self, unit: &str, property: &str) -> String {
        self.ok(&format!("systemctl show --value -p {property} '{unit}'"))
    }

    /// Waits until `look` gives a value, looking again and again; fails after `deadline` with the last state that
    /// `look` saw.
    pub fn wait_for<T>(&self, what: &str, deadline: Duration, look: impl FnMut() -> Result<T, String>) -> T {
        crate::until::until(&format!("{what} on {}", self.name), deadline, look)
    }

    /// Waits until a unit's `ActiveState` is `state`.
    pub fn wait_state(&self, unit: &str, state: &str, deadline: Duration) {
        self.wait_for(&format!("{unit} to be {state}"), deadline, || {
            let shown =
                self.ok(&format!("systemctl show -p ActiveState,SubState,Result,StatusText,NRestarts '{unit}'"));
            if shown.lines().any(|line| line == format!("ActiveState={state}")) {
                Ok(())
            } else {
                Err(shown.replace('\n', " "))
            }
        });
    }

    /// The journal's entries that `filter` (arguments of journalctl, such as `-u ringrift-master`) selects, oldest
    /// first.
    pub fn journal(&self, filter: &str) -> Vec<Entry> {
        let text = self.ok(&format!("journalctl --no-pager -o json {filter}"));
        text.lines()
            .map(|line| {
                Entry(serde_json::from_str(line).unwrap_or_else(|error| panic!("journal line {line}: {error}")))
            })
            .collect()
    }

    /// Says past the test harness, which shows nothing of tests that pass, that a test does not apply here.
    pub fn skipped(&self, reason: &str) {
        say_skipped(&self.name, reason);
    }

    /// Powers off in order and boots again on the same disk.
    pub fn reboot(&self) {
        self.must(&["stop", &self.name]);
        self.must(&["start", &self.name]);
    }

    /// Cuts the power and boots again on the same disk.
    pub fn power_cut(&self) {
        self.must(&["kill", &self.name]);
        self.must(&["start", &self.name]);
    }

    fn must(&self, arguments: &[&str]) {
        Ran::of(script(arguments)).expect_ok(&format!("scripts/boot {}", arguments.join(" ")));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let journal = self.run("journalctl --no-pager -n 60 -o short-monotonic");
            println!("---- the end of the journal of {}\n{}", self.name, journal.out);
            if std::env::var_os("RINGRIFT_BOOT_KEEP").is_some() {
                println!("---- it still runs: scripts/boot run {} bash; scripts/boot remove {0}", self.name);
                return;
            }
        }
        script(&["remove", &self.name]);
    }
}

impl Ran {
    fn of(output: Output) -> Ran {
        use std::os::unix::process::ExitStatusExt;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_string();
        let code = output.status.code().or_else(|| output.status.signal().map(|n| 128 + n)).unwrap_or(-1);
        Ran { code, out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The output of a command that has to succeed.
    pub fn expect_ok(self, command: &str) -> String {
        assert!(self.code == 0, "`{command}` ended with {}\nstdout: {}\nstderr: {}", self.code, self.out, self.err);
        self.out
    }

    /// Checks that the command failed and said why in words containing `reason`.
    pub fn expect_refused(self, command: &str, reason: &str) {
        assert!(!reason.is_empty(), "`{command}`: a refusal says why, and a test says which reason it means");
        assert!(self.code != 0, "`{command}` was not refused; it printed: {}", self.out);
        assert!(self.err.contains(reason), "`{command}` was refused without saying '{reason}': {}", self.err);
    }
}

/// One entry of a machine's journal.
pub struct Entry(serde_json::Value);

impl Entry {
    /// A field's text; empty if the entry has no such field or it is not text.
    pub fn field(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }

    /// The message.
    pub fn message(&self) -> &str {
        self.field("MESSAGE")
    }

    /// When it was logged, since the host's boot.
    pub fn at(&self) -> Duration {
        Duration::from_micros(self.field("__MONOTONIC_TIMESTAMP").parse().expect("journald stamps every entry"))
    }
}

fn say_skipped(test: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped {test}: {reason}");
}

fn boot_command(arguments: &[&str]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/boot"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn script(arguments: &[&str]) -> Output {
    boot_command(arguments).output().expect("starting scripts/boot")
}

/// The package under test: `$RINGRIFT_DEB`, or the newest that `scripts/build-deb` left.
pub fn package() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("RINGRIFT_DEB") {
        return Ok(path.into());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/deb");
    let age = |path: &PathBuf| path.metadata().and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    files
        .filter(|path| path.extension().is_some_and(|e| e == "deb"))
        .max_by_key(age)
        .ok_or("there is no package; scripts/build-deb makes one".to_string())
}

fn requirements() -> Result<(), String> {
    static ANSWER: OnceLock<Result<(), String>> = OnceLock::new();
    let ask = || {
        let check = Ran::of(script(&["check"]));
        if check.code == 0 { package().map(|_| ()) } else { Err(check.err) }
    };
    ANSWER.get_or_init(ask).clone()
}
