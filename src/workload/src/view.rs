//! The board drawn in a terminal, for `show` and `play`.

use std::fmt::Write;

use crate::game::{Cell, Content, Geometry, State};

/// Colours of the players on a terminal (ANSI foreground codes): red, cyan, yellow, green.
const COLOURS: [u8; 4] = [31, 36, 33, 32];

/// How positions are drawn.
#[derive(Clone, Debug)]
pub struct Look {
    /// ANSI colours, a player each.
    pub colour: bool,
    /// Columns there are; a board that is wider is drawn with narrower cells.
    pub columns: usize,
    /// Cells of the last move: underlined with colours, in brackets without.
    pub marked: Vec<Cell>,
}

impl Default for Look {
    fn default() -> Self {
        Self { colour: false, columns: usize::MAX, marked: Vec::new() }
    }
}

/// The position as text: the board with coordinates, then a line a player.
///
/// A stack shows owner and height (`2³` is three rings, the top one player 2's), and its cap when
/// that is lower (`2³₁`) and there is room; a marker is `·2`, a collapsed cell `▒2`, an empty cell a dot.
pub fn draw(state: &State, look: &Look) -> String {
    let geo = state.geometry();
    let mut out = String::new();
    if geo.board.is_square() {
        square(state, geo, look, &mut out)
    } else {
        hexagon(state, geo, look, &mut out)
    }
    let over = state.outcome();
    for player in 0..state.config().players {
        let turn = if player == state.to_move() && over.is_none() { '>' } else { ' ' };
        let text = format!(
            "{turn} player {}: {} in hand, {} eliminated, territory {}, stacks {}, markers {}",
            player + 1,
            state.hand(player),
            state.eliminated(player),
            state.territory(player),
            state.stacks(player),
            state.markers(player)
        );
        line(&mut out, &paint(&text, player, look.colour));
    }
    let swapped = if state.swapped() { "; the sides are swapped: seat 1 plays 2, seat 2 plays 1" } else { "" };
    let end = match over {
        Some(o) => format!("player {} wins: {}", o.winner + 1, o.reason.name().replace('_', " ")),
        None => format!("move {}, {}", state.move_count(), state.phase().name().replace('_', " ")),
    };
    line(&mut out, &format!("{end}{swapped}"));
    out
}

fn square(state: &State, geo: &Geometry, look: &Look, out: &mut String) {
    let (rows, cols) = geo.plane;
    let width = cell_width(cols, 3, look);
    let heads: String = (0..cols).map(|x| format!("{x:>width$}")).collect();
    line(out, &dim(&format!("y\\x{heads}"), look.colour));
    for row in 0..rows {
        let mut text = dim(&format!("{row:>3}"), look.colour);
        for cell in (0..cols).filter_map(|col| geo.at_plane(row, col)) {
            text.push_str(&symbol(state, cell, width, look));
        }
        line(out, &text);
    }
}

fn hexagon(state: &State, geo: &Geometry, look: &Look, out: &mut String) {
    let (rows, cols) = geo.plane;
    let radius = rows / 2;
    let width = cell_width(cols, 12, look);
    for row in 0..rows {
        let cells: Vec<Cell> = (0..cols).filter_map(|col| geo.at_plane(row, col)).collect();
        let Some(&first) = cells.first() else { continue };
        let (x, y, _) = geo.coordinates(first);
        // Each row is half a cell further than the one above. Narrow drawings have no room to name the first cell's x.
        let head = if width < 4 { format!("{y:>3} ") } else { format!("y={y:<3} x={x:<3}") };
        let mut text = dim(&head, look.colour);
        text.push_str(&" ".repeat(row.abs_diff(radius) * width / 2));
        for cell in cells {
            text.push_str(&symbol(state, cell, width, look));
        }
        line(out, &text);
    }
}

/// Four columns a cell, or three where the board would be wider than the terminal.
fn cell_width(cells: usize, margin: usize, look: &Look) -> usize {
    if margin + 4 * cells <= look.columns { 4 } else { 3 }
}

