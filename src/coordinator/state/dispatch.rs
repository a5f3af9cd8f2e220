//! Masters that take orders, and orders that are sent when the change that made them is on disk.
use crate::contract::coordinator::Order;
use crate::contract::ids::NodeId;
use crate::coordinator::mailbox::Mailbox;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who takes orders, and what is to be sent.
#[derive(Default)]
pub struct Dispatch {
    masters: BTreeMap<NodeId, Arc<Mailbox>>,
    orders: Vec<(NodeId, Order)>,
}

impl Dispatch {
    /// Nodes whose master takes orders.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeId> {
        self.masters.keys()
    }
    /// Whether a node's master takes orders.
    pub fn reaches(&self, node: &NodeId) -> bool {
        self.masters.contains_key(node)
    }
    /// Whether no master takes orders.
    pub fn is_empty(&self) -> bool {
        self.masters.is_empty()
    }
    /// A master takes orders from now on; one that was connected before gets no more.
    pub fn connect(&mut self, node: NodeId, mailbox: Arc<Mailbox>) {
        if let Some(former) = self.masters.insert(node, mailbox) {
            former.close();
        }
    }
    /// A master hung up, unless another one has taken over.
    pub fn disconnect(&mut self, node: &NodeId, mailbox: &Arc<Mailbox>) {
        if self.masters.get(node).is_some_and(|current| Arc::ptr_eq(current, mailbox)) {
            self.masters.remove(node);
        }
    }
    /// An order, to be sent once the change is committed.
    pub fn order(&mut self, node: &NodeId, order: Order) {
        self.orders.push((node.clone(), order));
    }
    /// How many orders there are; a rollback goes back to it.
    pub fn mark(&self) -> usize {
        self.orders.len()
    }
    /// The savepoint was rolled back.
    pub fn rolled_back(&mut self, mark: usize) {
        self.orders.truncate(mark);
    }
    /// Sends the orders; those of masters that hung up are sent when one connects.
    pub fn committed(&mut self) {
        for (node, order) in self.orders.drain(..) {
            if let Some(mailbox) = self.masters.get(&node) {
                mailbox.put(order);
            }
        }
    }
    /// Nothing of it is on disk.
    pub fn failed(&mut self) {
        self.orders.clear();
    }
}
