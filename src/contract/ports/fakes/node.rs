//! The machine's name.
use super::{Fake, Held, node_id};
use crate::contract::ids::NodeId;
use crate::contract::ports::{Node, Port};

/// The name `n1`.
#[derive(Debug, Default)]
pub struct Name;

impl Held for Name {
    const PORT: Port = Port::Node;
}

impl Node for Fake<Name> {
    fn node(&self) -> NodeId {
        self.asked();
        node_id()
    }
}
