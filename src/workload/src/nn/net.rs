//! The network's arithmetic: a sparse first layer, a hidden layer, a value head per relative player, and a policy head
//! that scores each legal move as the inner product of the hidden layer with the sum of the move's learned rows.
//!
//! All parameters live in one flat vector, so the optimiser and the checkpoint need no names.

use std::ops::Range;

use crate::game::{GameConfig, MAX_PLAYERS};

use super::encode::{Encoder, Features, GLOBALS};
use super::kernel::{axpy, dot, relu, tanh};
use super::policy::{PolicySpace, Rows};

/// Sizes that decide how many parameters a network has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Sparse inputs.
    pub inputs: usize,
    /// Width of the first layer, a multiple of 8.
    pub first: usize,
    /// Width of the second layer, a multiple of 8.
    pub second: usize,
    /// Learned rows of the policy head.
    pub rows: usize,
}

impl Shape {
    /// The shape for a configuration with the given widths.
    pub fn new(config: GameConfig, first: usize, second: usize) -> Self {
        Self { inputs: Encoder::new(config).inputs(), first, second, rows: PolicySpace::new(config).rows() }
    }
}

/// Where each tensor stands in the flat parameter vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The sizes.
    pub shape: Shape,
    /// First layer, one row of `first` per sparse input.
    pub w1: Range<usize>,
    /// First layer, one row of `first` per scalar feature.
    pub g1: Range<usize>,
    /// First layer's bias.
    pub b1: Range<usize>,
    /// Second layer, one row of `second` per unit of the first.
    pub w2: Range<usize>,
    /// Second layer's bias.
    pub b2: Range<usize>,
    /// Value head, one row of `second` per relative player.
    pub wv: Range<usize>,
    /// Value head's bias.
    pub bv: Range<usize>,
    /// Policy rows, `second` each.
    pub wp: Range<usize>,
    /// Bias of each policy row.
    pub bp: Range<usize>,
}

impl Layout {
    /// The layout of a shape.
    pub fn new(shape: Shape) -> Self {
        let mut end = 0;
        let mut next = |len: usize| {
            let start = end;
            end += len;
            start..end
        };
        let Shape { inputs, first, second, rows } = shape;
        Self {
            shape,
            w1: next(inputs * first),
            g1: next(GLOBALS * first),
            b1: next(first),
            w2: next(first * second),
            b2: next(second),
            wv: next(MAX_PLAYERS * second),
            bv: next(MAX_PLAYERS),
            wp: next(rows * second),
            bp: next(rows),
        }
    }

    /// Number of parameters.
    pub fn len(&self) -> usize {
        self.bp.end
    }

    /// A network without parameters does not exist.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Names, ranges and shapes of the tensors, in order.
    pub fn tensors(&self) -> [(&'static str, Range<usize>, Vec<usize>); 9] {
        let Shape { inputs, first, second, rows } = self.shape;
        [
            ("first.cells", self.w1.clone(), vec![inputs, first]),
            ("first.globals", self.g1.clone(), vec![GLOBALS, first]),
            ("first.bias", self.b1.clone(), vec![first]),
            ("second.weight", self.w2.clone(), vec![first, second]),
            ("second.bias", self.b2.clone(), vec![second]),
            ("value.weight", self.wv.clone(), vec![MAX_PLAYERS, second]),
            ("value.bias", self.bv.clone(), vec![MAX_PLAYERS]),
            ("policy.rows", self.wp.clone(), vec![rows, second]),
            ("policy.bias", self.bp.clone(), vec![rows]),
        ]
    }
}

/// Memory of one evaluation, reused.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    a1: Vec<f32>,
    a2: Vec<f32>,
    d1: Vec<f32>,
    d2: Vec<f32>,
    /// Values of the relative players, −1 to 1.
    pub values: [f32; MAX_PLAYERS],
    /// One logit per move asked for; after [`backward`], the probabilities.
    pub logits: Vec<f32>,
    row_score: Vec<f32>,
    row_seen: Vec<u32>,
    seen: u32,
    used: Vec<u32>,
}

/// What a sample teaches.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Probability of each move asked for.
    pub policy: &'a [f32],
    /// Final value of each relative player.
    pub values: [f32; MAX_PLAYERS],
    /// Number of players.
    pub players: usize,
    /// Weight of the value loss against the policy loss.
    pub value_weight: f32,
}

/// Evaluates one position: fills `scratch.values` and `scratch.logits` (one per element of `moves`).
pub fn forward(params: &[f32], layout: &Layout, features: &Features, moves: &[Rows], scratch: &mut Scratch) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, as just asked.
        unsafe { forward_avx2(params, layout, features, moves, scratch) };
        return;
    }
    forward_body(params, layout, features, moves, scratch);
}

