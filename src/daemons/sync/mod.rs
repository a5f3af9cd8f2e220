//! The sync daemons.
pub mod training_node_watcher;
