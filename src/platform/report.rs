//! One event from a program without a runtime: published, or kept as a file until the router answers.
use crate::contract::events::TypedPayload;
use crate::contract::router::{INTERFACE, NewEvent, Publish, PublishResult};
use crate::contract::wire::CallError;
use crate::platform::clock::now_us;
use crate::platform::replace::{Outlives, replace};
use crate::platform::varlink::Client;
use std::io::{self};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An event of this moment. A second one with the same key is the same event.
pub fn event<P: TypedPayload>(payload: &P, source: &str, key: String) -> NewEvent {
    NewEvent {
        id: None,
        kind: P::TYPE.info().wire.into(),
        payload: payload.to_map(),
        key: None,
        cause: None,
        correlation: None,
        source: source.into(),
        time_us: Some(now_us()),
        idempotency_key: Some(key),
    }
}

/// Publishes; returns when the router's disk has it, or fails when it does not answer for so long.
pub fn publish(socket: &Path, event: &NewEvent, patience: Duration) -> Result<(), CallError> {
    let mut client = Client::connect(socket, Some(patience))?;
    client.call::<PublishResult>(&format!("{INTERFACE}.Publish"), &Publish { events: vec![event.clone()] }).map(drop)
}

/// Keeps it: on disk under its name all at once, readable for the master's group.
pub fn keep(file: &Path, event: &NewEvent) -> io::Result<()> {
    replace(file, &serde_json::to_vec(event)?, 0o640, Outlives::PowerCut)
}

/// Publishes what was kept and removes it, oldest name first; returns how many. What cannot be read is set aside as
/// `.bad`.
pub fn publish_kept(spool: &Path, router: &Path, patience: Duration) -> Result<usize, CallError> {
    let Ok(entries) = std::fs::read_dir(spool) else { return Ok(0) };
    let is_report = |p: &PathBuf| {
        let name = p.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        name.starts_with("failed-") && name.ends_with(".json")
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).filter(is_report).collect();
    files.sort();
    let mut published = 0;
    for file in files {
        let read = std::fs::read(&file).map_err(|e| e.to_string());
        match read.and_then(|text| serde_json::from_slice::<NewEvent>(&text).map_err(|e| e.to_string())) {
            Ok(event) => {
                publish(router, &event, patience)?;
                published += 1;
                if let Err(error) = std::fs::remove_file(&file) {
                    // Published again the next time: the idempotency key makes that harmless.
                    tracing::warn!("cannot remove {} after publishing it: {error}", file.display());
                }
            }
            Err(error) => {
                tracing::error!("cannot read {} ({error}); renamed to .bad", file.display());
                if let Err(error) = std::fs::rename(&file, file.with_extension("bad")) {
                    tracing::warn!("cannot rename {}: {error}", file.display());
                }
            }
        }
    }
    Ok(published)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::events::HostOffline;
    use crate::contract::ids::NodeId;
    use crate::platform::varlink::Frames;

    #[test]
    fn what_is_kept_is_published_once_there_is_a_router_and_then_removed() {
        let dir = tempfile::tempdir().expect("a directory");
        let payload = HostOffline { host: NodeId::new("n1").expect("an id"), reason: "x".into() };
        keep(&dir.path().join("failed-a-1.json"), &event(&payload, "t", "k1".into())).expect("keeps");
        std::fs::write(dir.path().join("failed-b-2.json"), b"half").expect("writes");
        let socket = dir.path().join("router.sock");
        let error = publish_kept(dir.path(), &socket, Duration::from_secs(5)).expect_err("no router");
        assert!(error.is_transport(), "{error}");
        assert!(dir.path().join("failed-a-1.json").exists(), "kept for the next try");

        let listener = std::os::unix::net::UnixListener::bind(&socket).expect("listens");
        let router = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client");
            let call = Frames::new(&stream).next_frame().expect("reads").expect("a call");
            let answer = serde_json::json!({"parameters": {"results": []}});
            crate::platform::varlink::write_frame(&mut &stream, &answer).expect("answers");
            String::from_utf8(call).expect("text")
        });
        assert_eq!(publish_kept(dir.path(), &socket, Duration::from_secs(5)).expect("publishes"), 1);
        assert!(router.join().expect("ends").contains("\"idempotency_key\":\"k1\""));
        let mut left: Vec<_> =
            std::fs::read_dir(dir.path()).expect("lists").map(|e| e.expect("an entry").file_name()).collect();
        left.sort();
        assert_eq!(left, ["failed-b-2.bad", "router.sock"]);
    }
}
