//! A hand-written judgement of positions, the same features for all boards, as a baseline and as a first evaluator.
//!
//! Each player's score is a weighted sum of shares: eliminated rings of the elimination threshold, territory of the
//! territory threshold, markers of the cells, controlled stacks of all stacks, rings in own caps and rings in hand of
//! the ring supply. A player's value is the tanh of the lead over the best opponent.

use crate::game::{Cell, Content, MAX_PLAYERS, Move, State};
use crate::nn::kernel::tanh;

use super::Evaluator;

const ELIMINATED: f32 = 3.0;
const TERRITORY: f32 = 3.0;
const MARKERS: f32 = 0.8;
const STACKS: f32 = 0.5;
const CAPS: f32 = 0.8;
const HAND: f32 = 0.4;
/// How fast a lead turns into certainty.
const SHARPNESS: f32 = 1.5;

/// The score of each player; higher is better.
pub fn scores(state: &State) -> [f32; MAX_PLAYERS] {
    let config = state.config();
    let cells = config.board.cells();
    let rings = f32::from(config.board.rings_per_player());
    let (mut markers, mut stacks, mut caps) = ([0u16; MAX_PLAYERS], [0u16; MAX_PLAYERS], [0u16; MAX_PLAYERS]);
    for cell in 0..cells {
        match state.content(cell as Cell) {
            Content::Marker(owner) => markers[usize::from(owner)] += 1,
            Content::Stack { owner, cap, .. } => {
                stacks[usize::from(owner)] += 1;
                caps[usize::from(owner)] += u16::from(cap);
            }
            Content::Empty | Content::Collapsed(_) => {}
        }
    }
    let all_stacks = f32::from(stacks.iter().sum::<u16>().max(1));
    let mut out = [0.0; MAX_PLAYERS];
    for player in 0..config.players {
        let i = usize::from(player);
        out[i] = ELIMINATED * f32::from(state.eliminated(player)) / f32::from(config.elimination_threshold())
            + TERRITORY * f32::from(state.territory(player)) / f32::from(config.territory_threshold())
            + MARKERS * f32::from(markers[i]) / cells as f32
            + STACKS * f32::from(stacks[i]) / all_stacks
            + CAPS * f32::from(caps[i]) / rings
            + HAND * f32::from(state.hand(player)) / rings;
    }
    out
}

/// The value of each player, −1 to 1; exact at the end of a game.
pub fn values(state: &State) -> [f32; MAX_PLAYERS] {
    let players = state.config().players;
    if let Some(outcome) = state.outcome() {
        return super::outcome_values(&outcome, players);
    }
    let scores = scores(state);
    let mut out = [0.0; MAX_PLAYERS];
    for player in 0..usize::from(players) {
        let best =
            (0..usize::from(players)).filter(|&p| p != player).map(|p| scores[p]).fold(f32::NEG_INFINITY, f32::max);
        out[player] = tanh(SHARPNESS * (scores[player] - best));
    }
    out
}

/// The heuristic as an evaluator: no opinion on moves, the heuristic's on values.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeuristicEvaluator;

impl Evaluator for HeuristicEvaluator {
    fn evaluate(&mut self, state: &State, moves: &[Move], logits: &mut Vec<f32>) -> [f32; MAX_PLAYERS] {
        logits.clear();
        logits.resize(moves.len(), 0.0);
        values(state)
    }
}
