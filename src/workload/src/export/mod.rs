//! Export: shards in, one `samples.npz` out, readable by numpy without pickle.

pub mod collect;
pub mod columns;
pub mod npz;
pub mod stage;

pub use stage::{ExportParams, run};
