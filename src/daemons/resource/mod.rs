//! The resource daemons.
pub mod idle_resource;
pub mod resource_optimizer;
pub mod utilization_optimizer;
