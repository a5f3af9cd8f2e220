//! Random play to the end of a game.

use super::moves::Move;
use super::outcome::Outcome;
use super::state::State;

/// Plays random moves until the game ends. `pick(n)` chooses one of `n` moves; `moves` is scratch space.
pub fn playout(state: &mut State, moves: &mut Vec<Move>, mut pick: impl FnMut(usize) -> usize) -> Option<Outcome> {
    loop {
        if let Some(outcome) = state.outcome() {
            return Some(outcome);
        }
        state.legal_moves(moves);
        if moves.is_empty() {
            return None;
        }
        let mv = moves[pick(moves.len())];
        state.apply(&mv);
    }
}
