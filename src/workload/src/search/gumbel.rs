//! Gumbel Monte-Carlo tree search with planning at the root by sequential halving (Danihelka et al., 2022).
//!
//! At the root, Gumbel noise and the policy's logits choose the actions to look at; sequential halving spends the
//! budget on them; the improved policy (softmax of logits plus transformed completed Q values) is the training target.
//! Below the root the move is taken whose visits lag most behind the improved policy. Simulations of one round go to
//! different root actions, so their leaves are evaluated together.

use crate::game::{MAX_PLAYERS, State};
use crate::nn::kernel::softmax;

use super::tree::{NONE, Node, Tree};
use super::{Evaluator, GameRng, open01};

/// How a search is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SearchConfig {
    /// Evaluations below the root, 1 to 800.
    pub simulations: usize,
    /// Root actions that sequential halving starts with.
    pub sampled_actions: usize,
    /// Scale of the Gumbel noise; 0 makes the search deterministic.
    pub exploration: f32,
    /// Offset of the visit count in the value transformation.
    pub c_visit: f32,
    /// Scale of values in the value transformation (values as 0 to 1).
    pub c_scale: f32,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self { simulations: 16, sampled_actions: 16, exploration: 0.0, c_visit: 50.0, c_scale: 1.0 }
    }
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchResult {
    /// Index of the chosen move.
    pub best: usize,
    /// The improved policy over the legal moves.
    pub policy: Vec<f32>,
    /// Value of the position for each seat.
    pub values: [f32; MAX_PLAYERS],
    /// Visits of each legal move.
    pub visits: Vec<u32>,
}

/// A search with its memory.
#[derive(Default)]
pub struct Gumbel {
    tree: Tree,
    scratch: Vec<f32>,
    path: Vec<(u32, usize)>,
    /// Sum of the leaf values of each seat, by root action.
    sums: Vec<[f32; MAX_PLAYERS]>,
}

impl Gumbel {
    /// Searches a position that has at least two legal moves.
    pub fn search(
        &mut self,
        state: &State,
        config: &SearchConfig,
        evaluator: &mut dyn Evaluator,
        rng: &mut GameRng,
    ) -> SearchResult {
        let root = self.tree.add_root(state);
        self.tree.evaluate_from(root, evaluator);
        let count = self.tree.nodes[root].moves.len();
        self.sums.clear();
        self.sums.resize(count, [0.0; MAX_PLAYERS]);
        let noise: Vec<f32> =
            (0..count)
                .map(|_| {
                    if config.exploration > 0.0 { config.exploration * -(-(open01(rng).ln())).ln() as f32 } else { 0.0 }
                })
                .collect();
        let mut order: Vec<usize> = (0..count).collect();
        self.rank(&mut order, root, &noise, config);
        order.truncate(config.sampled_actions.max(1).min(config.simulations.max(1)));
        self.halve(&mut order, root, &noise, config, evaluator);
        let node = &self.tree.nodes[root];
        let most = order.iter().map(|&a| node.visits[a]).max().unwrap_or(0);
        order.retain(|&a| node.visits[a] == most);
        self.rank(&mut order, root, &noise, config);
        let node = &self.tree.nodes[root];
        let mut policy = Vec::new();
        improved_policy(node, config, &mut policy);
        let values = self.root_values(node, &policy);
        SearchResult { best: order.first().copied().unwrap_or(0), policy, values, visits: node.visits.clone() }
    }

    /// What the position is worth to each seat if the improved policy is followed, as far as its moves were visited.
    fn root_values(&self, node: &Node, policy: &[f32]) -> [f32; MAX_PLAYERS] {
        let mut values = [0.0; MAX_PLAYERS];
        let mut mass = 0.0;
        for ((sums, &visits), &p) in self.sums.iter().zip(&node.visits).zip(policy) {
            if visits > 0 {
                mass += p;
                for (value, sum) in values.iter_mut().zip(sums) {
                    *value += p * sum / visits as f32;
                }
            }
        }
        if mass < 1e-6 {
            return node.values;
        }
        values.map(|v| v / mass)
    }

