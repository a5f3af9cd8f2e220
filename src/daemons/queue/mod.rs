//! The queue daemons.
pub mod queue_populator;
