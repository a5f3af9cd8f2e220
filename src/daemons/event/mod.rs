//! The event daemons.
pub mod cross_process_poller;
pub mod dlq_retry;
