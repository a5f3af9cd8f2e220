//! `org.ringrift.Catalog`, the socket of DATA_PIPELINE: artefacts, lineage, ratings, stages.
mod calls;
mod methods;
mod records;

pub use calls::*;
pub use methods::{Called, DESCRIPTION, INTERFACE, RIGHTS, method};
pub use records::*;
