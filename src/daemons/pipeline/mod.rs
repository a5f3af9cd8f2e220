//! The pipeline daemons.
pub mod auto_export;
mod catalog_calls;
pub mod data_pipeline;
mod description;
mod effects;
mod housekeeping;
mod inspection;
pub mod selfplay_coordinator;
mod stage_results;
#[cfg(test)]
mod testdata;
pub mod training_trigger;
