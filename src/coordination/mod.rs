//! Pure decisions: numbers in, verdict out. No I/O, no clock; time is an argument.
pub mod plan;
pub mod reconcile;
pub mod state;
