//! The OnFailure= handler: says once, in the log and as an event, that a unit has failed for good. Waits for nothing.
use crate::contract::error::Exit;
use crate::contract::events::DaemonPermanentlyFailed;
use crate::contract::host::UnitView;
use crate::contract::ids::NodeId;
use crate::contract::messages;
use crate::contract::paths;
use crate::contract::registry::DaemonType;
use crate::contract::router::NewEvent;
use crate::contract::text::Line;
use crate::platform::report::{event, keep, publish};
use crate::platform::systemd::SystemdView;
use crate::platform::{config, host, journal};
use clap::Parser;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Longest wait for the router before the report is kept in a file.
const RPC_TIMEOUT: Duration = Duration::from_secs(2);
const ROUTER_UNIT: &str = "ringrift-event-router.service";

/// The command line of `ringrift-failure`.
#[derive(Debug, Parser)]
#[command(
    name = "ringrift-failure",
    version,
    about = "Reports a permanently failed unit; started by systemd's OnFailure="
)]
struct Arguments {
    /// The failed unit, as in ringrift-auto-export.service
    unit: String,
}

/// The program.
pub fn main() -> ExitCode {
    let unit = unescape(&Arguments::parse().unit);
    journal::init("ringrift-failure");
    let view = match look(&SystemdView::new(), &unit) {
        Ok(view) => view,
        Err(error) => {
            tracing::error!(failed_unit = unit, "cannot find out whether {unit} failed permanently: {error}");
            return Exit::Unavailable.into();
        }
    };
    let Some(view) = view else {
        tracing::info!(failed_unit = unit, "{unit} is no longer failed or will be restarted: nothing to report");
        return Exit::Ok.into();
    };
    // Whatever is wrong with the configuration, the report must go out; the node's name then is the host's.
    let configured = config::load(&config::Dirs::daemon()).map(|loaded| loaded.config.node_id).unwrap_or_default();
    let report = report(&view, host::node_id(&configured));
    tracing::error!(
        MESSAGE_ID = messages::DAEMON_FAILED,
        failed_unit = unit,
        result = report.result,
        restarts = report.restart_count,
        "{} failed permanently: {} after {} restarts; see `ringrift daemon status {}`",
        report.daemon_name,
        report.result,
        report.restart_count,
        report.daemon_name
    );
    let event = event(&report, "ringrift-failure", format!("failed/{unit}/{}", report.invocation_id));
    match deliver(&event, &unit, &report.invocation_id) {
        Ok(()) => Exit::Ok.into(),
        Err(error) => {
            tracing::error!("the report is lost: {error}");
            Exit::Failure.into()
        }
    }
}

/// The unit if it has failed for good; a restart that is only waiting is no failure.
fn look(systemd: &SystemdView, unit: &str) -> Result<Option<UnitView>, String> {
    let seen = systemd.look(&[unit]).map_err(|e| e.to_string())?;
    Ok(seen.into_iter().find(is_failed))
}

fn is_failed(view: &UnitView) -> bool {
    view.active_state == "failed" && !view.start_queued
}

/// `%i` may come escaped; only `\xNN` is undone, since a `-` in our names is a `-`.
fn unescape(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("\\x") {
        out.push_str(before);
        let byte = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(u8::is_ascii);
        match byte {
            Some(byte) => out.push(char::from(byte)),
            None => out.push_str("\\x"),
        }
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    out.push_str(rest);
    out
}

fn report(view: &UnitView, node: NodeId) -> DaemonPermanentlyFailed {
    let daemon = DaemonType::of_unit(&view.name).map(|d| d.name().to_owned());
    DaemonPermanentlyFailed {
        daemon_name: daemon.unwrap_or_else(|| Line::new(&view.name).into()),
        hostname: node,
        restart_count: view.restarts_made(),
        requires_intervention: true,
        result: view.result.clone().unwrap_or_else(|| "unknown".into()),
        // Sockets have no run of their own; the time of the failure tells one from the next.
        invocation_id: view.invocation_id.clone().unwrap_or_else(|| view.since_us.unwrap_or(0).to_string()),
    }
}

/// To the router if it runs; else into the spool, from which the master publishes it. Connecting would start a router
/// that is down.
fn deliver(event: &NewEvent, unit: &str, run: &str) -> Result<(), String> {
    let router = SystemdView::new().look(&[ROUTER_UNIT]).unwrap_or_default();
    let published = match router.iter().find(|u| u.name == ROUTER_UNIT && u.is_up()) {
        Some(_) => publish(Path::new(paths::ROUTER_SOCKET), event, RPC_TIMEOUT).map_err(|e| e.to_string()),
        None => Err("the event router is not running".into()),
    };
    let Err(why) = published else { return Ok(()) };
    let file = Path::new(paths::FAILURES).join(format!("failed-{unit}-{run}.json"));
    tracing::warn!("{why}; the report stays in {} until the router answers", file.display());
    keep(&file, event).map_err(|e| format!("writing {}: {e}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(active: &str) -> UnitView {
        UnitView {
            name: "ringrift-auto-export.service".into(),
            active_state: active.into(),
            result: Some("exit-code".into()),
            restarts: Some(6),
            invocation_id: Some("ab12".into()),
            ..UnitView::default()
        }
    }

    #[test]
    fn only_a_unit_that_stays_failed_is_reported() {
        assert!(is_failed(&view("failed")));
        assert!(!is_failed(&view("activating")));
        assert!(!is_failed(&UnitView { start_queued: true, ..view("failed") }));
    }

    #[test]
    fn the_report_counts_the_restarts_that_were_made() {
        let node = NodeId::new("n1").expect("an id");
        let told = report(&view("failed"), node.clone());
        assert_eq!(
            (told.daemon_name.as_str(), told.restart_count, told.result.as_str()),
            ("AUTO_EXPORT", 5, "exit-code")
        );
        let config = UnitView { restarts: Some(2), exit_status: Some(78), ..view("failed") };
        assert_eq!(report(&config, node).restart_count, 2);
    }

    #[test]
    fn escaped_names_are_read() {
        assert_eq!(unescape("ringrift-auto-export.service"), "ringrift-auto-export.service");
        assert_eq!(unescape("ringrift\\x2dauto-export.service"), "ringrift-auto-export.service");
        assert_eq!(unescape("a\\xzz"), "a\\xzz");
    }
}
