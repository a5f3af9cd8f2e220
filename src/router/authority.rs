//! Who may publish what: the kernel says who calls, the catalogue which events control the suite.
use super::kinds::Kind;
use super::methods::unknown;
use super::refusal::Refusal;
use crate::contract::envelope::EXTERNAL;
use crate::contract::ids::SubscriberName;
use crate::contract::rights::{self, Class, Verdict};
use crate::contract::wire::errors;
use crate::platform::varlink::Caller;

/// Refuses a method that the caller may not call, and one that has no row in the table.
pub fn call(caller: &Caller, method: &str) -> Result<(), Refusal> {
    match rights::judge(method, caller.class) {
        Verdict::Allowed => Ok(()),
        Verdict::Denied(need) => Err(Refusal::new(errors::PERMISSION_DENIED, caller.denied(method, need))),
        Verdict::Unknown => Err(unknown(method)),
    }
}

/// Refuses a subscription under a name that is not the caller's to use.
pub fn name(caller: &Caller, name: &SubscriberName) -> Result<(), Refusal> {
    if rights::may_subscribe(caller.class, name) {
        return Ok(());
    }
    let message =
        format!("the name {name} is reserved for the suite; user {} may use any other name", caller.peer.name());
    Err(Refusal::parameter(errors::PERMISSION_DENIED, "name", message))
}

/// Refuses a source that is not the caller's to speak for.
pub fn source(caller: &Caller, source: &str, parameter: impl FnOnce() -> String) -> Result<(), Refusal> {
    if caller.class.is_own() || !rights::is_suite_name(source) {
        return Ok(());
    }
    let message = format!("the source {source} is reserved for the suite; user {} may not use it", caller.peer.name());
    Err(Refusal::parameter(errors::PERMISSION_DENIED, parameter(), message))
}

/// Refuses what the caller may not publish, naming who may: the suite everything, an administrator what does not
/// control it, a member `external.*`.
pub fn check(caller: &Caller, kind: &Kind, parameter: impl FnOnce() -> String) -> Result<(), Refusal> {
    // What only a newer version understands may control it.
    let control = kind.unread() || kind.info.is_some_and(|info| info.kind.is_control());
    if rights::may_publish(caller.class, &kind.name, control) {
        return Ok(());
    }
    let (what, who) = if control {
        ("controls the suite", "root, ringrift and ringrift-master")
    } else if kind.name.starts_with(EXTERNAL) {
        ("is for programs outside the suite", "members of group ringrift")
    } else {
        ("is an event of the suite", "the suite's own users and members of group ringrift-admin")
    };
    let free = if caller.class == Class::Member { "; external.<name> may be used" } else { "" };
    let message = format!("{} {what}: {who} may publish it, user {} may not{free}", kind.name, caller.peer.name());
    Err(Refusal::parameter(errors::PERMISSION_DENIED, parameter(), message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::events::EventType;
    use crate::platform::varlink::Peer;
    use crate::router::kinds::Kinds;

    #[test]
    fn control_events_are_for_the_suite_and_the_others_for_all() {
        let mut kinds = Kinds::new(Vec::new());
        // What stands for a kind of event each; the set itself is counted below, so that a new control event is a
        // decision.
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
            for class in Class::ALL {
                let caller = Caller { peer: Peer { uid: 1000, gids: vec![1000], pid: 1 }, class };
                let checked = check(&caller, &kind, || "events[3].type".into());
                let allowed = match class {
                    Class::Root | Class::Suite => true,
                    Class::Admin => !control,
                    Class::Member => name == "external.anything",
                    Class::Anybody | Class::Job => false,
                };
                assert_eq!(checked.is_ok(), allowed, "{class:?}, {name}");
                if let Err(refusal) = checked {
                    assert_eq!(refusal.name, errors::PERMISSION_DENIED);
                    assert_eq!(refusal.parameters.parameter.as_deref(), Some("events[3].type"));
                    assert!(
                        refusal.parameters.message.contains(name) && refusal.parameters.message.contains("ringrift"),
                        "{refusal:?}"
                    );
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
