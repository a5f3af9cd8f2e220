//! The board drawn in a terminal, for `show` and `play`.

use std::fmt::Write;

use crate::game::{Cell, Content, Geometry, State};

/// Colours of the players on a terminal (ANSI foreground codes): red, cyan, yellow, green.
const COLOURS: [u8; 4] = [31, 36, 33, 32];

/// The position as text: the board with coordinates, then a line a player.
///
/// A stack shows owner and height (`2³` is three rings, the top one player 2's), and its cap when
/// that is lower (`2³₁`); a marker is `·2`, a collapsed cell `▒2`, an empty cell a dot. With
/// `colour`, cells carry ANSI colours, a player each.
pub fn draw(state: &State, colour: bool) -> String {
    let geo = state.geometry();
    let mut out = String::new();
    if geo.board.is_square() {
        square(state, geo, colour, &mut out)
    } else {
        hexagon(state, geo, colour, &mut out)
    }
    for player in 0..state.config().players {
        let turn = if player == state.to_move() { '>' } else { ' ' };
        let text = format!(
            "{turn} player {}: {} in hand, {} eliminated, territory {}, stacks {}, markers {}",
            player + 1,
            state.hand(player),
            state.eliminated(player),
            state.territory(player),
            state.stacks(player),
            state.markers(player)
        );
        line(&mut out, &paint(&text, player, colour));
    }
    let end = match state.outcome() {
        Some(o) => format!("player {} wins: {}", o.winner + 1, o.reason.name().replace('_', " ")),
        None => format!("move {}, {}", state.move_count(), state.phase().name().replace('_', " ")),
    };
    line(&mut out, &end);
    out
}

fn square(state: &State, geo: &Geometry, colour: bool, out: &mut String) {
    let (rows, cols) = geo.plane;
    let heads: String = (0..cols).map(|x| format!("{x:>4}")).collect();
    line(out, &format!("y\\x{heads}"));
    for row in 0..rows {
        let mut text = format!("{row:>3}");
        for cell in (0..cols).filter_map(|col| geo.at_plane(row, col)) {
            text.push_str(&symbol(state, cell, colour));
        }
        line(out, &text);
    }
}

fn hexagon(state: &State, geo: &Geometry, colour: bool, out: &mut String) {
    let (rows, cols) = geo.plane;
    let radius = rows / 2;
    for row in 0..rows {
        let cells: Vec<Cell> = (0..cols).filter_map(|col| geo.at_plane(row, col)).collect();
        let Some(&first) = cells.first() else { continue };
        let (x, y, _) = geo.coordinates(first);
        // Each row is half a cell further than the one above; a cell is four columns wide.
        let mut text = format!("y={y:<3} x={x:<3}{}", "  ".repeat(row.abs_diff(radius)));
        for cell in cells {
            text.push_str(&symbol(state, cell, colour));
        }
        line(out, &text);
    }
}

/// A cell in four columns.
fn symbol(state: &State, cell: Cell, colour: bool) -> String {
    let (text, player) = match state.content(cell) {
        Content::Empty => return "   .".to_owned(),
        Content::Marker(p) => (format!("·{}", p + 1), p),
        Content::Collapsed(p) => (format!("▒{}", p + 1), p),
        Content::Stack { owner, height, cap } => {
            let low = if cap < height { digits(cap, '₀') } else { String::new() };
            (format!("{}{}{low}", owner + 1, digits(height, '⁰')), owner)
        }
    };
    let pad = " ".repeat(4_usize.saturating_sub(text.chars().count()));
    format!("{pad}{}", paint(&text, player, colour))
}

/// A number in raised (`⁰`) or lowered (`₀`) digits.
fn digits(number: u8, zero: char) -> String {
    let raised = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let lowered = ['₀', '₁', '₂', '₃', '₄', '₅', '₆', '₇', '₈', '₉'];
    let set = if zero == '⁰' { raised } else { lowered };
    number.to_string().bytes().map(|b| set[usize::from(b - b'0')]).collect()
}

fn paint(text: &str, player: u8, colour: bool) -> String {
    if colour { format!("\x1b[{}m{text}\x1b[0m", COLOURS[usize::from(player)]) } else { text.to_owned() }
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
        for text in [r#"{"type":"place_ring","to":[3,3],"placementCount":2}"#, r#"{"type":"move_stack","from":[3,3],"to":[3,5]}"#] {
            let value = serde_json::from_str(text).expect("the move is JSON");
            let mv = state.move_from_json(&value).expect("the move is legal");
            state.apply(&mv);
        }
        let drawn = draw(&state, false);
        let rows: Vec<&str> = drawn.lines().collect();
        assert_eq!(rows[4], "  3   .   .   .  ·1   .   .   .   .");
        assert_eq!(rows[6], "  5   .   .   .  1²   .   .   .   .");
        assert_eq!(rows[9], "> player 1: 16 in hand, 0 eliminated, territory 0, stacks 1, markers 1");
        assert_eq!(rows[11], "move 2, line processing");
    }

    #[test]
    fn every_cell_of_a_hexagon_is_drawn() {
        let state = State::new(GameConfig { board: BoardKind::Hex8, players: 3 }, false);
        let drawn = draw(&state, false);
        assert_eq!(drawn.matches(" .").count(), 61);
        assert_eq!(drawn.lines().count(), 9 + 3 + 1);
    }
}
