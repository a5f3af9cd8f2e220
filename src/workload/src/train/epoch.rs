//! One pass over the samples: shuffled, each under a random board symmetry.

use crate::contract::Stop;
use crate::failure::Failure;
use crate::game::GameConfig;
use crate::nn::{Encoder, Features, Layout, PolicySpace, Rows, Scratch, Target, backward, forward};
use crate::search::{GameRng, below};

use super::adam::{Adam, Rates, cosine};
use super::dataset::{Example, value_of};

/// Losses averaged over samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Losses {
    /// Cross-entropy of the policy.
    pub policy: f32,
    /// Mean squared error of the values.
    pub value: f32,
}

impl Losses {
    /// What is minimised.
    pub fn total(&self, value_weight: f32) -> f32 {
        self.policy + value_weight * self.value
    }
}

/// How the optimiser moves.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Samples of a step.
    pub batch: usize,
    /// Highest learning rate.
    pub rate: f32,
    /// Weight decay.
    pub decay: f32,
    /// Weight of the value loss.
    pub value_weight: f32,
    /// Share of the searched values in the value target; the rest is the end of the game.
    pub search_share: f32,
    /// Share of the rate for the weights of single cells.
    pub plane_rate: f32,
    /// Steps of the whole run, for the schedule.
    pub total_steps: u64,
}

/// Turns examples into network inputs, with memory that is reused.
pub struct Feeder {
    config: GameConfig,
    encoder: Encoder,
    space: PolicySpace,
    features: Features,
    rows: Vec<Rows>,
    targets: Vec<f32>,
    indices: Vec<u32>,
    scratch: Scratch,
    grad: Vec<f32>,
}

impl Feeder {
    /// A feeder for a configuration and layout.
    pub fn new(config: GameConfig, layout: &Layout) -> Self {
        Self {
            config,
            encoder: Encoder::new(config),
            space: PolicySpace::new(config),
            features: Features::default(),
            rows: Vec::new(),
            targets: Vec::new(),
            indices: Vec::new(),
            scratch: Scratch::default(),
            grad: vec![0.0; layout.len()],
        }
    }

    /// Number of board symmetries.
    pub fn symmetries(&self) -> usize {
        self.encoder.geometry.symmetries.len()
    }

    /// Prepares an example under a symmetry; one that the policy's indices do not allow falls back to none.
    pub fn load(&mut self, example: &Example, symmetry: usize) {
        let cells = self.encoder.geometry.cells;
        self.indices.clear();
        self.indices.extend(example.policy.iter().map_while(|&(index, _)| self.space.transform(index, symmetry)));
        let whole = self.indices.len() == example.policy.len();
        if !whole {
            self.indices.clear();
            self.indices.extend(example.policy.iter().map(|&(index, _)| index));
        }
        let map = &self.encoder.geometry.symmetries[if whole { symmetry } else { 0 }];
        self.features.sparse.clear();
        self.features.sparse.extend(example.sparse.iter().map(|&(index, value)| {
            let (plane, cell) = (usize::from(index) / cells, usize::from(index) % cells);
            ((plane * cells + usize::from(map[cell])) as u16, value_of(value))
        }));
        self.features.globals = example.globals;
        self.encoder.complete(&mut self.features);
        self.rows.clear();
        self.rows.extend(self.indices.iter().map(|&index| self.space.rows_of(index, &self.features.classes)));
        self.targets.clear();
        self.targets.extend(example.policy.iter().map(|&(_, p)| p));
    }

    /// Learns from all examples once; returns the mean losses on the way.
    #[allow(clippy::too_many_arguments)]
    pub fn epoch(
        &mut self,
        examples: &[Example],
        params: &mut [f32],
        layout: &Layout,
        adam: &mut Adam,
        pace: &Pace,
        rng: &mut GameRng,
        stop: &Stop,
    ) -> Result<Losses, Failure> {
        let mut order: Vec<u32> = (0..examples.len() as u32).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, below(rng, i + 1));
        }
        let mut grad = std::mem::take(&mut self.grad);
        grad.fill(0.0);
        let mut sums = (0.0f64, 0.0f64);
        // Weights of single cells see few games each; at the full rate they learn games by heart.
        let slow = self.encoder.planes() * self.encoder.geometry.cells * layout.shape.first;
        for batch in order.chunks(pace.batch) {
            stop.check("the checkpoint of the last whole epoch is kept")?;
            for &i in batch {
                let example = &examples[i as usize];
                let symmetry = below(rng, self.symmetries());
                self.load(example, symmetry);
                let target = Target {
                    policy: &self.targets,
                    values: std::array::from_fn(|i| {
                        example.values[i] + pace.search_share * (example.search_values[i] - example.values[i])
                    }),
                    players: usize::from(self.config.players),
                    value_weight: pace.value_weight,
                };
                let (policy, value) =
                    backward(params, layout, &self.features, &self.rows, &target, &mut self.scratch, &mut grad);
                sums.0 += f64::from(policy);
                sums.1 += f64::from(value);
            }
            let rate = cosine(pace.rate, adam.steps, pace.total_steps);
            adam.step(
                params,
                &mut grad,
                batch.len(),
                &Rates { rate, decay: pace.decay, slow, slow_rate: pace.plane_rate },
            );
        }
        self.grad = grad;
        let n = examples.len().max(1) as f64;
        Ok(Losses { policy: (sums.0 / n) as f32, value: (sums.1 / n) as f32 })
    }

    /// Mean losses without learning.
    pub fn measure(&mut self, examples: &[Example], params: &[f32], layout: &Layout) -> Losses {
        let mut sums = (0.0f64, 0.0f64);
        let players = usize::from(self.config.players);
        for example in examples {
            self.load(example, 0);
            forward(params, layout, &self.features, &self.rows, &mut self.scratch);
            let logits = &self.scratch.logits;
            let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let log_sum = top + logits.iter().map(|x| (x - top).exp()).sum::<f32>().ln();
            sums.0 += self.targets.iter().zip(logits).map(|(p, x)| f64::from(p * (log_sum - x))).sum::<f64>();
            let errors = self.scratch.values.iter().zip(example.values).take(players);
            sums.1 += errors.map(|(a, b)| f64::from((a - b) * (a - b))).sum::<f64>() / players as f64;
        }
        let n = examples.len().max(1) as f64;
        Losses { policy: (sums.0 / n) as f32, value: (sums.1 / n) as f32 }
    }
}
