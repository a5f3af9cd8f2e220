//! Who may publish control events, over the real socket by a caller of another user.
use crate::world::{Caller, Router, event, external};
use ringrift::contract::wire::{CallError, errors};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Nobody's number on every Linux.
const NOBODY: u32 = 65534;

/// Connects as another user. User ids belong to threads as far as the kernel is concerned, and the socket keeps the caller's.
fn connect_as(uid: u32, dir: &Path) -> Result<Caller, CallError> {
    let dir = dir.to_owned();
    let thread = std::thread::spawn(move || {
        // SAFETY: three numbers go in, and the thread that changes ends with this closure.
        let changed = unsafe { nix::libc::syscall(nix::libc::SYS_setresuid, uid, uid, uid) };
        assert_eq!(changed, 0, "becoming user {uid}");
        Caller::connect(&dir)
    });
    thread.join().expect("the other user's thread")
}

#[test]
fn another_user_may_publish_what_reports_and_not_what_controls() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("skipped: becoming another user needs root");
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let open = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("a mode");
    open(dir.path(), 0o755);
    // As if the user were in group ringrift.
    open(&dir.path().join("socket"), 0o666);
    let mut other = connect_as(NOBODY, dir.path()).expect("it may call");
    let stopped =
        || event("daemon_stopped", json!({"daemon_name": "AUTO_EXPORT", "hostname": "n1", "reason": "test", "invocation_id": "i"}));
    let refused = other.publish(vec![external(json!({"n": 1})), stopped()]).expect_err("a control event");
    assert!(refused.is(errors::PERMISSION_DENIED), "{refused}");
    let text = refused.to_string();
    for part in ["daemon_stopped", "root", "ringrift-master", "events[1].type"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(other.stats().last_seq, 0, "all or nothing");
    other.publish(vec![external(json!({"n": 1}))]).expect("the connection lives, and reports are welcome");
    assert_eq!(router.caller().publish(vec![stopped()]).expect("root may")[0].seq, 2);
    // Each has its own idempotency keys: the other one's does not swallow ours.
    let mut keyed = external(json!({"n": 2}));
    keyed.idempotency_key = Some("auto-export/7/0".into());
    let theirs = other.publish(vec![keyed.clone()]).expect("stored")[0].clone();
    let ours = router.caller().publish(vec![keyed.clone()]).expect("stored")[0].clone();
    assert!(!ours.duplicate && ours.seq == theirs.seq + 1, "{ours:?}");
    assert!(other.publish(vec![keyed.clone()]).expect("known")[0].duplicate);
    assert!(router.caller().publish(vec![keyed]).expect("known")[0].duplicate);
}
