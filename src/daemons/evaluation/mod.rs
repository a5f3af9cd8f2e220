//! The evaluation daemons.
pub mod auto_promotion;
pub mod evaluation;
