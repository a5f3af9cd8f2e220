//! The Python module against a real coordinator and a real router: `tests/coordinator/module.py` says what must hold.
use crate::harness::*;
use std::process::{Child, Command, Stdio};

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_python_module_holds_slots_publishes_and_subscribes() {
    if Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: there is no python3 here");
        return;
    }
    let mut c = Coordinator::without_router(&format!("{QUIET}{FAST}"));
    std::fs::create_dir(c.path("router")).expect("the router's directory");
    let router = Command::new(env!("CARGO_BIN_EXE_ringrift-event-router"))
        .env("RINGRIFT_ETC", c.dir.path())
        .env("RINGRIFT_SHARE", c.dir.path())
        .args([
            "--socket".as_ref(),
            c.path("router.sock").as_os_str(),
            "--state".as_ref(),
            c.path("router").as_os_str(),
        ])
        .spawn()
        .expect("the router starts");
    let _router = Killed(router);
    until(|| c.path("router.sock").exists(), |there| *there);
    c.start();
    std::os::unix::fs::symlink(c.path("c.sock"), c.path("coordinator.sock")).expect("a link");
    let module = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/python");
    let done = Command::new("python3")
        .arg("-B")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/coordinator/module.py"))
        .env("PYTHONPATH", module)
        .env("RINGRIFT_RUN", c.dir.path())
        .env("RINGRIFT_COMMAND", env!("CARGO_BIN_EXE_ringrift"))
        .env("RINGRIFT_ETC", c.dir.path())
        .env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}", c.path("no-bus").display()))
        .output()
        .expect("python3 runs");
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{out}\n{err}");
    assert!(c.leases().leases.is_empty(), "no slot leaked");
}
