//! What each stage's result must hold: one table, which the job-runner checks before an attempt counts as done, from
//! which the catalog's daemon reads, and which ringrift-workload(7) shows. The built-in workload compiles the same
//! files for `check-result`, so they name nothing else of the suite.
mod bounds;
mod check;
mod manual;
mod read;
mod table;

pub use bounds::{Listed, MAX_ARTEFACTS, MAX_DEPTH, MAX_META_BYTES, MAX_METRICS_BYTES, MAX_RESULT_BYTES};
pub use check::{Refused, check};
pub use manual::manual;
pub use read::Checked;
pub use table::{ArtefactRule, Kind, Metric, STAGES, StageSchema, stage};
