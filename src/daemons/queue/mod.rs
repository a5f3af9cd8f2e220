//! The queue daemons.
pub mod job_reaper;
pub mod job_scheduler;
pub mod queue_populator;
