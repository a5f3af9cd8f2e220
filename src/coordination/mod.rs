//! Pure decisions: numbers in, verdict out. No I/O, no clock; time is an argument.
pub mod allocation;
pub mod gate;
pub mod handover;
pub mod lease;
pub mod limits;
pub mod plan;
pub mod promotion;
pub mod queue;
pub mod reconcile;
pub mod retry;
pub mod state;
pub mod threshold;
