//! The feedback daemons.
pub mod feedback_loop;
