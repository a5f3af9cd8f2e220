//! Bandwidth: reservations over restarts, and a real rsync between two network namespaces that keeps to its grant.
use crate::harness::*;
use ringrift::contract::coordinator::bandwidth::*;
use ringrift::contract::wire::errors;
use serde_json::json;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn started(c: &Coordinator, host: &str, urgency: &str) -> TransferGrant {
    c.call("StartTransfer", &json!({"host": host, "data_type": "models", "urgency": urgency})).expect("granted")
}

#[test]
fn reservations_add_up_survive_a_kill_and_end_once() {
    let mut c = Coordinator::new();
    let ask =
        |urgency: &str| json!({"host": "runpod-1", "data_type": "models", "urgency": urgency, "bytes": 125_000_000});
    let can: CanTransfer = c.call("CanTransfer", &ask("critical")).expect("answers");
    assert_eq!((can.allowed, can.kbit, can.expected_seconds), (true, 1_000_000, Some(1.0)));
    let (first, second) = (started(&c, "runpod-1", "high"), started(&c, "runpod-1", "critical"));
    assert_eq!((first.kbit, second.kbit), (500_000, 500_000), "the second takes what is left");
    assert_eq!(first.options.rsync, "--bwlimit=61035");
    let refused = c.call::<TransferGrant>("StartTransfer", &ask("background")).expect_err("nothing is left");
    assert!(refused.is(errors::REFUSED) && refused.to_string().contains("runpod-1"), "{refused}");
    c.kill();
    c.start();
    let view: BandwidthView = c.call("Bandwidth", &json!({})).expect("answers");
    assert_eq!((view.used_kbit, view.transfers.len()), (1_000_000, 2));
    let end = json!({"transfer_id": first.transfer_id, "bytes": 625_000_000u64, "seconds": 20.0});
    let ended: TransferEnded = c.call("EndTransfer", &end).expect("ended");
    assert_eq!((ended.accepted, ended.measured_kbit), (true, Some(250_000)));
    assert!(!c.call::<TransferEnded>("EndTransfer", &end).expect("answers").accepted, "a second time changes nothing");
    let can: CanTransfer = c.call("CanTransfer", &ask("high")).expect("answers");
    assert_eq!((can.kbit, can.expected_seconds), (500_000, Some(4.0)), "the route was measured to carry 250 Mbit/s");
}

#[test]
fn bad_requests_are_refused_by_name() {
    let c = Coordinator::new();
    for (method, call, parameter) in [
        ("StartTransfer", json!({"host": "", "data_type": "models"}), "host"),
        ("StartTransfer", json!({"host": "h", "data_type": "models", "urgency": "soon"}), "urgency"),
        ("EndTransfer", json!({"transfer_id": "x", "seconds": -1.0}), "seconds"),
        ("RecordDuration", json!({"task_type": "training", "config_key": "square8_2p", "seconds": -1.0}), "seconds"),
        ("Observe", json!({"cpus": 4, "cpu_percent": 101.0}), "cpu_percent"),
        ("Observe", json!({"cpus": 0}), "cpus"),
        ("ShouldScale", json!({"resource": "disk"}), "resource"),
    ] {
        let error = c.call::<serde_json::Value>(method, &call).expect_err(method);
        assert!(error.is(errors::INVALID_PARAMETER) && error.to_string().contains(parameter), "{method}: {error}");
    }
}

/// Two namespaces with a cable between them; gone with the value.
struct Cable;

const ENDS: [(&str, &str); 2] = [("ringrift-bw-a", "10.213.7.1"), ("ringrift-bw-b", "10.213.7.2")];

