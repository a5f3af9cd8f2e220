//! The workload contract, version 1: job description in, progress lines and `result.json` out.

pub mod files;
pub mod job;
pub mod report;
pub mod result;
pub mod stage;
pub mod stop;

pub use job::{FileRef, Inputs, Job};
pub use report::Reporter;
pub use result::{Artefact, StageResult};
pub use stage::{Stage, StageArgs};
pub use stop::Stop;
