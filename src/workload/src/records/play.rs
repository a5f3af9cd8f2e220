//! One self-play game: search at every real choice, forced moves played without one, everything kept for the record.

use std::time::Instant;

use rand::RngExt;
use serde_json::Value;

use crate::contract::Stop;
use crate::failure::Failure;
use crate::game::{GameConfig, MAX_PLAYERS, Outcome, State};
use crate::nn::PolicySpace;
use crate::search::{Evaluator, GameRng, Gumbel, SearchConfig, game_rng, outcome_values};

/// How a game is played.
#[derive(Clone, Copy, Debug)]
pub struct PlayConfig {
    /// The configuration.
    pub config: GameConfig,
    /// The search at every choice.
    pub search: SearchConfig,
    /// Temperature of the first choices; 0 takes the search's move at once.
    pub temperature: f32,
    /// Number of choices that the temperature holds for.
    pub temperature_moves: usize,
    /// Whether the second player may swap sides.
    pub swap_rule: bool,
    /// Moves (with forced ones) after which a game is stopped undecided.
    pub max_moves: usize,
}

/// One move as it goes into the shard.
#[derive(Clone, Debug, PartialEq)]
pub struct MoveRecord {
    /// Turn, from 1.
    pub turn: u32,
    /// Seat that moved, from 1; a swap of sides does not change seats.
    pub player: u8,
    /// Step of the turn.
    pub phase: &'static str,
    /// The move in the trace format.
    pub json: Value,
    /// Policy target by policy index; absent for forced moves.
    pub policy: Option<Vec<(u32, f32)>>,
    /// Value of each seat as the search saw it; absent for forced moves.
    pub values: Option<[f32; MAX_PLAYERS]>,
    /// Evaluations spent.
    pub simulations: usize,
}

/// A whole game.
#[derive(Clone, Debug)]
pub struct GameRecord {
    /// Number of the game in its job; with the job's seed it decides all that is random.
    pub index: u64,
    /// The job's seed.
    pub seed: u64,
    /// The moves.
    pub moves: Vec<MoveRecord>,
    /// The end; absent if the game was stopped at the limit.
    pub outcome: Option<Outcome>,
    /// Whether the second player could swap sides.
    pub swap_rule: bool,
    /// The last position.
    pub last: State,
    /// Wall-clock time.
    pub milliseconds: u64,
}

impl GameRecord {
    /// Final value of each seat.
    pub fn values(&self) -> [f32; MAX_PLAYERS] {
        self.outcome.map_or([0.0; MAX_PLAYERS], |o| self.last.reseat(outcome_values(&o, self.last.config().players)))
    }

    /// The seat that won, 0-based.
    pub fn winner(&self) -> Option<u8> {
        self.outcome.map(|o| self.last.seat(o.winner))
    }

    /// Why the game ended, as a stored word.
    pub fn termination(&self) -> &'static str {
        self.outcome.map_or("max_moves", |o| o.reason.name())
    }
}

/// Plays game `index` of a job. The same arguments give the same moves.
pub fn play_game(
    play: &PlayConfig,
    seed: u64,
    index: u64,
    gumbel: &mut Gumbel,
    evaluator: &mut dyn Evaluator,
    stop: &Stop,
) -> Result<GameRecord, Failure> {
    let started = Instant::now();
    let mut rng = game_rng(seed, index);
    let space = PolicySpace::new(play.config);
    let mut state = State::new(play.config, play.swap_rule);
    let (mut moves, mut legal, mut choices) = (Vec::new(), Vec::new(), 0);
    while state.outcome().is_none() && moves.len() < play.max_moves {
        stop.check("finished games are kept, the unfinished one is dropped")?;
        state.legal_moves(&mut legal);
        let (mut policy, mut values, mut simulations, mut chosen) = (None, None, 0, 0);
        if legal.is_empty() {
            return Err(Failure::internal(
                "playing a game",
                format!("no legal move in an unfinished position (seed {seed}, game {index})"),
            ));
        }
        if legal.len() > 1 {
            let found = gumbel.search(&state, &play.search, evaluator, &mut rng);
            chosen = if choices < play.temperature_moves && play.temperature > 0.0 {
                sample(&found.policy, play.temperature, &mut rng)
            } else {
                found.best
            };
            let mover = state.to_move();
            let indexed = legal.iter().zip(&found.policy).map(|(mv, &p)| (space.index(mv, mover), p));
            policy = Some(indexed.filter(|&(_, p)| p >= 1e-5).collect());
            values = Some(found.values);
            simulations = play.search.simulations;
            choices += 1;
        }
        let mv = legal[chosen];
        moves.push(MoveRecord {
            turn: state.turn_count() + 1,
            player: state.seat(state.to_move()) + 1,
            phase: state.phase().name(),
            json: state.move_to_json(&mv),
            policy,
            values,
            simulations,
        });
        state.apply(&mv);
    }
    let outcome = state.outcome();
    let milliseconds = started.elapsed().as_millis() as u64;
    Ok(GameRecord { index, seed, moves, outcome, swap_rule: play.swap_rule, last: state, milliseconds })
}

/// Draws from a distribution sharpened or flattened by a temperature.
fn sample(policy: &[f32], temperature: f32, rng: &mut GameRng) -> usize {
    let weight = |p: f32| f64::from(p).powf(1.0 / f64::from(temperature));
    let total: f64 = policy.iter().map(|&p| weight(p)).sum();
    let mut left = (rng.random::<u64>() >> 11) as f64 / (1u64 << 53) as f64 * total;
    for (i, &p) in policy.iter().enumerate() {
        left -= weight(p);
        if left < 0.0 {
            return i;
        }
    }
    policy.len() - 1
}
