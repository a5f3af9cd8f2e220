//! The health daemons.
pub mod health_server;
mod metrics;
mod use_metrics;
pub mod work_queue_monitor;
