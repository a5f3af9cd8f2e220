//! Players: random, heuristic, policy-only, and search with the heuristic or a model.

use std::path::PathBuf;
use std::str::FromStr;

use super::gumbel::{Gumbel, SearchConfig};
use super::{Evaluator, GameRng, HeuristicEvaluator, below, heuristic};
use crate::failure::Failure;
use crate::game::{GameConfig, Move, State};
use crate::nn::{Model, NetEvaluator};

/// A player by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlayerSpec {
    /// Any legal move, each as likely.
    Random,
    /// The move after which the heuristic likes the position best.
    Heuristic,
    /// The move the network's policy likes best, without search.
    Policy(PathBuf),
    /// Gumbel search with the heuristic, with so many simulations.
    Mcts(usize),
    /// Gumbel search with a model.
    Model(PathBuf),
}

impl FromStr for PlayerSpec {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let bad = || {
            Failure::Usage(format!(
                "no such player {text:?}; use random, heuristic, mcts:N (1 to 800), policy:FILE or model:FILE"
            ))
        };
        match text.split_once(':') {
            None if text == "random" => Ok(Self::Random),
            None if text == "heuristic" => Ok(Self::Heuristic),
            Some(("policy", file)) if !file.is_empty() => Ok(Self::Policy(file.into())),
            Some(("model", file)) if !file.is_empty() => Ok(Self::Model(file.into())),
            Some(("mcts", n)) => n.parse().ok().filter(|n| (1..=800).contains(n)).map(Self::Mcts).ok_or_else(bad),
            _ => Err(bad()),
        }
    }
}

/// Someone who chooses moves.
pub enum Player {
    /// Any legal move.
    Random,
    /// One ply of the heuristic.
    Heuristic(Box<State>),
    /// The policy's favourite.
    Policy(Box<NetEvaluator>, Vec<f32>),
    /// Gumbel search.
    Search(Box<Gumbel>, SearchConfig, Box<dyn Evaluator>),
}

impl Player {
    /// Builds a player; `search` is the configuration of players that search.
    pub fn new(spec: &PlayerSpec, config: GameConfig, search: SearchConfig) -> Result<Self, Failure> {
        Ok(match spec {
            PlayerSpec::Random => Self::Random,
            PlayerSpec::Heuristic => Self::heuristic(config),
            PlayerSpec::Policy(file) => {
                Self::Policy(Box::new(NetEvaluator::new(Model::load_for(file, config)?)), Vec::new())
            }
            PlayerSpec::Mcts(n) => {
                Self::Search(Box::default(), SearchConfig { simulations: *n, ..search }, Box::new(HeuristicEvaluator))
            }
            PlayerSpec::Model(file) => Self::model(Model::load_for(file, config)?, search),
        })
    }

    /// The heuristic player.
    pub fn heuristic(config: GameConfig) -> Self {
        Self::Heuristic(Box::new(State::new(config, false)))
    }

    /// A model with search.
    pub fn model(model: Model, search: SearchConfig) -> Self {
        Self::Search(Box::default(), search, Box::new(NetEvaluator::new(model)))
    }

    /// Index of the chosen move among the legal ones (at least one).
    pub fn choose(&mut self, state: &State, legal: &[Move], rng: &mut GameRng) -> usize {
        if legal.len() < 2 {
            return 0;
        }
        match self {
            Self::Random => below(rng, legal.len()),
            Self::Heuristic(scratch) => {
                let seat = usize::from(state.seat(state.to_move()));
                let mut judge = |mv: &Move| {
                    scratch.as_mut().clone_from(state);
                    scratch.apply(mv);
                    scratch.reseat(heuristic::values(scratch))[seat]
                };
                best_of(legal.len(), rng, |i| judge(&legal[i]))
            }
            Self::Policy(net, logits) => {
                net.evaluate(state, legal, logits);
                best_of(legal.len(), rng, |i| logits[i])
            }
            Self::Search(gumbel, config, evaluator) => gumbel.search(state, config, evaluator.as_mut(), rng).best,
        }
    }
}

/// The index with the highest score; among equals each is as likely.
fn best_of(n: usize, rng: &mut GameRng, mut score: impl FnMut(usize) -> f32) -> usize {
    let (mut best, mut top, mut equals) = (0, f32::NEG_INFINITY, 0);
    for i in 0..n {
        let s = score(i);
        if s > top {
            (best, top, equals) = (i, s, 1);
        } else if s == top {
            equals += 1;
            if below(rng, equals) == 0 {
                best = i;
            }
        }
    }
    best
}
