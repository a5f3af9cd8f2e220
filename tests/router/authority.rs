//! Who may publish, over the real socket by a caller of another user.
use crate::world::{Caller, Router, event, external};
use ringrift::contract::wire::{CallError, errors};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Nobody's number on every Linux.
const NOBODY: u32 = 65534;

/// Connects as another user. User ids belong to threads as far as the kernel is concerned, and the socket keeps the
/// caller's.
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
fn a_user_of_no_group_publishes_nothing_and_root_everything() {
    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("skipped: becoming another user needs root");
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let open = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("a mode");
    open(dir.path(), 0o755);
    open(&dir.path().join("socket"), 0o666);
    let mut other = connect_as(NOBODY, dir.path()).expect("it may call");
    let stopped = || {
        event(
            "daemon_stopped",
            json!({"daemon_name": "AUTO_EXPORT", "hostname": "n1", "reason": "test", "invocation_id": "i"}),
        )
    };
    for events in [vec![stopped()], vec![external(json!({"n": 1}))]] {
        let refused = other.publish(events).expect_err("not a user's to publish");
        assert!(refused.is(errors::PERMISSION_DENIED) && refused.to_string().contains("ringrift"), "{refused}");
    }
    assert_eq!(other.stats().last_seq, 0, "the connection lives, and figures are for everybody");
    assert_eq!(router.caller().publish(vec![stopped()]).expect("root may")[0].seq, 1);
}
