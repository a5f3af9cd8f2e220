//! Measurements of the workload's own speed.

pub mod playouts;