/// Adds the gradient of one sample's loss to `grad`; returns (policy loss, value loss). Runs the forward pass itself.
pub fn backward(
    params: &[f32],
    layout: &Layout,
    features: &Features,
    moves: &[Rows],
    target: &Target<'_>,
    scratch: &mut Scratch,
    grad: &mut [f32],
) -> (f32, f32) {
    forward(params, layout, features, moves, scratch);
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, as just asked.
        return unsafe { backward_avx2(params, layout, features, moves, target, scratch, grad) };
    }
    backward_body(params, layout, features, moves, target, scratch, grad)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn forward_avx2(p: &[f32], l: &Layout, f: &Features, m: &[Rows], s: &mut Scratch) {
    forward_body(p, l, f, m, s);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn backward_avx2(
    p: &[f32],
    l: &Layout,
    f: &Features,
    m: &[Rows],
    t: &Target<'_>,
    s: &mut Scratch,
    g: &mut [f32],
) -> (f32, f32) {
    backward_body(p, l, f, m, t, s, g)
}

#[inline(always)]
fn row(matrix: &[f32], index: usize, width: usize) -> &[f32] {
    &matrix[index * width..(index + 1) * width]
}

#[inline(always)]
fn forward_body(params: &[f32], layout: &Layout, features: &Features, moves: &[Rows], s: &mut Scratch) {
    let Shape { first, second, rows, .. } = layout.shape;
    let (w1, g1, w2) = (&params[layout.w1.clone()], &params[layout.g1.clone()], &params[layout.w2.clone()]);
    s.a1.clear();
    s.a1.extend_from_slice(&params[layout.b1.clone()]);
    for &(index, value) in &features.sparse {
        axpy(value, row(w1, usize::from(index), first), &mut s.a1);
    }
    for (i, &value) in features.globals.iter().enumerate() {
        if value != 0.0 {
            axpy(value, row(g1, i, first), &mut s.a1);
        }
    }
    relu(&mut s.a1);
    s.a2.clear();
    s.a2.extend_from_slice(&params[layout.b2.clone()]);
    for (i, &value) in s.a1.iter().enumerate() {
        if value != 0.0 {
            axpy(value, row(w2, i, second), &mut s.a2);
        }
    }
    relu(&mut s.a2);
    let (wv, bv) = (&params[layout.wv.clone()], &params[layout.bv.clone()]);
    for (player, value) in s.values.iter_mut().enumerate() {
        *value = tanh(bv[player] + dot(row(wv, player, second), &s.a2));
    }
    // Moves of one position share most of their rows, so each row is scored once.
    s.row_score.resize(rows, 0.0);
    s.row_seen.resize(rows, 0);
    s.seen = s.seen.wrapping_add(1);
    if s.seen == 0 {
        s.row_seen.fill(0);
        s.seen = 1;
    }
    s.used.clear();
    let (wp, bp) = (&params[layout.wp.clone()], &params[layout.bp.clone()]);
    s.logits.clear();
    for mv in moves {
        let mut logit = 0.0;
        for &r in mv.as_slice() {
            let r = r as usize;
            if s.row_seen[r] != s.seen {
                s.row_seen[r] = s.seen;
                s.row_score[r] = bp[r] + dot(row(wp, r, second), &s.a2);
                s.used.push(r as u32);
            }
            logit += s.row_score[r];
        }
        s.logits.push(logit);
    }
}

#[inline(always)]
fn backward_body(
    params: &[f32],
    layout: &Layout,
    features: &Features,
    moves: &[Rows],
    target: &Target<'_>,
    s: &mut Scratch,
    grad: &mut [f32],
) -> (f32, f32) {
    let Shape { first, second, .. } = layout.shape;
    s.d2.clear();
    s.d2.resize(second, 0.0);
    // Policy: cross-entropy against the soft target.
    let mut policy_loss = 0.0;
    if !moves.is_empty() {
        let top = s.logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let log_sum = top + s.logits.iter().map(|&x| super::kernel::exp(x - top)).sum::<f32>().ln();
        for &r in &s.used {
            s.row_score[r as usize] = 0.0;
        }
        for ((logit, &wanted), mv) in s.logits.iter_mut().zip(target.policy).zip(moves) {
            policy_loss -= wanted * (*logit - log_sum);
            *logit = super::kernel::exp(*logit - log_sum);
            let delta = *logit - wanted;
            for &r in mv.as_slice() {
                s.row_score[r as usize] += delta;
            }
        }
        let wp = &params[layout.wp.clone()];
        for &r in &s.used {
            let r = r as usize;
            let delta = s.row_score[r];
            axpy(delta, row(wp, r, second), &mut s.d2);
            let start = layout.wp.start + r * second;
            axpy(delta, &s.a2, &mut grad[start..start + second]);
            grad[layout.bp.start + r] += delta;
        }
    }
    // Value: squared error of each player's tanh, averaged over the players.
    let mut value_loss = 0.0;
    let wv = &params[layout.wv.clone()];
    for player in 0..target.players {
        let value = s.values[player];
        let error = value - target.values[player];
        value_loss += error * error / target.players as f32;
        let delta = target.value_weight * 2.0 * error / target.players as f32 * (1.0 - value * value);
        axpy(delta, row(wv, player, second), &mut s.d2);
        let start = layout.wv.start + player * second;
        axpy(delta, &s.a2, &mut grad[start..start + second]);
        grad[layout.bv.start + player] += delta;
    }
    for (d, &a) in s.d2.iter_mut().zip(&s.a2) {
        *d = if a > 0.0 { *d } else { 0.0 };
    }
    axpy(1.0, &s.d2, &mut grad[layout.b2.clone()]);
    let w2 = &params[layout.w2.clone()];
    s.d1.clear();
    s.d1.resize(first, 0.0);
    for (i, &a) in s.a1.iter().enumerate() {
        if a > 0.0 {
            s.d1[i] = dot(row(w2, i, second), &s.d2);
            let start = layout.w2.start + i * second;
            axpy(a, &s.d2, &mut grad[start..start + second]);
        }
    }
    axpy(1.0, &s.d1, &mut grad[layout.b1.clone()]);
    for (i, &value) in features.globals.iter().enumerate() {
        if value != 0.0 {
            let start = layout.g1.start + i * first;
            axpy(value, &s.d1, &mut grad[start..start + first]);
        }
    }
    for &(index, value) in &features.sparse {
        let start = layout.w1.start + usize::from(index) * first;
        axpy(value, &s.d1, &mut grad[start..start + first]);
    }
    (policy_loss, value_loss)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::game::{BoardKind, Move, MoveKind};
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    /// A made-up sample that touches every tensor.
    #[allow(clippy::field_reassign_with_default)]
    fn sample() -> (Layout, Vec<f32>, Features, Vec<Rows>, Vec<f32>) {
        let config = GameConfig { board: BoardKind::Hex8, players: 3 };
        let layout = Layout::new(Shape::new(config, 16, 8));
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        let params: Vec<f32> = (0..layout.len()).map(|_| rng.random::<f32>() * 0.4 - 0.2).collect();
        let mut features = Features::default();
        features.globals = [0.3; GLOBALS];
        features.sparse = (0..20).map(|i| (i * 37 + 7 * 61, 1.0)).collect();
        Encoder::new(config).complete(&mut features);
        let space = PolicySpace::new(config);
        let moves: Vec<Rows> = (0..6u16)
            .map(|i| Move { count: 1, to: i * 9, ..Move::bare(MoveKind::PlaceRing) })
            .map(|mv| space.rows_of(space.index(&mv, 0), &features.classes))
            .collect();
        (layout, params, features, moves, vec![0.5, 0.2, 0.1, 0.1, 0.1, 0.0])
    }

    #[test]
    fn gradient_agrees_with_finite_differences() {
        let (layout, params, features, moves, policy) = sample();
        let target = Target { policy: &policy, values: [1.0, 0.0, -1.0, 0.0], players: 3, value_weight: 0.7 };
        let mut scratch = Scratch::default();
        let mut grad = vec![0.0; layout.len()];
        backward(&params, &layout, &features, &moves, &target, &mut scratch, &mut grad);
        let mut loss = |params: &[f32]| {
            let mut unused = vec![0.0; layout.len()];
            let (p, v) = backward(params, &layout, &features, &moves, &target, &mut scratch, &mut unused);
            f64::from(p) + 0.7 * f64::from(v)
        };
        let mut checked = 0;
        for (name, range, _) in layout.tensors() {
            let mut seen = 0;
            for i in range {
                if grad[i].abs() < 1e-3 || seen == 25 {
                    continue;
                }
                seen += 1;
                let step = 2e-3f32;
                let mut moved = params.clone();
                moved[i] = params[i] + step;
                let up = loss(&moved);
                moved[i] = params[i] - step;
                let slope = (up - loss(&moved)) / (2.0 * f64::from(step));
                let error = (slope - f64::from(grad[i])).abs();
                assert!(error < 0.03 * f64::from(grad[i].abs()).max(0.02), "{name}[{i}]: {slope} against {}", grad[i]);
            }
            assert!(seen > 0, "no gradient reaches {name}");
            checked += seen;
        }
        assert!(checked > 60);
    }

    #[test]
    fn plain_and_vector_code_give_the_same_bits() {
        let (layout, params, features, moves, _) = sample();
        let (mut a, mut b) = (Scratch::default(), Scratch::default());
        forward(&params, &layout, &features, &moves, &mut a);
        forward_body(&params, &layout, &features, &moves, &mut b);
        assert_eq!(a.logits, b.logits);
        assert_eq!(a.values, b.values);
    }
}