fn ip(arguments: &str) -> bool {
    Command::new("ip").args(arguments.split(' ')).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

impl Cable {
    fn lay() -> Result<Cable, String> {
        let cable = Cable;
        for (space, _) in ENDS {
            if !ip(&format!("netns add {space}")) {
                return Err(format!("`ip netns add {space}` failed"));
            }
        }
        let link = format!("link add bw0 netns {} type veth peer name bw0 netns {}", ENDS[0].0, ENDS[1].0);
        if !ip(&link) {
            return Err(format!("`ip {link}` failed"));
        }
        for (space, address) in ENDS {
            let up = ip(&format!("-n {space} addr add {address}/24 dev bw0"))
                && ip(&format!("-n {space} link set bw0 up"))
                && ip(&format!("-n {space} link set lo up"));
            if !up {
                return Err(format!("setting up {space} failed"));
            }
        }
        Ok(cable)
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for (space, _) in ENDS {
            ip(&format!("netns del {space}"));
        }
    }
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// rsync's own server at the far end, waited for until it answers.
fn serve(dir: &std::path::Path) -> Server {
    let config = dir.join("rsyncd.conf");
    let log = dir.join("rsyncd.log");
    let text = format!(
        "use chroot = no\nuid = 0\ngid = 0\nlog file = {}\n[in]\npath = {}\nread only = no\n",
        log.display(),
        dir.join("in").display()
    );
    std::fs::write(&config, text).expect("written");
    std::fs::create_dir(dir.join("in")).expect("made");
    let mut command = Command::new("ip");
    command
        .args(["netns", "exec", ENDS[1].0, "rsync", "--daemon", "--no-detach", "--port=8731"])
        .arg(format!("--config={}", config.display()));
    let server = Server(command.stdin(Stdio::null()).spawn().expect("rsync's server starts"));
    let deadline = Instant::now() + Duration::from_secs(30);
    let url = format!("rsync://{}:8731/", ENDS[1].1);
    loop {
        let asked = Command::new("ip")
            .args(["netns", "exec", ENDS[0].0, "rsync", "--contimeout=5", &url])
            .output()
            .expect("runs");
        if asked.status.success() {
            return server;
        }
        let last = String::from_utf8_lossy(&asked.stderr).into_owned();
        assert!(Instant::now() < deadline, "rsync's server does not answer: {last}");
        std::thread::yield_now();
    }
}

#[test]
fn a_real_rsync_keeps_to_its_grant_within_a_tenth() {
    if !nix::unistd::geteuid().is_root()
        || Command::new("rsync").arg("--version").stdout(Stdio::null()).status().is_err()
    {
        eprintln!("skipped: network namespaces need root, and rsync must be installed");
        return;
    }
    let _cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => {
            eprintln!("skipped: {why}");
            return;
        }
    };
    let c = Coordinator::with("safeguards: {disk: {warning: 99.0, critical: 100.0}}\nbandwidth: {hosts: {far: 160}}\n");
    let grant = started(&c, "far", "normal");
    assert_eq!(grant.kbit, 40_000, "a quarter of 160 Mbit/s");
    // Eight seconds of it, of bytes that do not compress.
    let bytes = grant.kbit * 1000;
    let source = c.path("model");
    let mut file = std::fs::File::create(&source).expect("made");
    let mut state = 1u64;
    for _ in 0..bytes / 4096 {
        let block: Vec<u8> = (0..4096)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        file.write_all(&block).expect("written");
    }
    drop(file);
    let _server = serve(c.dir.path());
    let begun = Instant::now();
    let done = Command::new("ip")
        .args(["netns", "exec", ENDS[0].0, "rsync", "--whole-file", &grant.options.rsync])
        .arg(&source)
        .arg(format!("rsync://{}:8731/in/", ENDS[1].1))
        .status()
        .expect("rsync runs");
    let seconds = begun.elapsed().as_secs_f64();
    assert!(done.success());
    let moved = std::fs::metadata(c.path("in/model")).expect("it arrived").len();
    assert_eq!(moved, bytes / 4096 * 4096);
    let ended: TransferEnded = c
        .call("EndTransfer", &json!({"transfer_id": grant.transfer_id, "bytes": moved, "seconds": seconds}))
        .expect("ended");
    let measured = ended.measured_kbit.expect("measured") as f64;
    let off = (measured / grant.kbit as f64 - 1.0) * 100.0;
    eprintln!("granted {} kbit/s, measured {measured:.0} kbit/s over {seconds:.1} s: {off:+.1} %", grant.kbit);
    assert!(off.abs() <= 10.0, "{off:+.1} % off the grant");
}
