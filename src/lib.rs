//! The ringrift suite as one library: every program is a few lines that call into it.
pub mod cli;
pub mod contract;
pub mod coordination;
pub mod coordinator;
pub mod daemons;
pub mod failure;
pub mod jobrunner;
pub mod master;
pub mod platform;
pub mod programs;
pub mod router;
pub mod runtime;
pub mod starts;
pub mod units;
