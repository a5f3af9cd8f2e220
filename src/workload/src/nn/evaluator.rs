//! A network as an evaluator for the search: encodes, runs the forward pass, turns values back to absolute players.

use super::encode::{Encoder, Features};
use super::model::Model;
use super::net::{Scratch, forward};
use super::policy::{PolicySpace, Rows};
use crate::game::{MAX_PLAYERS, Move, State};
use crate::search::Evaluator;

/// A model ready to judge positions.
#[derive(Debug)]
pub struct NetEvaluator {
    model: Model,
    encoder: Encoder,
    space: PolicySpace,
    features: Features,
    rows: Vec<Rows>,
    scratch: Scratch,
}

impl NetEvaluator {
    /// Prepares a model.
    pub fn new(model: Model) -> Self {
        let config = model.config;
        Self {
            encoder: Encoder::new(config),
            space: PolicySpace::new(config),
            features: Features::default(),
            rows: Vec::new(),
            scratch: Scratch::default(),
            model,
        }
    }

    /// The model in use.
    pub fn model(&self) -> &Model {
        &self.model
    }
}

impl Evaluator for NetEvaluator {
    fn evaluate(&mut self, state: &State, moves: &[Move], logits: &mut Vec<f32>) -> [f32; MAX_PLAYERS] {
        self.encoder.encode(state, &mut self.features);
        let mover = state.to_move();
        self.rows.clear();
        self.rows
            .extend(moves.iter().map(|mv| self.space.rows_of(self.space.index(mv, mover), &self.features.classes)));
        forward(&self.model.params, &self.model.layout, &self.features, &self.rows, &mut self.scratch);
        logits.clear();
        logits.extend_from_slice(&self.scratch.logits);
        let players = state.config().players;
        let mut values = [0.0; MAX_PLAYERS];
        for r in 0..players {
            values[usize::from((mover + r) % players)] = self.scratch.values[usize::from(r)];
        }
        values
    }
}
