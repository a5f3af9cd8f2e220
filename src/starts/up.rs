//! Waiting for the hubs: a start of the suite that left one behind must not look like a success.
use super::manager::{IN_ORDER, unavailable};
use crate::contract::error::{Exit, Failure};
use crate::contract::host::UnitView;
use crate::contract::registry::HUB_SERVICES;
use crate::platform::systemd::{ServiceManager, Systemd, connect};
use std::time::{Duration, Instant};

/// Longest wait; below the unit's TimeoutStartSec=.
const START_TIMEOUT: Duration = Duration::from_secs(90);
/// A hub that ended this often since it was started does not come up by waiting.
const HOPELESS: u32 = 3;
/// Longest time between two looks; signals of systemd bring them forward.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// What is to be said of the hubs together.
#[derive(Debug, PartialEq, Eq)]
enum HubsState {
    /// All are active.
    Up,
    /// Some are on their way.
    Wait,
    /// These do not come up, each with the reason.
    Broken(Vec<String>),
}

/// Returns when all hubs are active; fails when one does not come up.
pub(super) async fn up() -> Result<(), Failure> {
    let connection = connect(None).await.map_err(unavailable)?;
    let (systemd, mut changes) = Systemd::subscribed(connection).await.map_err(unavailable)?;
    let begun = Instant::now();
    loop {
        let hubs = systemd.list(&HUB_SERVICES).await.map_err(unavailable)?;
        match judge(&hubs, begun.elapsed() > START_TIMEOUT) {
            HubsState::Up => return Ok(()),
            HubsState::Wait => {}
            HubsState::Broken(names) => {
                let failure = Failure::new(Exit::Failure, format!("the suite did not start: {}", names.join(", ")));
                return Err(failure.hint("see `ringrift status`"));
            }
        }
        // Whatever changed, the next look shows it.
        drop(tokio::time::timeout(POLL_INTERVAL, changes.recv()).await);
    }
}

fn judge(hubs: &[UnitView], late: bool) -> HubsState {
    let down: Vec<&UnitView> = hubs.iter().filter(|u| !u.is_active()).collect();
    let hopeless = |u: &&&UnitView| {
        let failed = u.active_state == "failed" && !u.start_queued;
        let again = u.restarts.is_some_and(|n| n >= HOPELESS) && u.result.as_deref() != Some(IN_ORDER);
        late || failed || again || !matches!(u.load_state.as_str(), "loaded" | "")
    };
    match down.iter().filter(hopeless).map(|u| name(u)).collect::<Vec<_>>() {
        broken if !broken.is_empty() => HubsState::Broken(broken),
        _ if down.is_empty() => HubsState::Up,
        _ => HubsState::Wait,
    }
}

fn name(unit: &UnitView) -> String {
    let result = unit.result.as_deref().filter(|r| *r != IN_ORDER).map(|r| format!(", {r}")).unwrap_or_default();
    let code = unit.exit_status.filter(|c| *c != 0).map(|c| format!(" {c}")).unwrap_or_default();
    format!("{} is {} ({}{result}{code})", unit.name, unit.active_state, unit.sub_state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(active: &str, sub: &str, result: &str, restarts: u32) -> UnitView {
        UnitView {
            name: "ringrift-coordinator.service".into(),
            load_state: "loaded".into(),
            active_state: active.into(),
            sub_state: sub.into(),
            result: Some(result.into()),
            restarts: Some(restarts),
            ..UnitView::default()
        }
    }

    #[test]
    fn a_hub_on_its_way_is_waited_for_and_one_that_crashes_is_named() {
        let well = hub("active", "running", "success", 0);
        assert_eq!(judge(std::slice::from_ref(&well), false), HubsState::Up);
        for coming in [hub("inactive", "dead", "success", 0), hub("activating", "auto-restart", "exit-code", 2)] {
            assert_eq!(judge(&[well.clone(), coming.clone()], false), HubsState::Wait);
            assert!(matches!(judge(&[well.clone(), coming], true), HubsState::Broken(_)), "not for ever");
        }
        for broken in [hub("failed", "failed", "exit-code", 0), hub("activating", "auto-restart", "exit-code", 3)] {
            let HubsState::Broken(names) = judge(&[well.clone(), broken], false) else { panic!("not seen") };
            assert!(names.len() == 1 && names[0].starts_with("ringrift-coordinator.service is"), "{names:?}");
        }
    }
}
