//! Measurements of the workload's own speed.

pub mod memory;
pub mod playouts;
pub mod stages;
