//! The hubs' sockets: clients connect before a hub is up, and nothing is lost while it restarts.
use super::text::Text;
use super::{MANUAL, ON_FAILURE, SUITE, starts};
use crate::contract::paths;
use crate::contract::registry::{DaemonType, Hub};

struct Socket {
    unit: &'static str,
    what: &'static str,
    path: &'static str,
    group: &'static str,
    mode: &'static str,
    mode_reason: &'static str,
    service: String,
}

/// The files.
pub fn files() -> Vec<(String, String)> {
    let all = "Everybody may connect; each call is judged by who makes it, see ringrift-rights(7).";
    let sockets = [
        Socket {
            unit: Hub::Router.socket_unit(),
            what: "the event router",
            path: paths::ROUTER_SOCKET,
            group: "ringrift",
            mode: "0666",
            mode_reason: all,
            service: DaemonType::EventRouter.unit(),
        },
        Socket {
            unit: Hub::Coordinator.socket_unit(),
            what: "the coordinator",
            path: paths::COORDINATOR_SOCKET,
            group: "ringrift",
            mode: "0666",
            mode_reason: all,
            service: "ringrift-coordinator.service".into(),
        },
        Socket {
            unit: "ringrift-job.socket",
            what: "jobs",
            path: paths::JOB_SOCKET,
            group: "ringrift-job",
            mode: "0660",
            mode_reason: "Nobody but jobs has to do with it.",
            service: "ringrift-coordinator.service".into(),
        },
        Socket {
            unit: Hub::Catalog.socket_unit(),
            what: "the catalog",
            path: paths::CATALOG_SOCKET,
            group: "ringrift",
            mode: "0666",
            mode_reason: all,
            service: DaemonType::DataPipeline.unit(),
        },
    ];
    sockets.iter().map(|s| (s.unit.to_owned(), socket(s))).collect()
}

fn socket(s: &Socket) -> String {
    let name = s.unit.trim_start_matches("ringrift-").trim_end_matches(".socket");
    Text::new()
        .section("Unit")
        .set("Description", format!("RingRift socket of {}", s.what))
        .set("Documentation", MANUAL)
        .set("PartOf", SUITE)
        .why("It fails when its service ends at once again and again; the master hears of it and brings both back.")
        .set("OnFailure", ON_FAILURE)
        .with(starts::unlimited)
        .section("Socket")
        .set("ListenStream", s.path)
        .set("FileDescriptorName", name)
        .set("Service", &s.service)
        .set("SocketUser", "ringrift")
        .set("SocketGroup", s.group)
        .why(s.mode_reason)
        .set("SocketMode", s.mode)
        .set("RemoveOnStop", "yes")
        .done()
}
