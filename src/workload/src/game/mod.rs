//! The game RingRift: boards, states, moves, rules, and their JSON forms.

mod apply;
mod board;
mod cells;
mod check;
mod geometry;
mod json;
mod legal;
mod lines;
mod moves;
mod outcome;
mod playout;
mod reach;
mod recovery;
mod region_name;
mod state;
mod territory;
mod text;
mod turn;

/// Version of the rules that this program plays. It grows with every change after which a game may go another way, and
/// stands in games, samples, models and results; what does not carry it is of version 1.
pub const RULES_VERSION: u32 = 2;

pub use board::{BoardKind, GameConfig, MAX_CELLS, MAX_HEIGHT, MAX_PLAYERS, UnknownConfig};
pub use check::IllegalMove;
pub use geometry::{Cell, Geometry, NO_CELL, geometry};
pub use json::BadState;
pub use moves::{Move, MoveKind, recovery as recovery_mode};
pub use outcome::{Outcome, Reason};
pub use playout::playout;
pub use state::{Content, Phase, State};
