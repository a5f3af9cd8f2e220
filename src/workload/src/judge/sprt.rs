//! The sequential probability ratio test on game pairs, and Elo differences with confidence bounds.
//!
//! The two games of a pair share an opening, so the pair is the unit: five outcomes, 0 to 2 points. The log-likelihood
//! ratio is the normal approximation to the generalised test, as engine-testing frameworks use it. A won and a lost
//! pair are added to what was seen, so that a few equal pairs do not look like certainty.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

/// The two hypotheses and the two error rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sprt {
    /// Elo difference of the null hypothesis.
    pub elo0: f64,
    /// Elo difference of the alternative.
    pub elo1: f64,
    /// Chance to accept the alternative when the null holds.
    pub alpha: f64,
    /// Chance to accept the null when the alternative holds.
    pub beta: f64,
}

/// What the test says so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The candidate is stronger.
    AcceptH1,
    /// The candidate is not stronger.
    AcceptH0,
    /// Not known yet.
    Continue,
}

impl Decision {
    /// The word in metrics and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::AcceptH1 => "accept_h1",
            Self::AcceptH0 => "accept_h0",
            Self::Continue => "continue",
        }
    }
}

/// Pairs by their points: 0, ½, 1, 1½, 2.
pub type Pairs = [u32; 5];

/// Expected score of an Elo difference.
pub fn expected(elo: f64) -> f64 {
    1.0 / (1.0 + 10f64.powf(-elo / 400.0))
}

/// Elo difference of a score in (0, 1).
pub fn elo(score: f64) -> f64 {
    let score = score.clamp(1e-4, 1.0 - 1e-4);
    400.0 * (score / (1.0 - score)).log10()
}

/// Number, mean and variance of pair scores (0 to 1).
fn moments(weights: &[f64; 5]) -> (f64, f64, f64) {
    let n: f64 = weights.iter().sum();
    let mean = weights.iter().enumerate().map(|(i, w)| w * i as f64 / 4.0).sum::<f64>() / n;
    let variance = weights.iter().enumerate().map(|(i, w)| w * (i as f64 / 4.0 - mean).powi(2)).sum::<f64>() / n;
    (n, mean, variance)
}

impl Sprt {
    /// Bounds of the log-likelihood ratio: accept the null at the lower, the alternative at the upper.
    pub fn bounds(&self) -> (f64, f64) {
        ((self.beta / (1.0 - self.alpha)).ln(), ((1.0 - self.beta) / self.alpha).ln())
    }

    /// The log-likelihood ratio of the pairs seen; 0 before the first.
    pub fn llr(&self, pairs: &Pairs) -> f64 {
        if pairs.iter().sum::<u32>() == 0 {
            return 0.0;
        }
        let mut weights = pairs.map(f64::from);
        weights[0] += 1.0;
        weights[4] += 1.0;
        let (n, mean, variance) = moments(&weights);
        let (s0, s1) = (expected(self.elo0), expected(self.elo1));
        n * (s1 - s0) * (2.0 * mean - s0 - s1) / (2.0 * variance)
    }

    /// The decision on the pairs seen.
    pub fn decide(&self, pairs: &Pairs) -> Decision {
        let (lower, upper) = self.bounds();
        let llr = self.llr(pairs);
        if llr >= upper {
            Decision::AcceptH1
        } else if llr <= lower {
            Decision::AcceptH0
        } else {
            Decision::Continue
        }
    }
}

/// Elo difference of the pairs with the bounds of its 95 % confidence interval. Half a won and half a lost pair are
/// added, so that a match won in all its games has a rating that can be worked with.
pub fn elo_interval(pairs: &Pairs) -> (f64, f64, f64) {
    let mut weights = pairs.map(f64::from);
    weights[0] += 0.5;
    weights[4] += 0.5;
    let (n, mean, variance) = moments(&weights);
    let z = Normal::standard().inverse_cdf(0.975);
    let half = z * (variance / n).sqrt();
    (elo(mean), elo(mean - half), elo(mean + half))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPRT: Sprt = Sprt { elo0: 0.0, elo1: 50.0, alpha: 0.05, beta: 0.05 };

    #[test]
    fn elo_and_score_are_inverse() {
        assert!((expected(0.0) - 0.5).abs() < 1e-12);
        assert!((elo(expected(50.0)) - 50.0).abs() < 1e-6);
        assert!((expected(400.0) - 10.0 / 11.0).abs() < 1e-12);
    }

    #[test]
    fn bounds_are_those_of_wald() {
        let (lower, upper) = SPRT.bounds();
        assert!((upper - 2.944).abs() < 1e-3 && (lower + 2.944).abs() < 1e-3);
    }

    #[test]
    fn a_clear_lead_is_accepted_soon_but_not_at_once() {
        assert_eq!(SPRT.decide(&[0, 0, 0, 0, 4]), Decision::Continue);
        assert_eq!(SPRT.decide(&[0, 0, 0, 0, 12]), Decision::AcceptH1);
        assert_eq!(SPRT.decide(&[12, 0, 0, 0, 0]), Decision::AcceptH0);
        assert_eq!(SPRT.decide(&[10, 10, 40, 10, 10]), Decision::Continue);
        assert_eq!(SPRT.decide(&[0; 5]), Decision::Continue);
    }

    /// Over many simulated matches the error rates stay near what was asked for.
    #[test]
    fn error_rates_hold() {
        use crate::search::{game_rng, open01};
        let trial = |elo: f64, seed: u64| {
            let mut rng = game_rng(99, seed);
            let mut pairs = [0; 5];
            for _ in 0..5_000 {
                let points = (0..2).filter(|_| open01(&mut rng) < expected(elo)).count();
                pairs[points * 2] += 1;
                let decision = SPRT.decide(&pairs);
                if decision != Decision::Continue {
                    return decision;
                }
            }
            Decision::Continue
        };
        let count = |elo: f64, wanted: Decision| (0..400).filter(|&s| trial(elo, s) == wanted).count();
        let false_accepts = count(0.0, Decision::AcceptH1);
        let false_rejects = count(50.0, Decision::AcceptH0);
        assert!(false_accepts <= 32, "{false_accepts} of 400 equal candidates accepted");
        assert!(false_rejects <= 32, "{false_rejects} of 400 stronger candidates refused");
    }

    #[test]
    fn the_interval_holds_the_estimate_and_narrows() {
        let (mid, low, high) = elo_interval(&[2, 3, 10, 6, 8]);
        assert!(low < mid && mid < high);
        let (_, low2, high2) = elo_interval(&[20, 30, 100, 60, 80]);
        assert!(high2 - low2 < (high - low) / 2.0);
        let (all, low, high) = elo_interval(&[0, 0, 0, 0, 20]);
        assert!(all > 500.0 && all < 800.0 && low > 100.0 && high >= all);
    }
}
