//! Replaying stored games into samples; a game that does not replay exactly is refused whole, with the reason.

use std::collections::HashSet;
use std::path::Path;

use super::columns::{Columns, Sample};
use crate::failure::Failure;
use crate::game::{GameConfig, MAX_PLAYERS, Move, State};
use crate::nn::{Encoder, Features, PolicySpace};
use crate::records::StoredGame;
use crate::search::outcome_values;

/// How far the searched values of later positions count for an earlier one, per choice: λ of the λ-return.
const LAMBDA: f32 = 0.9;

/// A game that was left out.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Quarantined {
    /// The shard it is in.
    pub shard: String,
    /// The game.
    pub game_id: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Turns games into columns.
pub struct Collector {
    config: GameConfig,
    encoder: Encoder,
    space: PolicySpace,
    min_moves: usize,
    seen: Option<HashSet<u64>>,
    /// The samples.
    pub columns: Columns,
    /// Samples left out because their position was there already.
    pub duplicates: u64,
    /// Games that gave samples.
    pub games: u64,
}

struct Prepared {
    features: Features,
    policy: Vec<(u32, f32)>,
    player: u8,
    /// The position holds swapped sides: what is known by seat is asked by colour.
    swapped: bool,
    number: usize,
    hash: u64,
    phase: &'static str,
    /// By seat.
    search_values: [f32; MAX_PLAYERS],
}

impl Prepared {
    /// A list by seat as the list by colour of this position.
    fn by_colour(&self, mut list: [f32; MAX_PLAYERS]) -> [f32; MAX_PLAYERS] {
        if self.swapped {
            list.swap(0, 1);
        }
        list
    }
}

/// λ-returns from the end of the game backwards: each position is worth what the search after it saw, later ones less.
fn look_back(prepared: &mut [Prepared], game: &StoredGame, last: [f32; MAX_PLAYERS]) {
    let mut after = last;
    for p in prepared.iter_mut().rev() {
        p.search_values = after;
        if let Some(seen) = game.moves[p.number].values.as_ref().filter(|v| v.iter().all(|x| x.abs() <= 1.0)) {
            for (value, seen) in after.iter_mut().zip(seen) {
                *value = LAMBDA * *value + (1.0 - LAMBDA) * seen;
            }
        }
    }
}

impl Collector {
    /// A collector; with `dedup` each position counts once over all games.
    pub fn new(config: GameConfig, min_moves: usize, dedup: bool, folder: &Path) -> Self {
        let encoder = Encoder::new(config);
        Self {
            config,
            encoder,
            space: PolicySpace::new(config),
            min_moves,
            seen: dedup.then(HashSet::new),
            columns: Columns::new(encoder, folder),
            duplicates: 0,
            games: 0,
        }
    }

    /// Adds a game's samples, or says why the game is no good (outer error: the disk).
    pub fn add(&mut self, game: &StoredGame) -> Result<Result<(), String>, Failure> {
        let (prepared, values) = match self.replay(game) {
            Ok(done) => done,
            Err(reason) => return Ok(Err(reason)),
        };
        for p in prepared {
            if self.seen.as_mut().is_some_and(|seen| !seen.insert(p.hash)) {
                self.duplicates += 1;
                continue;
            }
            let sample = Sample {
                features: &p.features,
                policy: &p.policy,
                values: p.by_colour(values),
                search_values: p.by_colour(p.search_values),
                player: p.player,
                move_number: p.number as i32,
                total_moves: game.moves.len() as i32,
                phase: p.phase,
                victory: &game.termination,
                engine: &game.engine_mode,
                move_type: &game.moves[p.number].kind,
                opponent: &game.opponent_type,
                quality: game.quality,
            };
            self.columns.push(&sample).map_err(|e| Failure::internal("collecting samples", e))?;
        }
        self.games += 1;
        Ok(Ok(()))
    }

    fn replay(&self, game: &StoredGame) -> Result<(Vec<Prepared>, [f32; MAX_PLAYERS]), String> {
        if game.moves.len() != game.total_moves {
            return Err(format!("{} moves stored, {} announced", game.moves.len(), game.total_moves));
        }
        if game.moves.len() < self.min_moves {
            return Err(format!("only {} moves, fewer than {}", game.moves.len(), self.min_moves));
        }
        let mut state = State::new(self.config, game.swap_rule);
        let (mut prepared, mut legal) = (Vec::new(), Vec::new());
        for (number, stored) in game.moves.iter().enumerate() {
            let complain = |what: String| format!("move {}: {what}", number + 1);
            if state.outcome().is_some() {
                return Err(complain("the game was over before it".to_owned()));
            }
            let seat = state.seat(state.to_move()) + 1;
            if stored.player != seat {
                return Err(complain(format!("made by player {}, but it is player {seat}'s turn", stored.player)));
            }
            let mv = state.move_from_json(&stored.json).map_err(|e| complain(e.to_string()))?;
            if let Some(target) = &stored.policy {
                state.legal_moves(&mut legal);
                let policy = self.policy(&state, &legal, target).map_err(complain)?;
                let mut features = Features::default();
                self.encoder.encode(&state, &mut features);
                prepared.push(Prepared {
                    features,
                    policy,
                    player: state.to_move(),
                    swapped: state.swapped(),
                    number,
                    hash: state.hash(),
                    phase: state.phase().name(),
                    search_values: [0.0; MAX_PLAYERS],
                });
            }
            state.apply(&mv);
        }
        let outcome = state.outcome().ok_or("undecided: the game was stopped before its end")?;
        let winner = state.seat(outcome.winner) + 1;
        if game.winner != Some(winner) || game.termination != outcome.reason.name() {
            return Err(format!(
                "stored end ({:?}, {}) is not the replayed one ({winner}, {})",
                game.winner,
                game.termination,
                outcome.reason.name()
            ));
        }
        let values = state.reseat(outcome_values(&outcome, self.config.players));
        look_back(&mut prepared, game, values);
        Ok((prepared, values))
    }

    /// The target over all legal moves: what is not stored is zero, what shares an index is added up.
    fn policy(&self, state: &State, legal: &[Move], target: &[(u32, f32)]) -> Result<Vec<(u32, f32)>, String> {
        let mut out: Vec<(u32, f32)> = legal.iter().map(|mv| (self.space.index(mv, state.to_move()), 0.0)).collect();
        out.sort_unstable_by_key(|&(index, _)| index);
        out.dedup_by_key(|&mut (index, _)| index);
        let mut sum = 0.0;
        for &(index, p) in target {
            if !(0.0..=1.0 + 1e-4).contains(&p) {
                return Err(format!("policy value {p} is no probability"));
            }
            let slot = out
                .binary_search_by_key(&index, |&(i, _)| i)
                .map_err(|_| format!("policy index {index} is no legal move"))?;
            out[slot].1 += p;
            sum += p;
        }
        if (sum - 1.0).abs() > 0.02 {
            return Err(format!("policy sums to {sum}"));
        }
        for (_, p) in &mut out {
            *p /= sum;
        }
        Ok(out)
    }
}
