//! Pure decisions: numbers in, verdict out. No I/O, no clock; time is an argument.
pub mod gate;
pub mod lease;
pub mod limits;
pub mod queue;
pub mod retry;
