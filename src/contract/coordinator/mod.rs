//! `org.ringrift.Coordinator`: the work queue, leases, limits, safeguards and managers.
pub mod bandwidth;
mod calls;
pub mod conditions;
pub mod durations;
mod methods;
pub mod optimizer;
pub mod safeguards;
pub mod scheduling;
mod selection;
mod work;

pub use calls::*;
pub use methods::{Called, DESCRIPTION, INTERFACE, RIGHTS, method};
pub use safeguards::*;
pub use scheduling::*;
pub use selection::*;
pub use work::*;
