//! The event daemons.
pub mod dlq_retry;
