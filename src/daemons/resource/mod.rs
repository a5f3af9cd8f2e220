//! The resource daemons.
pub mod idle_resource;
