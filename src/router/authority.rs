//! Who may publish what: the kernel says who calls, the catalogue which events control the suite.
use super::kinds::Kind;
use super::refusal::Refusal;
use crate::contract::wire::errors;
use crate::platform::varlink::Peer;
use nix::unistd::{Uid, User};

/// The suite's own users, beside root: daemons and hubs, and the master.
const OWN: [&str; 2] = ["ringrift", "ringrift-master"];

/// Who may publish events that control the suite.
#[derive(Debug, Clone)]
pub struct Authority {
    trusted: Vec<u32>,
}

impl Authority {
    /// Root, the suite's users as far as they exist here, and whoever the router itself runs as: on a developer's machine that is
    /// neither.
    pub fn of_this_machine() -> Authority {
        let named = OWN.iter().filter_map(|name| User::from_name(name).ok().flatten()).map(|user| user.uid.as_raw());
        Authority { trusted: [0, Uid::effective().as_raw()].into_iter().chain(named).collect() }
    }

    /// Whether the caller is of the suite.
    pub fn trusts(&self, peer: Peer) -> bool {
        self.trusted.contains(&peer.uid)
    }

    /// Refuses a control event of anybody else, naming who may.
    pub fn check(&self, peer: Peer, kind: &Kind, parameter: impl FnOnce() -> String) -> Result<(), Refusal> {
        // What only a newer version understands may control it.
        let control = kind.unread() || kind.info.is_some_and(|info| info.kind.is_control());
        if !control || self.trusts(peer) {
            return Ok(());
        }
        let caller = match User::from_uid(Uid::from_raw(peer.uid)) {
            Ok(Some(user)) => format!("user {}", user.name),
            _ => format!("uid {}", peer.uid),
        };
        let message = format!(
            "{} controls the suite: root, {} and {} may publish it, {caller} may not; external.<name> is free to use",
            kind.name, OWN[0], OWN[1]
        );
        Err(Refusal::parameter(errors::PERMISSION_DENIED, parameter(), message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::events::EventType;
    use crate::router::kinds::Kinds;

    #[test]
    fn control_events_are_for_the_suite_and_the_others_for_all() {
        let authority = Authority { trusted: vec![0, 900, 901] };
        let mut kinds = Kinds::new(Vec::new());
        // What stands for a kind of event each; the set itself is counted below, so that a new control event is a decision.
        let table = [
            ("daemon_stopped", true),
            ("daemon_permanently_failed", true),
            ("work_completed", true),
            ("task_orphaned", true),
            ("host_offline", true),
            ("backpressure_activated", true),
            ("evaluation_completed", true),
            ("model_promoted", true),
            ("dlq_events_replayed", true),
            ("new_games", false),
            ("sync_request", false),
            ("exploration_boost", false),
            ("training_completed", false),
            ("disk_space_low", false),
            ("external.anything", false),
        ];
        for (name, control) in table {
            let kind = kinds.intern(name, String::new).expect("a type").clone();
            for (uid, trusted) in [(0, true), (900, true), (901, true), (1000, false), (65534, false)] {
                let checked = authority.check(Peer { uid, gid: 0, pid: 1 }, &kind, || "events[3].type".into());
                assert_eq!(checked.is_ok(), trusted || !control, "uid {uid}, {name}");
                if let Err(refusal) = checked {
                    assert_eq!(refusal.name, errors::PERMISSION_DENIED);
                    assert_eq!(refusal.parameters.parameter.as_deref(), Some("events[3].type"));
                    for part in [name, "root", "ringrift-master"] {
                        assert!(refusal.parameters.message.contains(part), "{refusal:?}");
                    }
                }
            }
        }
        let control = EventType::ALL.iter().filter(|kind| kind.is_control());
        let by_category = |category| EventType::ALL.iter().filter(|kind| kind.info().category == category).count();
        use crate::contract::events::Category;
        let whole: usize = [Category::Work, Category::Daemon, Category::Router].into_iter().map(by_category).sum();
        assert_eq!(control.count(), whole + 6);
    }
}
