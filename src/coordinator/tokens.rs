//! Who is shown the tokens of leases: a lease's holder when it is granted, and the suite's own processes, which name
//! attempts by them.
use crate::contract::coordinator::{LeaseList, Listed, Shown, WorkItem};
use crate::contract::ids::FencingToken;
use crate::contract::rights::Class;
use crate::platform::varlink::Caller;
use nix::unistd::geteuid;

/// Whether a caller gets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// A process of the suite.
    Shown,
    /// Anybody else, root's commands included: lists are printed and kept.
    Withheld,
}

impl Tokens {
    /// By what the caller is to the suite. Whoever is of this process's own user could look into it anyway.
    pub fn for_caller(caller: &Caller) -> Tokens {
        let own = caller.peer.uid == geteuid().as_raw();
        if own || caller.class == Class::Suite { Tokens::Shown } else { Tokens::Withheld }
    }

    fn item(self, item: &mut WorkItem) {
        if let (Tokens::Withheld, Some(lease)) = (self, &mut item.lease) {
            lease.token = FencingToken::default();
        }
    }
    /// A List for this caller.
    pub fn of_list(self, mut listed: Listed) -> Listed {
        listed.items.iter_mut().for_each(|item| self.item(item));
        listed
    }
    /// A Show for this caller.
    pub fn of_item(self, mut shown: Shown) -> Shown {
        self.item(&mut shown.item);
        shown
    }
    /// Leases for this caller.
    pub fn of_leases(self, mut list: LeaseList) -> LeaseList {
        if self == Tokens::Withheld {
            list.leases.iter_mut().for_each(|view| view.lease.token = FencingToken::default());
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::varlink::Peer;
    use serde_json::json;

    #[test]
    fn no_list_shows_a_token_to_others() {
        let list: LeaseList = serde_json::from_value(json!({"leases": [{"requested_by": "x", "lease": {
            "lease_id": "ep-lx", "token": 7, "task_type": "selfplay", "node": "n", "granted_us": 0, "expires_us": 0
        }}]}))
        .expect("a list");
        let peer = Peer { uid: geteuid().as_raw() + 1, gids: vec![], pid: 0 };
        let for_class = |class| Tokens::for_caller(&Caller { peer: peer.clone(), class });
        assert_eq!(for_class(Class::Suite).of_leases(list.clone()), list);
        for class in [Class::Root, Class::Admin, Class::Member, Class::Anybody, Class::Job] {
            let shown = for_class(class).of_leases(list.clone());
            assert!(!serde_json::to_string(&shown).expect("serialises").contains("token"), "{shown:?}");
        }
    }
}
