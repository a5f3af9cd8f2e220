//! The search tree: nodes with their position, their legal moves and what the search learned of each.

use crate::game::{MAX_PLAYERS, Move, State};

use super::{Evaluator, outcome_values};

/// No node.
pub const NONE: u32 = u32::MAX;

/// A position with more than one legal move, or the end of a game.
pub struct Node {
    pub state: State,
    /// Seat to move: a swap of sides below here changes who plays a colour, but not who chooses here.
    pub seat: u8,
    pub terminal: bool,
    /// Value for each seat.
    pub values: [f32; MAX_PLAYERS],
    pub moves: Vec<Move>,
    pub logits: Vec<f32>,
    pub children: Vec<u32>,
    pub visits: Vec<u32>,
    /// Sum of the values that came back through each move, for the seat to move here.
    pub sums: Vec<f32>,
}

impl Node {
    fn new(state: &State) -> Self {
        Self {
            state: state.clone(),
            seat: 0,
            terminal: false,
            values: [0.0; MAX_PLAYERS],
            moves: Vec::new(),
            logits: Vec::new(),
            children: Vec::new(),
            visits: Vec::new(),
            sums: Vec::new(),
        }
    }

    /// Plays forced moves on to the next choice or the end, and clears what an earlier search left here.
    fn settle(&mut self) {
        self.terminal = false;
        loop {
            if let Some(outcome) = self.state.outcome() {
                self.terminal = true;
                self.values = self.state.reseat(outcome_values(&outcome, self.state.config().players));
                break;
            }
            self.state.legal_moves(&mut self.moves);
            match self.moves.len() {
                0 => {
                    self.terminal = true;
                    self.values = [0.0; MAX_PLAYERS];
                    break;
                }
                1 => self.state.apply(&self.moves[0]),
                _ => break,
            }
        }
        if self.terminal {
            self.moves.clear();
        }
        self.seat = self.state.seat(self.state.to_move());
        let n = self.moves.len();
        self.children.clear();
        self.children.resize(n, NONE);
        self.visits.clear();
        self.visits.resize(n, 0);
        self.sums.clear();
        self.sums.resize(n, 0.0);
    }

    /// Mean value of a move, if it was visited.
    pub fn mean(&self, i: usize) -> Option<f32> {
        (self.visits[i] > 0).then(|| self.sums[i] / self.visits[i] as f32)
    }
}

/// All nodes of one search; memory is kept for the next.
#[derive(Default)]
pub struct Tree {
    pub nodes: Vec<Node>,
    pub used: usize,
}

impl Tree {
    /// Makes a position the root of an empty tree.
    pub fn add_root(&mut self, state: &State) -> usize {
        if self.nodes.is_empty() {
            self.nodes.push(Node::new(state));
        } else {
            self.nodes[0].state.clone_from(state);
        }
        self.used = 1;
        self.nodes[0].settle();
        0
    }

    /// Adds the position after a move of a node, playing forced moves on to the next choice.
    pub fn add_child(&mut self, parent: usize, action: usize) -> u32 {
        let index = self.used;
        if index == self.nodes.len() {
            let state = self.nodes[parent].state.clone();
            self.nodes.push(Node::new(&state));
        } else {
            let (before, after) = self.nodes.split_at_mut(index);
            after[0].state.clone_from(&before[parent].state);
        }
        let mv = self.nodes[parent].moves[action];
        self.nodes[index].state.apply(&mv);
        self.nodes[index].settle();
        self.nodes[parent].children[action] = index as u32;
        self.used += 1;
        index as u32
    }

    /// Evaluates all nodes from `start` on that are not ends.
    pub fn evaluate_from(&mut self, start: usize, evaluator: &mut dyn Evaluator) {
        for node in &mut self.nodes[start..self.used] {
            if !node.terminal {
                node.values = node.state.reseat(evaluator.evaluate(&node.state, &node.moves, &mut node.logits));
            }
        }
    }
}
