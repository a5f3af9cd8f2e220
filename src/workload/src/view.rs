//! The board drawn in a terminal.

use crate::game::State;

/// The position as text, one line a row, with the counts of each player below.
pub fn draw(state: &State) -> String {
    format!("{} {:?}\n", state.config(), state.phase())
}
