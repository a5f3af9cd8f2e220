//! A machine that looks as a test says; what the test does not say cannot be read.
use super::{Fake, Held, node_id};
use crate::contract::host::HostSnapshot;
use crate::contract::ids::NodeId;
use crate::contract::ports::{Host, Node, Port};

/// The machine.
#[derive(Debug, Default)]
pub struct Machine {
    pub seen: HostSnapshot,
}

impl Held for Machine {
    const PORT: Port = Port::Host;
}

impl Node for Fake<Machine> {
    fn node(&self) -> NodeId {
        self.asked();
        node_id()
    }
}

impl Host for Fake<Machine> {
    fn snapshot(&self) -> HostSnapshot {
        self.asked().seen.clone()
    }
}
