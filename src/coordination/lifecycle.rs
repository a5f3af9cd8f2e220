//! States of the coordinator and of the managers in it, and the order in which they are shut down.
use crate::contract::coordinator::{LifeState, ManagerView};

/// Whether one state may follow another.
pub fn may_follow(from: LifeState, to: LifeState) -> bool {
    use LifeState::*;
    match (from, to) {
        (a, b) if a == b => true,
        (Initializing, Ready | Error | Stopped) => true,
        (Ready, Running | Error | Draining | Stopped) => true,
        (Running, Paused | Draining | Error | Stopped) => true,
        (Paused, Running | Draining | Error | Stopped) => true,
        (Error, Ready | Running | Draining | Stopped) => true,
        (Draining, Stopped | Error) => true,
        // A stopped one is recreated.
        _ => false,
    }
}

/// The managers of a coordinator: each has a state, counts its errors and says what it is about.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    managers: Vec<ManagerView>,
}

impl Registry {
    /// One more, INITIALIZING. A larger priority is shut down earlier.
    pub fn register(&mut self, name: &str, shutdown_priority: u32) {
        if self.managers.iter().all(|m| m.name != name) {
            let name = name.to_owned();
            self.managers.push(ManagerView {
                name,
                state: LifeState::Initializing,
                shutdown_priority,
                errors: 0,
                last_error: None,
                handled: 0,
            });
        }
    }
    fn find(&mut self, name: &str) -> Option<&mut ManagerView> {
        self.managers.iter_mut().find(|m| m.name == name)
    }
    /// Changes a state; false, and nothing is changed, when that cannot follow.
    pub fn set(&mut self, name: &str, to: LifeState) -> bool {
        match self.find(name).filter(|m| may_follow(m.state, to)) {
            Some(manager) => {
                manager.state = to;
                true
            }
            None => false,
        }
    }
    /// Changes all that may change.
    pub fn set_all(&mut self, to: LifeState) {
        for manager in self.managers.iter_mut().filter(|m| may_follow(m.state, to)) {
            manager.state = to;
        }
    }
    /// One more thing done.
    pub fn handled(&mut self, name: &str) {
        if let Some(manager) = self.find(name) {
            manager.handled += 1;
        }
    }
    /// An error; the manager continues.
    pub fn failed(&mut self, name: &str, why: &str) {
        if let Some(manager) = self.find(name) {
            manager.errors += 1;
            manager.last_error = Some(why.to_owned());
        }
    }
    /// In the order of registration.
    pub fn all(&self) -> &[ManagerView] {
        &self.managers
    }
    /// Names in the order of shutdown: priority, then reverse registration.
    pub fn shutdown_order(&self) -> Vec<String> {
        let mut order: Vec<_> = self.managers.iter().enumerate().collect();
        order.sort_by_key(|(at, m)| (std::cmp::Reverse(m.shutdown_priority), std::cmp::Reverse(*at)));
        order.into_iter().map(|(_, m)| m.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LifeState::*;

    #[test]
    fn states_follow_in_order() {
        let all = [Initializing, Ready, Running, Paused, Draining, Error, Stopped];
        let allowed = |from| all.into_iter().filter(|to| *to != from && may_follow(from, *to)).collect::<Vec<_>>();
        assert_eq!(allowed(Initializing), [Ready, Error, Stopped]);
        assert_eq!(allowed(Running), [Paused, Draining, Error, Stopped]);
        assert_eq!(allowed(Draining), [Error, Stopped], "what drains does not run again");
        assert_eq!(allowed(Stopped), []);
    }

    #[test]
    fn shutdown_goes_by_priority_then_backwards() {
        let mut registry = Registry::default();
        for (name, priority) in [("a", 0), ("b", 10), ("c", 0), ("d", 10)] {
            registry.register(name, priority);
        }
        registry.register("a", 99);
        assert_eq!(registry.shutdown_order(), ["d", "b", "c", "a"]);
        assert!(!registry.set("a", Running), "INITIALIZING first becomes READY");
        registry.set_all(Ready);
        registry.failed("b", "disk");
        assert!(registry.set("b", Running));
        assert_eq!((registry.all()[1].state, registry.all()[1].errors), (Running, 1));
        assert!(!registry.set("nobody", Running));
    }
}
