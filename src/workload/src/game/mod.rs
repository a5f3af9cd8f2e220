//! The game RingRift: boards, states, moves, rules, and their JSON forms.

mod board;
mod geometry;
mod moves;
mod playout;
mod state;

pub use board::{BoardKind, GameConfig, MAX_CELLS, MAX_HEIGHT, MAX_PLAYERS, UnknownConfig};
pub use geometry::{Cell, Geometry, NO_CELL, geometry};
pub use moves::{Move, MoveKind};
pub use playout::playout;
pub use state::{Content, IllegalMove, Outcome, Phase, Reason, State};
