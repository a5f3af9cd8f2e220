//! `show`: the games of a shard, or one game move by move with the board.

use std::path::PathBuf;

use super::screen;
use crate::failure::Failure;
use crate::game::{Cell, Move, State};
use crate::records::{ShardReader, StoredGame, StoredMove};
use crate::view::draw;

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A shard (games.db)
    shard: PathBuf,
    /// Game to draw: its id, or its place in the list from 1; without one, the games are listed
    game: Option<String>,
    /// Draw only the position after this move
    #[arg(long, value_name = "N")]
    at: Option<usize>,
    /// List the moves without boards
    #[arg(long)]
    moves: bool,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    let shard = ShardReader::open(&args.shard)?;
    let text = match &args.game {
        None => list(&shard)?,
        Some(game) => {
            let ids = shard.ids()?;
            let id = game.parse::<usize>().ok().and_then(|n| ids.get(n.wrapping_sub(1))).unwrap_or(game);
            replay(&shard, &shard.game(id)?, args)?
        }
    };
    screen::page(&text)
}

fn list(shard: &ShardReader) -> Result<String, Failure> {
    let state = if shard.complete { "whole" } else { "of an interrupted job" };
    let mut out = format!("{}, {state}, played by {}\n", shard.config, shard.model_sha256);
    for (n, id) in shard.ids()?.iter().enumerate() {
        let game = shard.game(id)?;
        let winner = game.winner.map_or("nobody".to_owned(), |w| format!("player {w}"));
        out += &format!(
            "{:>5}  {id}  {:>4} moves  {winner} wins, {}\n",
            n + 1,
            game.moves.len(),
            game.termination.replace('_', " ")
        );
    }
    Ok(out)
}

fn replay(shard: &ShardReader, game: &StoredGame, args: &Args) -> Result<String, Failure> {
    let mut look = screen::look();
    let mut state = State::new(shard.config, game.swap_rule);
    let last = args.at.unwrap_or(game.moves.len());
    if last > game.moves.len() {
        return Err(Failure::Usage(format!("--at {last}: the game has {} moves", game.moves.len())));
    }
    let mut out = format!("{}  {}\n\n", game.id, shard.config);
    for (n, stored) in game.moves.iter().enumerate().take(last) {
        let mv = state.move_from_json(&stored.json).map_err(|e| {
            Failure::bad(format!("shard {}: game {}: move {}: {e}", args.shard.display(), game.id, n + 1))
        })?;
        let forced = stored.policy.is_none();
        if args.moves || (args.at.is_none() && !forced) {
            out += &line(n + 1, &state, &state.describe(&mv), stored);
        }
        let cells = cells_of(&state, &mv);
        if !cells.is_empty() {
            look.marked = cells;
        }
        state.apply(&mv);
        if !args.moves && args.at.is_none() && !forced {
            out += &draw(&state, &look);
            out.push('\n');
        }
    }
    if args.moves || args.at.is_some() || game.moves.last().is_some_and(|m| m.policy.is_none()) {
        out += &draw(&state, &look);
    }
    Ok(out)
}

fn line(number: usize, state: &State, text: &str, stored: &StoredMove) -> String {
    let value = stored.eval.map_or(String::new(), |v| format!("   value {v:+.2}"));
    format!("{number:>4}. player {}: {text}{value}\n", state.to_move() + 1)
}

/// The cells that a move names, to be marked in the drawing.
pub fn cells_of(state: &State, mv: &Move) -> Vec<Cell> {
    [mv.from, mv.target, mv.to].into_iter().filter(|&c| usize::from(c) < state.geometry().cells).collect()
}
