//! The built-in workload of ringrift: the game RingRift played, learned and judged on a CPU.

pub mod bench;
pub mod game;
pub mod verify;
pub mod view;
