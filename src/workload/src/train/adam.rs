//! Adam with decoupled weight decay, and the learning rate over a run.

use std::ops::Range;

/// How far a step goes.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Learning rate.
    pub rate: f32,
    /// Weight decay.
    pub decay: f32,
    /// Number of parameters at the start of the vector that move more slowly.
    pub slow: usize,
    /// Share of the rate for those.
    pub slow_rate: f32,
}

/// The optimiser's state beside the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    /// Running mean of the gradient.
    pub mean: Vec<f32>,
    /// Running mean of its square.
    pub square: Vec<f32>,
    /// Steps taken.
    pub steps: u64,
}

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

impl Adam {
    /// A fresh optimiser for so many parameters.
    pub fn new(len: usize) -> Self {
        Self { mean: vec![0.0; len], square: vec![0.0; len], steps: 0 }
    }

    /// One step with the mean gradient of a batch (`grad` holds the sum over `count` samples; it is cleared).
    pub fn step(&mut self, params: &mut [f32], grad: &mut [f32], count: usize, rates: &Rates) {
        self.steps += 1;
        let Rates { rate, decay, slow, slow_rate } = *rates;
        self.range(0..slow, params, grad, count, rate * slow_rate, decay);
        self.range(slow..params.len(), params, grad, count, rate, decay);
    }

    fn range(
        &mut self,
        range: Range<usize>,
        params: &mut [f32],
        grad: &mut [f32],
        count: usize,
        rate: f32,
        decay: f32,
    ) {
        let t = self.steps.min(100_000) as i32;
        let (c1, c2) = (1.0 - BETA1.powi(t), 1.0 - BETA2.powi(t));
        let (share, rate1, decay) = (1.0 / count as f32, rate / c1, rate * decay);
        let moments = self.mean[range.clone()].iter_mut().zip(self.square[range.clone()].iter_mut());
        let rest = params[range.clone()].iter_mut().zip(grad[range].iter_mut()).zip(moments);
        for ((p, g), (m, v)) in rest {
            let gradient = *g * share;
            *g = 0.0;
            *m = BETA1 * *m + (1.0 - BETA1) * gradient;
            *v = BETA2 * *v + (1.0 - BETA2) * gradient * gradient;
            *p -= rate1 * *m / ((*v / c2).sqrt() + EPSILON) + decay * *p;
        }
    }
}

/// Cosine from `rate` down to a twentieth of it over the run, after a short linear start.
pub fn cosine(rate: f32, step: u64, total: u64) -> f32 {
    let warm = (total / 50).clamp(1, 100);
    if step < warm {
        return rate * (step + 1) as f32 / warm as f32;
    }
    let done = (step - warm) as f64 / (total - warm).max(1) as f64;
    let share = 0.05 + 0.95 * 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos());
    rate * share as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_bottom_of_a_bowl() {
        let mut params = vec![3.0, -2.0];
        let mut adam = Adam::new(2);
        for step in 0..2000 {
            let mut grad: Vec<f32> = params.iter().zip([1.0, 0.5]).map(|(p, goal)| 2.0 * (p - goal)).collect();
            let rates = Rates { rate: cosine(0.05, step, 2000), decay: 0.0, slow: 1, slow_rate: 0.5 };
            adam.step(&mut params, &mut grad, 1, &rates);
            assert!(grad.iter().all(|&g| g == 0.0));
        }
        assert!((params[0] - 1.0).abs() < 1e-2 && (params[1] - 0.5).abs() < 1e-2, "{params:?}");
    }

    #[test]
    fn the_rate_falls_to_a_twentieth() {
        assert!(cosine(1.0, 0, 1000) < 0.1);
        assert!((cosine(1.0, 20, 1000) - 1.0).abs() < 1e-3);
        assert!((cosine(1.0, 1000, 1000) - 0.05).abs() < 1e-3);
    }
}
