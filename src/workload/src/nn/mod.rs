//! The network: how positions and moves are encoded, the forward and backward passes, and the file it lives in.

pub mod encode;
pub mod evaluator;
pub mod kernel;
pub mod model;
pub mod net;
pub mod patterns;
pub mod policy;

pub use encode::{Encoder, Features, GLOBALS};
pub use evaluator::NetEvaluator;
pub use model::{Lineage, Model};
pub use net::{Layout, Scratch, Shape, Target, backward, forward};
pub use policy::{PolicySpace, Rows};
