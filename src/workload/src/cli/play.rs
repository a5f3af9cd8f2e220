//! `play`: a person against a player, in the terminal.

use std::io::{BufRead, IsTerminal};

use super::show::print;
use crate::failure::Failure;
use crate::game::{GameConfig, Move, State};
use crate::search::{Player, PlayerSpec, SearchConfig, game_rng};
use crate::view::draw;

/// Arguments of `play`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Opponent: random, heuristic, mcts:N, policy:FILE, model:FILE
    #[arg(long, default_value = "mcts:64")]
    against: PlayerSpec,
    /// Configuration
    #[arg(long, value_parser = super::config, default_value = "square8_2p")]
    config: GameConfig,
    /// Your seat, from 1
    #[arg(long, default_value_t = 1)]
    seat: u8,
    /// Search budget of a model
    #[arg(long, default_value_t = 64)]
    simulations: usize,
    /// Seed of the opponent
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Whether the second player may swap sides
    #[arg(long)]
    swap_rule: bool,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    if args.seat == 0 || args.seat > args.config.players {
        return Err(Failure::Usage(format!("--seat {}: {} has seats 1 to {}", args.seat, args.config, args.config.players)));
    }
    let search = SearchConfig { simulations: args.simulations.clamp(1, 800), ..SearchConfig::default() };
    let mut opponent = Player::new(&args.against, args.config, search)?;
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut lines = std::io::stdin().lock().lines();
    let mut rng = game_rng(args.seed, 0);
    let mut state = State::new(args.config, args.swap_rule);
    let mut legal = Vec::new();
    print("Type the number of a move, part of its text to see fewer, or q to leave.\n\n")?;
    print(&draw(&state, colour))?;
    while state.outcome().is_none() {
        state.legal_moves(&mut legal);
        if legal.len() == 1 {
            state.apply(&legal[0]);
            continue;
        }
        let mine = state.to_move() + 1 == args.seat;
        let chosen = if mine {
            let Some(chosen) = ask(&state, &legal, &mut lines)? else { return Ok(()) };
            chosen
        } else {
            opponent.choose(&state, &legal, &mut rng)
        };
        print(&format!("\nplayer {}: {}\n", state.to_move() + 1, state.describe(&legal[chosen])))?;
        state.apply(&legal[chosen]);
        print(&draw(&state, colour))?;
    }
    Ok(())
}

/// Asks until a move is named; `None` to leave.
fn ask(state: &State, legal: &[Move], lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Result<Option<usize>, Failure> {
    let texts: Vec<String> = legal.iter().map(|mv| state.describe(mv)).collect();
    let mut filter = String::new();
    loop {
        let fitting = texts.iter().enumerate().filter(|(_, t)| t.contains(&filter));
        let shown: String = fitting.map(|(i, t)| format!("{:>4}  {t}\n", i + 1)).collect();
        print(&if shown.is_empty() { format!("no move has {filter:?} in it\n") } else { shown })?;
        print("your move: ")?;
        std::io::Write::flush(&mut std::io::stdout()).map_err(|e| Failure::internal("writing to the terminal", e))?;
        let Some(line) = lines.next() else { return Ok(None) };
        let line = line.map_err(|e| Failure::internal("reading from the terminal", e))?;
        match line.trim() {
            "q" | "quit" => return Ok(None),
            text => match text.parse::<usize>() {
                Ok(n) if (1..=legal.len()).contains(&n) => return Ok(Some(n - 1)),
                Ok(n) => print(&format!("{n} is not in the list (1 to {})\n", legal.len()))?,
                Err(_) => filter = text.to_owned(),
            },
        }
    }
}
