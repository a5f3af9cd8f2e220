//! The recovery daemons.
pub mod disk_space_manager;
