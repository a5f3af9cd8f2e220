//! The strength of a learning run by generation: what `scripts/bench-learning` collected, judged by matches.
//!
//! The loop's own matches end as soon as they decide, so their Elo differences are too large in the mean. Here each
//! number of games is fixed before the first is played: every promotion is played again, and generations are held
//! against players that do not change.

pub mod plot;
pub mod report;
pub mod run;
pub mod schedule;

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::contract::Stop;
use crate::contract::files::write_atomically;
use crate::failure::Failure;
use crate::judge::matches::Tally;
use crate::judge::sprt::elo_interval;
use run::Run;
use schedule::{Fixture, Side};

/// How much is played.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Plan {
    /// Games against each of random, heuristic and the untrained network.
    pub games: u32,
    /// Games of each promoted generation against the one before it.
    pub rematch_games: u32,
    /// Generations on the curve, at most.
    pub points: usize,
    /// Search budget of every model.
    pub simulations: usize,
    /// Seed of the openings.
    pub seed: u64,
    /// Matches at once.
    pub threads: usize,
}

/// A match that was played to its end.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Played {
    /// Who played whom.
    pub fixture: Fixture,
    /// The count, from the first side.
    pub tally: Tally,
    /// Elo difference and the bounds of its 95 % interval, from the pairs.
    pub elo: [f64; 3],
}

impl Played {
    pub(crate) fn new(fixture: Fixture, tally: Tally) -> Self {
        let (elo, low, high) = elo_interval(&tally.pairs);
        Self { fixture, tally, elo: [elo, low, high] }
    }

    /// Share of the points with the bounds of Wilson's 95 % interval, 0 to 1.
    pub fn share(&self) -> [f64; 3] {
        let (low, high) = wilson(self.tally.win_rate(), f64::from(self.tally.games()));
        [self.tally.win_rate(), low, high]
    }
}

/// Bounds of Wilson's 95 % interval of a share of `n` trials; all of it is possible before the first.
pub fn wilson(share: f64, n: f64) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    const Z: f64 = 1.959_963_984_540_054;
    let centre = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0))
}

/// Everything that was found.
#[derive(Debug, Deserialize, Serialize)]
pub struct Strength {
    /// The run.
    pub run: Run,
    /// How it was judged.
    pub plan: Plan,
    /// The matches, in the order in which they were planned.
    pub played: Vec<Played>,
    /// Matches that there was no time for.
    pub not_played: Vec<Fixture>,
}

impl Strength {
    /// The match of a generation against a side, if it was played.
    pub fn of(&self, generation: u32, second: Side) -> Option<&Played> {
        self.played.iter().find(|p| p.fixture.first == Side::Generation(generation) && p.fixture.second == second)
    }

    /// Promotions that their rematch contradicts: the promoted generation is the weaker one beyond doubt (upper 95 %
    /// bound below 0).
    pub fn contradicted(&self) -> Vec<u32> {
        let promoted = self.run.generations.iter().skip(1).map(|g| g.number);
        promoted.filter(|&g| self.of(g, Side::Generation(g - 1)).is_some_and(|p| p.elo[2] < 0.0)).collect()
    }
}

/// Judges the run in `folder`, and writes strength.json, strength.md and strength.svg beside it. Told to stop, it
/// writes what is finished.
pub fn judge(folder: &Path, plan: Plan, stop: &Stop) -> Result<String, Failure> {
    let run = Run::read(folder)?;
    let fixtures = schedule::fixtures(&run, &plan);
    let played = schedule::play_all(&run, &plan, &fixtures, stop)?;
    let not_played = fixtures.into_iter().filter(|f| !played.iter().any(|p| p.fixture == *f)).collect();
    let strength = Strength { run, plan, played, not_played };
    let text = json!({"schema": 1, "contradicted": strength.contradicted(), "strength": strength});
    let text = serde_json::to_string_pretty(&text).map_err(|e| Failure::internal("writing strength.json", e))?;
    write_atomically(&folder.join("strength.json"), text.as_bytes())?;
    draw(folder, &strength)
}

/// Writes table and plot of what strength.json holds, without playing.
pub fn redraw(folder: &Path) -> Result<String, Failure> {
    let path = folder.join("strength.json");
    let bad = |e: &dyn std::fmt::Display| {
        Failure::bad(format!("reading {}: {e}; judge the run first, without --redraw", path.display()))
    };
    let text = std::fs::read_to_string(&path).map_err(|e| bad(&e))?;
    let mut whole: serde_json::Value = serde_json::from_str(&text).map_err(|e| bad(&e))?;
    let strength = serde_json::from_value(whole["strength"].take()).map_err(|e| bad(&e))?;
    draw(folder, &strength)
}

fn draw(folder: &Path, strength: &Strength) -> Result<String, Failure> {
    write_atomically(&folder.join("strength.svg"), plot::strength(strength)?.as_bytes())?;
    let table = report::markdown(strength);
    write_atomically(&folder.join("strength.md"), table.as_bytes())?;
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::wilson;

    #[test]
    fn wilson_bounds_are_those_of_the_tables() {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-3;
        let (low, high) = wilson(0.9, 100.0);
        assert!(near(low, 0.8256) && near(high, 0.9448), "{low} {high}");
        let (low, high) = wilson(1.0, 100.0);
        assert!(near(low, 0.9630) && high == 1.0, "{low} {high}");
        assert_eq!(wilson(0.5, 0.0), (0.0, 1.0));
    }
}