    fn halve(
        &mut self,
        order: &mut Vec<usize>,
        root: usize,
        noise: &[f32],
        config: &SearchConfig,
        evaluator: &mut dyn Evaluator,
    ) {
        let phases =
            usize::BITS as usize - order.len().leading_zeros() as usize - usize::from(order.len().is_power_of_two());
        let phases = phases.max(1);
        let mut left = config.simulations;
        loop {
            let rounds = (config.simulations / (phases * order.len())).max(1);
            for _ in 0..rounds {
                let batch = left.min(order.len());
                self.round(&order[..batch], root, config, evaluator);
                left -= batch;
                if left == 0 {
                    return;
                }
            }
            self.rank(order, root, noise, config);
            order.truncate(order.len().div_ceil(2).max(2).min(order.len()));
        }
    }

    /// One simulation through each of the given root actions, their leaves evaluated together.
    fn round(&mut self, actions: &[usize], root: usize, config: &SearchConfig, evaluator: &mut dyn Evaluator) {
        let start = self.tree.used;
        self.path.clear();
        let mut ends = Vec::with_capacity(actions.len());
        for &action in actions {
            let leaf = self.descend(root, action, config);
            ends.push((self.path.len(), leaf));
        }
        self.tree.evaluate_from(start, evaluator);
        let mut begin = 0;
        for ((end, leaf), &action) in ends.into_iter().zip(actions) {
            let values = self.tree.nodes[leaf as usize].values;
            for (sum, value) in self.sums[action].iter_mut().zip(values) {
                *sum += value;
            }
            for &(node, action) in &self.path[begin..end] {
                let node = &mut self.tree.nodes[node as usize];
                node.visits[action] += 1;
                node.sums[action] += values[usize::from(node.seat)];
            }
            begin = end;
        }
    }

    fn descend(&mut self, root: usize, action: usize, config: &SearchConfig) -> u32 {
        let (mut at, mut action) = (root, action);
        loop {
            self.path.push((at as u32, action));
            let child = self.tree.nodes[at].children[action];
            if child == NONE {
                return self.tree.add_child(at, action);
            }
            if self.tree.nodes[child as usize].terminal {
                return child;
            }
            at = child as usize;
            action = self.lagging(at, config);
        }
    }

    /// The move whose share of the visits lags most behind the improved policy.
    fn lagging(&mut self, at: usize, config: &SearchConfig) -> usize {
        let node = &self.tree.nodes[at];
        improved_policy(node, config, &mut self.scratch);
        let total = 1.0 + node.visits.iter().sum::<u32>() as f32;
        let score = |i: usize| self.scratch[i] - node.visits[i] as f32 / total;
        (0..node.moves.len()).fold(0, |best, i| if score(i) > score(best) { i } else { best })
    }

    /// Sorts actions by noise + logit + transformed value, best first; equal ones by their place in the move list.
    fn rank(&self, order: &mut [usize], root: usize, noise: &[f32], config: &SearchConfig) {
        let node = &self.tree.nodes[root];
        let scale = value_scale(node, config);
        let score = |a: usize| noise[a] + node.logits[a] + node.mean(a).map_or(0.0, |q| scale * (q + 1.0) / 2.0);
        order.sort_by(|&a, &b| score(b).total_cmp(&score(a)).then(a.cmp(&b)));
    }
}

fn value_scale(node: &Node, config: &SearchConfig) -> f32 {
    (config.c_visit + node.visits.iter().copied().max().unwrap_or(0) as f32) * config.c_scale
}

/// Softmax of logits plus transformed completed values: visited moves count with their mean, the others with a mix of
/// the position's own value and the policy-weighted mean of the visited.
fn improved_policy(node: &Node, config: &SearchConfig, out: &mut Vec<f32>) {
    out.clear();
    out.extend_from_slice(&node.logits);
    let visited: u32 = node.visits.iter().sum();
    if visited > 0 {
        softmax(out);
        let (mut mass, mut weighted) = (0.0, 0.0);
        for (i, &p) in out.iter().enumerate() {
            if let Some(q) = node.mean(i) {
                let p = p.max(1e-8);
                mass += p;
                weighted += p * q;
            }
        }
        let own = node.values[usize::from(node.seat)];
        let mix = (own + visited as f32 * weighted / mass) / (1.0 + visited as f32);
        let scale = value_scale(node, config);
        for (i, p) in out.iter_mut().enumerate() {
            *p = node.logits[i] + scale * (node.mean(i).unwrap_or(mix) + 1.0) / 2.0;
        }
    }
    softmax(out);
}
