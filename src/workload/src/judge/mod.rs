//! Judging: paired matches, the sequential test that ends them, ratings with their bounds.

pub mod matches;
pub mod sprt;
pub mod stage;

pub use stage::{EvaluationParams, run};
