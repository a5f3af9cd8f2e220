//! The hubs' sockets as systemd's own Varlink tool sees them.
use crate::machine::{Machine, Suite};
use serde_json::Value;

on_both!(varlinkctl_asks_the_router);

fn varlinkctl_asks_the_router(m: &Machine) {
    m.ok("systemctl start ringrift-event-router.service && ringrift events emit external.boot n=1");
    let socket = "/run/ringrift/router.sock";
    if m.suite == Suite::Bookworm {
        // systemd has the tool from 255 on.
        assert!(m.run("command -v varlinkctl").code != 0, "then this test has more to do");
        return;
    }
    let info = m.ok(&format!("varlinkctl info {socket}"));
    assert!(info.contains("Product: ringrift") && info.contains("org.ringrift.Router"), "{info}");
    let described = m.ok(&format!("varlinkctl introspect {socket} org.ringrift.Router"));
    for part in ["interface org.ringrift.Router", "method Publish", "method Subscribe", "type Event"] {
        assert!(described.contains(part), "{part}: {described}");
    }
    let stats = m.ok(&format!("varlinkctl call --json=short {socket} org.ringrift.Router.Stats '{{}}'"));
    let stats: Value = serde_json::from_str(&stats).expect("JSON");
    assert!(stats["last_seq"].as_u64().is_some_and(|last| last >= 1), "{stats}");
    let replay =
        m.ok(&format!("varlinkctl call --more --json=short {socket} org.ringrift.Router.Replay '{{\"last\": 1}}'"));
    assert!(replay.contains("external.boot"), "{replay}");
    let refused = m.run(&format!("varlinkctl call {socket} org.ringrift.Router.Fetch '{{\"seq\": 999}}'"));
    assert!(refused.code != 0 && refused.err.contains("org.ringrift.NotFound"), "{} {}", refused.out, refused.err);
}
