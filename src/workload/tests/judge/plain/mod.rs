//! The rules of RingRift once more, slow and plain, to be read beside the text of the rules
//! (tests/fixtures/traces/README.md names what the recorded games add to it). Nothing here is shared with the engine
//! that plays: this one judges it. Players are numbered from 1, everything is recomputed from the board whenever it is
//! asked for.

pub mod board;
mod lines;
pub mod moves;
mod reach;
mod recovery;
mod region;
mod turn;

use std::collections::BTreeMap;

use board::{Board, Content, Point, Shape};
use moves::Move;

/// The steps of a turn, by their names.
pub mod phase {
    pub const PLACEMENT: &str = "ring_placement";
    pub const MOVEMENT: &str = "movement";
    pub const CAPTURE: &str = "capture";
    pub const CHAIN: &str = "chain_capture";
    pub const LINES: &str = "line_processing";
    pub const TERRITORY: &str = "territory_processing";
    pub const FORCED: &str = "forced_elimination";
    pub const OVER: &str = "game_over";
}

/// A game and all that is known of it. Lists by player have an unused entry 0.
#[derive(Clone, Debug)]
pub struct Game {
    pub shape: Shape,
    pub players: u8,
    pub board: Board,
    pub phase: &'static str,
    pub player: u8,
    pub hand: Vec<u16>,
    pub eliminated: Vec<u16>,
    /// Territory as recorded games count it: without what captures collapse.
    pub recorded: Vec<u16>,
    pub winner: Option<u8>,
    /// The stack that was placed on, moved or captured with, and must go on or may.
    pub must: Option<Point>,
    /// What has yet to be paid with a stack: "line", "territory" or "recovery".
    pub owes: Option<&'static str>,
    /// Something was done in this turn; else a player with stacks is forced to eliminate.
    did_something: bool,
    /// A recovery slide was made in this turn.
    slid: bool,
    swap_rule: bool,
    turns: u32,
    rounds: Rounds,
}

/// What "last player standing" counts.
#[derive(Clone, Debug, Default)]
struct Rounds {
    /// Whose turn begins a round.
    first: Option<u8>,
    /// Who took a turn in this round, and whether there was a real action then.
    seen: BTreeMap<u8, bool>,
    /// The only player with real actions in the last rounds, and how many of them in a row.
    alone: Option<(u8, u32)>,
}

impl Game {
    pub fn new(shape: Shape, players: u8, swap_rule: bool) -> Self {
        let none = vec![0; usize::from(players) + 1];
        let mut hand = vec![shape.rings_per_player(); usize::from(players) + 1];
        hand[0] = 0;
        Self {
            shape,
            players,
            board: Board::empty(shape),
            phase: phase::PLACEMENT,
            player: 1,
            hand,
            eliminated: none.clone(),
            recorded: none,
            winner: None,
            must: None,
            owes: None,
            did_something: false,
            slid: false,
            swap_rule: swap_rule && players == 2,
            turns: 0,
            rounds: Rounds::default(),
        }
    }

    /// All legal moves.
    pub fn legal(&self) -> Vec<Move> {
        match self.phase {
            phase::PLACEMENT => self.placement_moves(),
            phase::MOVEMENT => self.movement_moves(),
            phase::CAPTURE => {
                let mut moves = self.captures_from(self.must.expect("a stack captures"), "overtaking_capture");
                moves.push(self.bare("skip_capture"));
                moves
            }
            phase::CHAIN => self.captures_from(self.must.expect("a stack captures"), "continue_capture_segment"),
            phase::LINES => self.line_moves(),
            phase::TERRITORY => self.territory_moves(),
            phase::FORCED => self.forced_moves(),
            _ => Vec::new(),
        }
    }

    fn placement_moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        if self.swap_rule && self.player == 2 && self.turns == 1 {
            moves.push(self.bare("swap_sides"));
        }
        if self.hand_of(self.player) > 0 {
            moves.extend(self.placements(self.player));
            if self.seems_able_to_move() || self.may_recover() {
                moves.push(self.bare("skip_placement"));
            }
        }
        if moves.is_empty() {
            moves.push(self.bare("no_placement_action"));
        }
        moves
    }

    fn movement_moves(&self) -> Vec<Move> {
        let stacks = self.must.map_or_else(|| self.board.stacks_of(self.player), |only| vec![only]);
        let mut moves = Vec::new();
        for from in stacks {
            moves.extend(self.slides_from(from));
            moves.extend(self.captures_from(from, "overtaking_capture"));
        }
        if moves.is_empty() && self.may_recover() {
            moves = self.recoveries();
            moves.push(self.bare("skip_recovery"));
        } else if moves.is_empty() {
            moves.push(self.bare("no_movement_action"));
        }
        moves
    }

    /// Who could have acted and did not loses the oldest stack; who could not may choose.
    fn forced_moves(&self) -> Vec<Move> {
        let mut stacks = self.board.stacks_of(self.player);
        if self.can_act(self.player) {
            stacks.truncate(1);
        }
        stacks.into_iter().map(|to| Move { to: Some(to), ..self.bare("forced_elimination") }).collect()
    }

    fn bare(&self, kind: &'static str) -> Move {
        Move::bare(kind, self.player)
    }

    pub fn hand_of(&self, player: u8) -> u16 {
        self.hand[usize::from(player)]
    }

    /// Has a ring anywhere: in hand, on top of a stack, or buried.
    fn has_rings(&self, player: u8) -> bool {
        self.hand_of(player) > 0 || self.has_rings_on_board(player)
    }

    fn has_rings_on_board(&self, player: u8) -> bool {
        self.board.all_stacks().iter().any(|&at| self.board.rings(at).contains(&player))
    }

    /// A real action: a placement, a move or a capture.
    fn can_act(&self, player: u8) -> bool {
        !self.placements_until(player, 1).is_empty()
            || self.board.stacks_of(player).iter().any(|&at| self.board_allows_move(at, self.board.rings(at)))
    }

    /// Eliminates rings from the top of a stack, to the credit of the player to move.
    fn eliminate_top(&mut self, at: Point, count: usize) {
        let mut rings = self.board.rings(at).to_vec();
        let gone = count.min(rings.len());
        rings.truncate(rings.len() - gone);
        self.eliminated[usize::from(self.player)] += gone as u16;
        self.board.set_stack(at, rings);
    }

    fn eliminate_cap(&mut self, at: Point) {
        let cap = board::cap(self.board.rings(at));
        self.eliminate_top(at, cap);
    }

    /// Eliminates the lowest own ring of a stack, to the own credit.
    fn eliminate_lowest(&mut self, at: Point) {
        let mut rings = self.board.rings(at).to_vec();
        if let Some(place) = rings.iter().position(|&ring| ring == self.player) {
            rings.remove(place);
            self.eliminated[usize::from(self.player)] += 1;
            self.board.set_stack(at, rings);
        }
    }

    /// Collapses a cell to the player to move, and counts it where recorded games count it.
    fn collapse(&mut self, at: Point) {
        self.board.set(at, Content::Territory(self.player));
        self.recorded[usize::from(self.player)] += 1;
    }
}
