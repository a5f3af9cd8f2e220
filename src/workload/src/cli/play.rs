//! `play`: a person against a player, in the terminal.

use std::io::BufRead;

use super::screen;
use crate::failure::Failure;
use crate::game::{GameConfig, Move, State};
use crate::search::{Player, PlayerSpec, SearchConfig, game_rng};
use crate::view::{Look, draw, paint};

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

const HELP: &str = "\
Type a move or a part of it, as in `place 2 at 3,4` or `2 3,4`: one that only one move has is played, else the moves that have it are
listed, and their numbers play them. Of a hexagon's cells x,y is enough. An empty line lists all, q leaves.
";

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    if args.seat == 0 || args.seat > args.config.players {
        return Err(Failure::Usage(format!(
            "--seat {}: {} has seats 1 to {}",
            args.seat, args.config, args.config.players
        )));
    }
    let search = SearchConfig { simulations: args.simulations.clamp(1, 800), ..SearchConfig::default() };
    let mut opponent = Player::new(&args.against, args.config, search)?;
    let mut look = screen::look();
    let mut lines = std::io::stdin().lock().lines();
    let mut rng = game_rng(args.seed, 0);
    let mut state = State::new(args.config, args.swap_rule);
    let mut legal = Vec::new();
    screen::print(&format!("{HELP}\n{}", draw(&state, &look)))?;
    while state.outcome().is_none() {
        state.legal_moves(&mut legal);
        if legal.len() == 1 {
            state.apply(&legal[0]);
            continue;
        }
        let mine = state.seat(state.to_move()) + 1 == args.seat;
        let chosen = if mine {
            let Some(chosen) = ask(&state, &legal, &mut lines, &look)? else { return Ok(()) };
            chosen
        } else {
            opponent.choose(&state, &legal, &mut rng)
        };
        let who = if mine { "you" } else { "opponent" };
        let text = format!("{who}, player {}: {}", state.to_move() + 1, state.describe(&legal[chosen]));
        let text = paint(&text, state.to_move(), look.colour);
        look.marked = super::show::cells_of(&state, &legal[chosen]);
        state.apply(&legal[chosen]);
        screen::print(&format!("\n{text}\n{}", draw(&state, &look)))?;
    }
    let won = state.outcome().is_some_and(|o| state.seat(o.winner) + 1 == args.seat);
    screen::print(if won { "you win\n" } else { "you lose\n" })
}

/// Asks until a move is named; `None` to leave.
fn ask(
    state: &State,
    legal: &[Move],
    lines: &mut impl Iterator<Item = std::io::Result<String>>,
    look: &Look,
) -> Result<Option<usize>, Failure> {
    let texts: Vec<String> = legal.iter().map(|mv| state.describe(mv)).collect();
    let all: Vec<usize> = (0..texts.len()).collect();
    let few = columns(&texts, &all, look.columns);
    // A list that would push the board off the screen is shown only when asked for.
    let shown = if few.lines().count() <= 6 { few } else { kinds(&texts) };
    screen::print(&shown)?;
    loop {
        screen::print(&format!("player {}, your move: ", state.to_move() + 1))?;
        let Some(line) = lines.next() else { return Ok(None) };
        let line = line.map_err(|e| Failure::internal("reading from the terminal", e))?;
        let text = line.trim();
        match text.parse::<usize>() {
            _ if matches!(text, "q" | "quit") => return Ok(None),
            _ if text == "?" => screen::print(HELP)?,
            Ok(n) if (1..=legal.len()).contains(&n) => return Ok(Some(n - 1)),
            Ok(n) => screen::print(&format!("{n} is not in the list (1 to {})\n", legal.len()))?,
            Err(_) => match fitting(&texts, text)[..] {
                [] => screen::print(&format!("no move has {text:?} in it; an empty line lists all\n"))?,
                [only] => return Ok(Some(only)),
                ref several => screen::print(&short(columns(&texts, several, look.columns), text))?,
            },
        }
    }
}

