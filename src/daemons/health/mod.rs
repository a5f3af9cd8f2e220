//! The Health daemons.
pub mod health_server;
mod metrics;
mod overview;