/// A cell, right-aligned.
fn symbol(state: &State, cell: Cell, width: usize, look: &Look) -> String {
    let marked = look.marked.contains(&cell);
    let (mut text, player) = match state.content(cell) {
        Content::Empty => (".".to_owned(), None),
        Content::Marker(p) => (format!("·{}", p + 1), Some(p)),
        Content::Collapsed(p) => (format!("▒{}", p + 1), Some(p)),
        Content::Stack { owner, height, cap } => {
            let low = if cap < height && width > 3 { digits(cap, '₀') } else { String::new() };
            (format!("{}{}{low}", owner + 1, digits(height, '⁰')), Some(owner))
        }
    };
    if marked && !look.colour && text.chars().count() < width {
        text.insert(0, '>');
    }
    let pad = " ".repeat(width.saturating_sub(text.chars().count()));
    let text = if marked && look.colour { format!("\x1b[4;7m{text}\x1b[24;27m") } else { text };
    match player {
        Some(player) => format!("{pad}{}", paint(&text, player, look.colour)),
        None => format!("{pad}{}", dim(&text, look.colour)),
    }
}

/// A number in raised (`⁰`) or lowered (`₀`) digits.
fn digits(number: u8, zero: char) -> String {
    let raised = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let lowered = ['₀', '₁', '₂', '₃', '₄', '₅', '₆', '₇', '₈', '₉'];
    let set = if zero == '⁰' { raised } else { lowered };
    number.to_string().bytes().map(|b| set[usize::from(b - b'0')]).collect()
}

/// Text in a player's colour.
pub fn paint(text: &str, player: u8, colour: bool) -> String {
    if colour { format!("\x1b[{}m{text}\x1b[0m", COLOURS[usize::from(player)]) } else { text.to_owned() }
}

fn dim(text: &str, colour: bool) -> String {
    if colour { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() }
}

fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "{}", text.trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::game::{BoardKind, GameConfig};

    #[test]
    fn a_position_is_drawn_with_stacks_markers_and_counts() {
        let mut state = State::new(GameConfig { board: BoardKind::Square8, players: 2 }, false);
        for text in [
            r#"{"type":"place_ring","to":[3,3],"placementCount":2}"#,
            r#"{"type":"move_stack","from":[3,3],"to":[3,5]}"#,
        ] {
            let value = serde_json::from_str(text).expect("the move is JSON");
            let mv = state.move_from_json(&value).expect("the move is legal");
            state.apply(&mv);
        }
        let marked = state.geometry().at(3, 5, None).into_iter().collect();
        let drawn = draw(&state, &Look { marked, ..Look::default() });
        let rows: Vec<&str> = drawn.lines().collect();
        assert_eq!(rows[4], "  3   .   .   .  ·1   .   .   .   .");
        assert_eq!(rows[6], "  5   .   .   . >1²   .   .   .   .");
        assert_eq!(rows[9], "> player 1: 16 in hand, 0 eliminated, territory 0, stacks 1, markers 1");
        assert_eq!(rows[11], "move 2, line processing");
    }

    #[test]
    fn every_cell_of_a_hexagon_is_drawn() {
        let state = State::new(GameConfig { board: BoardKind::Hex8, players: 3 }, false);
        let drawn = draw(&state, &Look::default());
        assert_eq!(drawn.matches(" .").count(), 61);
        assert_eq!(drawn.lines().count(), 9 + 3 + 1);
    }

    #[test]
    fn every_board_fits_a_terminal_of_eighty_columns() {
        for config in GameConfig::all() {
            let state = State::new(config, false);
            let drawn = draw(&state, &Look { columns: 80, ..Look::default() });
            let widest = drawn.lines().map(|l| l.chars().count()).max().unwrap_or(0);
            assert!(widest <= 80, "{config} is drawn {widest} columns wide");
        }
    }
}
