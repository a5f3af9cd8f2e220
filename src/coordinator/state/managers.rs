//! The managers inside the coordinator: their states and counts, and what they remember beside the database.
use crate::contract::coordinator::LifeState;
use crate::contract::coordinator::optimizer::Advice;
use crate::contract::coordinator::safeguards::MANAGERS;
use crate::contract::ids::NodeId;
use crate::contract::time::Mono;
use crate::coordination::lifecycle::Registry;
use std::collections::{BTreeMap, HashMap};

/// All of it can be lost.
#[derive(Debug)]
pub struct Managers {
    /// Their states.
    pub registry: Registry,
    /// When reservations of bandwidth end.
    pub reservations: HashMap<String, Mono>,
    /// The optimizer's last advice on each node and when it was given.
    pub advice: BTreeMap<NodeId, (Mono, Advice)>,
    /// What became of the job units at the last halt.
    pub halt_steps: Vec<String>,
}

impl Default for Managers {
    fn default() -> Self {
        let mut registry = Registry::default();
        for (name, priority) in MANAGERS {
            registry.register(name, priority);
        }
        registry.set_all(LifeState::Ready);
        Managers { registry, reservations: HashMap::new(), advice: BTreeMap::new(), halt_steps: Vec::new() }
    }
}

impl Managers {
    /// One more thing done.
    pub fn handled(&mut self, name: &str) {
        self.registry.handled(name);
    }
    /// An error; the manager goes on.
    pub fn failed(&mut self, name: &str, why: &str) {
        self.registry.failed(name, why);
    }
}
