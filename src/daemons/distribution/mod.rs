//! The distribution daemons.
pub mod model_distribution;
