//! The hubs' sockets: clients connect before a hub is up, and nothing is lost while it restarts.
use super::names::{MANUAL, ON_FAILURE, SUITE};
use super::starts;
use super::text::Text;
use crate::contract::paths;
use crate::contract::registry::Hub;
use crate::contract::sockets::{SOCKETS, Socket};

/// The files.
pub fn files() -> Vec<(String, String)> {
    SOCKETS.iter().map(|s| (s.unit.to_owned(), socket(s))).collect()
}

/// Who listens at it, and why its mode is what it is.
fn said(s: &Socket) -> (&'static str, &'static str) {
    let all = "Everybody may connect; each call is authorised by its caller, see ringrift-rights(7).";
    match s.path {
        paths::ROUTER_SOCKET => ("the event router", all),
        paths::COORDINATOR_SOCKET => ("the coordinator", all),
        paths::JOB_SOCKET => ("jobs", "Only jobs use it."),
        _ => ("the catalog", all),
    }
}

fn socket(s: &Socket) -> String {
    let name = s.unit.trim_start_matches("ringrift-").trim_end_matches(".socket");
    let (what, mode_reason) = said(s);
    Text::new()
        .section("Unit")
        .set("Description", format!("RingRift socket of {what}"))
        .set("Documentation", MANUAL)
        .set("PartOf", SUITE)
        .with(|t| match s.unit == Hub::Catalog.socket_unit() {
            true => t
                .why("It goes with its service: a client that connects must not start a daemon that was stopped.")
                .set("PartOf", s.service),
            false => t,
        })
        .why("The socket fails when its service repeatedly exits at once; the master then restarts both.")
        .set("OnFailure", ON_FAILURE)
        .with(starts::unlimited)
        .section("Socket")
        .why("Whatever lies in its place, a folder even, would keep it from listening; nothing in /run is kept.")
        .set("ExecStartPre", format!("-/bin/rm -rf --one-file-system {}", s.path))
        .set("ListenStream", s.path)
        .set("FileDescriptorName", name)
        .set("Service", s.service)
        .set("SocketUser", "ringrift")
        .set("SocketGroup", s.group)
        .why(mode_reason)
        .set("SocketMode", format!("{:04o}", s.mode))
        .set("RemoveOnStop", "yes")
        .done()
}
