//! What the master does about one daemon that shall run and does not. Pure; time is an argument.
use crate::contract::age::has_passed;
use crate::contract::backoff;
use crate::contract::host::UnitView;
use crate::contract::registry::{DaemonSpec, Hub};
use crate::contract::time::{Span, Wall};

/// Longest time between two starts of a daemon whose start ends without it running.
const LONGEST: Span = Span::of_secs(60);

/// What the master did about a daemon and saw of it since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Past {
    /// A job that it queued has not ended yet.
    pub pending: bool,
    /// When it last asked for a start.
    pub asked: Option<Wall>,
    /// Starts asked for since it was last seen up.
    pub attempts: u32,
    /// Since when it was up, if it was seen up since then.
    pub up: Option<Wall>,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it runs, is on its way, has failed for good or cannot be started.
    Nothing,
    /// Start it.
    Start,
    /// Not yet, for this reason.
    Hold(String),
    /// It went down in order without us: somebody stopped it. It is left alone.
    LeftAlone,
}

/// Whether the daemon may cause events that others subscribe to, so that it must not start before the subscriptions
/// stand.
pub fn emits(spec: &DaemonSpec) -> bool {
    !spec.publishes.is_empty() || spec.hard.contains(&Hub::Coordinator)
}

/// Decides about one daemon that the profile (or an operator) wants up.
pub fn step(
    spec: &DaemonSpec,
    unit: &UnitView,
    past: &Past,
    hubs: &[(Hub, &UnitView)],
    registered: bool,
    now: Wall,
) -> Step {
    if unit.load_state != "loaded" || unit.is_up() || past.pending || unit.active_state != "inactive" {
        return Step::Nothing;
    }
    // A hub without its socket: systemd would refuse the start with "dependency".
    let broken = hubs.iter().find(|(hub, view)| spec.required().any(|h| h == *hub) && view.active_state == "failed");
    if let Some((hub, _)) = broken {
        return Step::Hold(format!("waiting for {}, which has failed", hub.socket_unit()));
    }
    if emits(spec) && !registered {
        return Step::Hold("waiting until all declared subscriptions are registered".into());
    }
    if let Some(up) = past.up
        && !went_with_a_hub(spec, up, hubs)
    {
        return Step::LeftAlone;
    }
    match past.asked {
        Some(asked) if !has_passed(asked, delay(past.attempts), now) => {
            Step::Hold(format!("start {} failed; retrying", past.attempts))
        }
        _ => Step::Start,
    }
}

/// Whether a socket that it requires is down, or was so after the daemon had come up: then it was taken along, not
/// stopped.
fn went_with_a_hub(spec: &DaemonSpec, up: Wall, hubs: &[(Hub, &UnitView)]) -> bool {
    let gone = |view: &UnitView| !view.is_up() || view.since_us.is_some_and(|since| Wall::of_us(since) > up);
    hubs.iter().any(|(hub, view)| spec.required().any(|h| h == *hub) && gone(view))
}

/// 1, 2, 4 … 60 s after the n-th start.
fn delay(attempts: u32) -> Span {
    Span::of_us(backoff::after(Span::SECOND.us(), attempts, LONGEST.us()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::registry::DaemonType as D;

    fn unit(active: &str, since_s: Option<i64>) -> UnitView {
        UnitView {
            load_state: "loaded".into(),
            active_state: active.into(),
            since_us: since_s.map(|s| s * Span::SECOND.us()),
            ..UnitView::default()
        }
    }

    fn at(seconds: i64) -> Wall {
        Wall::default() + Span::SECOND * seconds
    }

    fn decide(unit: &UnitView, past: &Past, socket: &UnitView, registered: bool) -> Step {
        step(D::AutoExport.spec(), unit, past, &[(Hub::Router, socket)], registered, at(1000))
    }

    #[test]
    fn what_was_left_out_is_started_and_what_failed_is_not() {
        let socket = unit("active", Some(1));
        assert_eq!(decide(&unit("inactive", None), &Past::default(), &socket, true), Step::Start);
        for state in ["failed", "active", "activating", "deactivating"] {
            assert_eq!(decide(&unit(state, Some(5)), &Past::default(), &socket, true), Step::Nothing, "{state}");
        }
        let missing = UnitView { load_state: "not-found".into(), ..unit("inactive", None) };
        assert_eq!(decide(&missing, &Past::default(), &socket, true), Step::Nothing);
    }

    #[test]
    fn a_failed_hub_holds_its_dependents_until_it_is_back() {
        let inactive = unit("inactive", None);
        let held = decide(&inactive, &Past::default(), &unit("failed", Some(900)), true);
        assert!(matches!(&held, Step::Hold(why) if why.contains("ringrift-router.socket")), "{held:?}");
        assert_eq!(decide(&inactive, &Past::default(), &unit("active", Some(950)), true), Step::Start);
    }

    #[test]
    fn emitters_wait_for_the_subscriptions() {
        let socket = unit("active", Some(1));
        assert!(matches!(decide(&unit("inactive", None), &Past::default(), &socket, false), Step::Hold(_)));
        let router = step(D::EventRouter.spec(), &unit("inactive", None), &Past::default(), &[], false, at(0));
        assert_eq!(router, Step::Start, "the router itself is where they are registered");
    }

    #[test]
    fn a_stop_by_somebody_else_is_respected_unless_a_hub_took_it_along() {
        let past = Past { up: Some(at(2)), ..Past::default() };
        let down = unit("inactive", Some(4));
        assert_eq!(
            decide(&down, &past, &unit("active", Some(1)), true),
            Step::LeftAlone,
            "also right after the suite's start"
        );
        assert_eq!(
            decide(&down, &past, &unit("active", Some(3)), true),
            Step::Start,
            "the socket was started anew meanwhile"
        );
        assert_eq!(decide(&down, &past, &unit("inactive", Some(4)), true), Step::Start, "the socket is down as well");
    }

    #[test]
    fn starts_that_lead_nowhere_come_ever_slower() {
        let socket = unit("active", Some(1));
        let past = |attempts, ago: i64| Past { asked: Some(at(1000 - ago)), attempts, ..Past::default() };
        assert!(matches!(decide(&unit("inactive", None), &past(3, 3), &socket, true), Step::Hold(_)));
        assert_eq!(decide(&unit("inactive", None), &past(3, 4), &socket, true), Step::Start);
        assert!(matches!(decide(&unit("inactive", None), &past(30, 59), &socket, true), Step::Hold(_)));
        assert_eq!(decide(&unit("inactive", None), &past(30, 60), &socket, true), Step::Start);
    }
}
