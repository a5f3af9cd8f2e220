//! Learning: sample files into memory, Adam over epochs, a checkpoint each epoch, the best epoch's model out.

pub mod adam;
pub mod checkpoint;
pub mod dataset;
pub mod epoch;
pub mod plot;
pub mod stage;

pub use stage::{TrainParams, run};
