//! Which matches judge a run, and playing them on all cores.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use super::run::Run;
use super::{Plan, Played};
use crate::contract::Stop;
use crate::failure::Failure;
use crate::game::GameConfig;
use crate::judge::matches::{MatchConfig, Tally, play_pair};
use crate::nn::Model;
use crate::records::selfplay::move_limit;
use crate::search::{Player, SearchConfig};

/// One side of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// A generation, with search.
    Generation(u32),
    /// Any legal move.
    Random,
    /// One ply of the heuristic.
    Heuristic,
}

/// A match to be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Fixture {
    /// Who is measured.
    pub first: Side,
    /// Against whom.
    pub second: Side,
    /// Games, even.
    pub games: u32,
}

/// Pairs that a thread takes at a time.
const CHUNK: u32 = 10;

/// At most `points` generations, evenly spread, the first and the last among them.
pub fn spread(last: u32, points: usize) -> Vec<u32> {
    let steps = (points.max(2) - 1).min(last as usize) as u32;
    (0..=steps).map(|i| if steps == 0 { 0 } else { (2 * last * i + steps) / (2 * steps) }).collect()
}

/// The matches: the champion first, then the curve, then a rematch of every promotion, the latest first.
pub fn fixtures(run: &Run, plan: &Plan) -> Vec<Fixture> {
    let last = run.champion();
    let mut out = Vec::new();
    let mut curve = spread(last, plan.points);
    curve.sort_by_key(|&g| (g != last, g));
    for first in curve.into_iter().map(Side::Generation) {
        let others = [Side::Random, Side::Heuristic, Side::Generation(0)];
        // Generation 1 against 0 is a rematch too, and then with more games.
        let known = |s: &Side| {
            *s == first || (first == Side::Generation(1) && *s == Side::Generation(0) && plan.rematch_games > 0)
        };
        out.extend(others.into_iter().filter(|s| !known(s)).map(|second| Fixture { first, second, games: plan.games }));
    }
    if plan.rematch_games > 0 {
        let rematch =
            |g: u32| Fixture { first: Side::Generation(g), second: Side::Generation(g - 1), games: plan.rematch_games };
        out.retain(|f| !matches!((f.first, f.second), (Side::Generation(a), Side::Generation(b)) if a == b + 1));
        out.extend((1..=last).rev().map(rematch));
    }
    out
}

/// Plays the matches; told to stop, those that are finished.
pub fn play_all(run: &Run, plan: &Plan, fixtures: &[Fixture], stop: &Stop) -> Result<Vec<Played>, Failure> {
    let config: GameConfig =
        run.setting.config.parse().map_err(|e| Failure::bad(format!("run.json: field config: {e}")))?;
    let chunks: Vec<(usize, u32, u32)> = fixtures.iter().enumerate().flat_map(|(n, f)| cut(n, f.games / 2)).collect();
    let next = AtomicUsize::new(0);
    let tallies = Mutex::new(vec![Tally::default(); fixtures.len()]);
    let worker = || -> Result<(), Failure> {
        while let Some(&(n, from, to)) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
            let fixture = &fixtures[n];
            let mut first = player(run, config, fixture.first, plan.simulations)?;
            let mut second = player(run, config, fixture.second, plan.simulations)?;
            let seed = plan.seed.wrapping_add(n as u64);
            let m = MatchConfig { config, opening: 6, swap_rule: false, max_moves: move_limit(config.board, 0), seed };
            for index in from..to {
                let pair = play_pair(&m, u64::from(index), &mut first, &mut second, stop)?;
                let mut all = tallies.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                all[n].add(&pair);
                if all[n].games() == fixture.games / 2 * 2 {
                    crate::say::note(format_args!("{}", super::report::line(&Played::new(*fixture, all[n].clone()))));
                }
            }
        }
        Ok(())
    };
    let ended: Vec<Result<(), Failure>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..plan.threads.max(1)).map(|_| scope.spawn(worker)).collect();
        let gone = || Err(Failure::internal("playing matches", "a thread panicked; its message stands above"));
        threads.into_iter().map(|t| t.join().unwrap_or_else(|_| gone())).collect()
    });
    for result in ended {
        match result {
            Ok(()) | Err(Failure::Interrupted(_)) => {}
            Err(other) => return Err(other),
        }
    }
    let tallies = tallies.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let whole = fixtures.iter().zip(tallies).filter(|(f, t)| t.games() == f.games / 2 * 2);
    Ok(whole.map(|(f, t)| Played::new(*f, t)).collect())
}

fn cut(n: usize, pairs: u32) -> impl Iterator<Item = (usize, u32, u32)> {
    (0..pairs.div_ceil(CHUNK)).map(move |c| (n, c * CHUNK, ((c + 1) * CHUNK).min(pairs)))
}

fn player(run: &Run, config: GameConfig, side: Side, simulations: usize) -> Result<Player, Failure> {
    let search = SearchConfig { simulations, ..SearchConfig::default() };
    Ok(match side {
        Side::Random => Player::Random,
        Side::Heuristic => Player::heuristic(config),
        Side::Generation(g) => {
            let file = run.generations.get(g as usize).and_then(|g| g.file.as_deref());
            let model = file.map_or_else(|| Model::untrained(config), |f| Model::load_for(f, config))?;
            Player::model(model, search)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn generations_are_spread_with_both_ends() {
        assert_eq!(spread(0, 8), [0]);
        assert_eq!(spread(3, 8), [0, 1, 2, 3]);
        assert_eq!(spread(21, 8), [0, 3, 6, 9, 12, 15, 18, 21]);
        assert_eq!(spread(10, 4), [0, 3, 7, 10]);
    }
}
