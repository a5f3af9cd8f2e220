//! Pure decisions: numbers in, verdict out. No I/O, no clock; time is an argument.
pub mod allocation;
pub mod plan;
pub mod promotion;
pub mod reconcile;
pub mod state;
pub mod threshold;