/// Moves that have every word typed, in their order: cells and numbers whole, other words from their beginning.
fn fitting(texts: &[String], typed: &str) -> Vec<usize> {
    let has = |text: &String| {
        let mut words = text.split([' ', ':']);
        typed.split_whitespace().all(|wanted| {
            let whole = wanted.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            words.any(|word| match word.trim_end_matches(',').strip_prefix(wanted) {
                Some(rest) => {
                    !whole
                        || rest.is_empty()
                        || (rest.starts_with(',') && rest.matches(',').count() == 1 && wanted.contains(','))
                }
                None => false,
            })
        })
    };
    let exact: Vec<usize> = (0..texts.len()).filter(|&i| texts[i] == typed).collect();
    if exact.is_empty() { (0..texts.len()).filter(|&i| has(&texts[i])).collect() } else { exact }
}

/// The moves of a list with their numbers, in as many columns as fit.
fn columns(texts: &[String], which: &[usize], width: usize) -> String {
    let cells: Vec<String> = which.iter().map(|&i| format!("{:>4}  {}", i + 1, texts[i])).collect();
    let widest = cells.iter().map(|c| c.chars().count()).max().unwrap_or(1) + 2;
    let count = (width.min(120) / widest).max(1);
    let rows = cells.len().div_ceil(count);
    let row = |r: usize| {
        let line: String = cells.iter().skip(r).step_by(rows).map(|c| format!("{c:<widest$}")).collect();
        format!("{}\n", line.trim_end())
    };
    (0..rows).map(row).collect()
}

/// A list cut where it would push the board off the screen, unless all was asked for.
fn short(list: String, typed: &str) -> String {
    const ROWS: usize = 8;
    if typed.is_empty() || list.lines().count() <= ROWS + 1 {
        return list;
    }
    let head: String = list.lines().take(ROWS).map(|l| format!("{l}\n")).collect();
    format!("{head}      … and more: type more of the move, or an empty line for all\n")
}

/// How many moves of each kind there are, with an example.
fn kinds(texts: &[String]) -> String {
    let mut kinds: Vec<(&str, usize, &str)> = Vec::new();
    for text in texts {
        let kind = text.split(' ').next().unwrap_or_default();
        match kinds.iter_mut().find(|(k, ..)| *k == kind) {
            Some((_, count, _)) => *count += 1,
            None => kinds.push((kind, 1, text)),
        }
    }
    let parts: Vec<String> =
        kinds.iter().map(|(kind, count, example)| format!("{count} × {kind} (as in `{example}`)")).collect();
    format!("{} moves: {}\n", texts.len(), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{columns, fitting, kinds, short};

    fn texts() -> Vec<String> {
        [
            "place 1 at 1,1",
            "place 2 at 1,1",
            "place 1 at 11,1",
            "move 1,1 → 1,4",
            "capture 1,1 × 1,3 → 1,5",
            "skip placement",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    #[test]
    fn words_choose_moves() {
        assert_eq!(fitting(&texts(), "place 2 at 1,1"), [1]);
        assert_eq!(fitting(&texts(), "2 1,1"), [1]);
        assert_eq!(fitting(&texts(), "pl 1,1"), [0, 1]);
        assert_eq!(fitting(&texts(), "1,1 1,4"), [3]);
        assert_eq!(fitting(&texts(), "sk"), [5]);
        assert_eq!(fitting(&texts(), ""), [0, 1, 2, 3, 4, 5]);
        assert!(fitting(&texts(), "9,9").is_empty());
        let hexagon = ["place 1 at 0,0,0", "place 1 at 0,-1,1", "place 1 at 1,0,-1"].map(str::to_owned);
        assert_eq!(fitting(&hexagon, "0,0"), [0]);
        assert_eq!(fitting(&hexagon, "1 0,-1"), [1]);
        assert_eq!(fitting(&hexagon, "0,0,0"), [0]);
    }

    #[test]
    fn lists_fit_the_width() {
        let list = columns(&texts(), &[0, 1, 2, 3], 60);
        assert_eq!(list, "   1  place 1 at 1,1      3  place 1 at 11,1\n   2  place 2 at 1,1      4  move 1,1 → 1,4\n");
        assert_eq!(columns(&texts(), &[0, 1], 10).lines().count(), 2);
        let long = columns(&vec!["move".to_owned(); 30], &(0..30).collect::<Vec<_>>(), 10);
        assert_eq!((short(long.clone(), "m").lines().count(), short(long, "").lines().count()), (9, 30));
        assert!(kinds(&texts()).starts_with("6 moves: 3 × place (as in `place 1 at 1,1`), 1 × move"));
    }
}
