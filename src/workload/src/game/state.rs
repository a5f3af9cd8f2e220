//! A position: what is on the cells, whose turn it is, and what remains of the turn.

use super::board::{GameConfig, MAX_CELLS, MAX_PLAYERS};
use super::cells::{self, NOBODY};
use super::geometry::{Cell, Geometry, NO_CELL, geometry};

/// The steps of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Phase {
    RingPlacement,
    Movement,
    Capture,
    ChainCapture,
    LineProcessing,
    TerritoryProcessing,
    ForcedElimination,
    GameOver,
}

impl Phase {
    /// All phases with their wire names, in the order of their discriminants.
    pub const ALL: [(Phase, &'static str); 8] = [
        (Self::RingPlacement, "ring_placement"),
        (Self::Movement, "movement"),
        (Self::Capture, "capture"),
        (Self::ChainCapture, "chain_capture"),
        (Self::LineProcessing, "line_processing"),
        (Self::TerritoryProcessing, "territory_processing"),
        (Self::ForcedElimination, "forced_elimination"),
        (Self::GameOver, "game_over"),
    ];

    /// The wire name, as in `ring_placement`.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// What lies on a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// Nothing.
    Empty,
    /// A marker of a player (0-based).
    Marker(u8),
    /// Collapsed for ever as a player's territory (0-based).
    Collapsed(u8),
    /// A stack of rings.
    Stack {
        /// The controlling player, 0-based: the colour of the top ring.
        owner: u8,
        /// Number of rings.
        height: u8,
        /// Rings of the owner's colour from the top down.
        cap: u8,
    },
}

/// What a choice of a stack is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Debt {
    None,
    Line,
    Territory,
    /// A region taken in a turn with a recovery slide: a buried ring pays.
    Recovery,
}

/// The bookkeeping of rounds for "last player standing".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Standing {
    /// Player whose turn begins a round; `NOBODY` before the second turn of the game.
    pub first: u8,
    /// Bit per player: took a turn in this round.
    pub seen: u8,
    /// Bit per player: had a real action at the start of that turn.
    pub real: u8,
    /// The only player with real actions in the last rounds.
    pub alone: u8,
    /// Number of those rounds in a row.
    pub rounds: u8,
}

/// Everything of a state but the cells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub config: GameConfig,
    pub phase: Phase,
    pub player: u8,
    pub debt: Debt,
    /// The player has done something in this turn that rules forced elimination out.
    pub acted: bool,
    /// The player has made a recovery slide in this turn.
    pub recovered: bool,
    pub swap_rule: bool,
    pub swapped: bool,
    /// Winner, or `NOBODY`.
    pub winner: u8,
    pub reason: super::outcome::Reason,
    /// Who made the last move, recorded no-ops too.
    pub last_actor: u8,
    pub standing: Standing,
    /// Stack that must move or go on capturing.
    pub bound: Cell,
    pub cell_hash: u64,
    pub hand: [u16; MAX_PLAYERS],
    pub eliminated: [u16; MAX_PLAYERS],
    /// Territory as recorded games show it: collapsed cells, but for those that captures collapse.
    pub recorded_territory: [u16; MAX_PLAYERS],
    /// Collapsed cells on the board: the territory that decides games.
    pub collapsed: [u16; MAX_PLAYERS],
    /// Markers on the board.
    pub markers: [u16; MAX_PLAYERS],
    /// Stacks controlled.
    pub stacks: [u16; MAX_PLAYERS],
    /// Rings on the board, buried ones too.
    pub rings: [u16; MAX_PLAYERS],
    pub moves: u32,
    pub turns: u32,
    /// The age that the next new stack gets. A game makes fewer stacks than it has rings, cells and players.
    pub next_age: u16,
}

/// A position. It holds no heap memory; `clone_from` copies only the cells that the board has.
#[derive(Debug)]
pub struct State {
    pub(super) head: Head,
    pub(super) cells: [u64; MAX_CELLS],
    /// When a cell with a stack became one; smaller is older. Meaningless for other cells.
    pub(super) ages: [u16; MAX_CELLS],
}

impl Clone for State {
    fn clone(&self) -> Self {
        Self { head: self.head, cells: self.cells, ages: self.ages }
    }

    fn clone_from(&mut self, source: &Self) {
        let n = source.head.config.board.cells();
        if self.head.config.board == source.head.config.board {
            self.cells[..n].copy_from_slice(&source.cells[..n]);
            self.ages[..n].copy_from_slice(&source.ages[..n]);
        } else {
            self.cells = source.cells;
            self.ages = source.ages;
        }
        self.head = source.head;
    }
}

impl State {
    /// The start of a game. With `swap_rule`, a second player of two may take the first player's
    /// side instead of the own first turn.
    pub fn new(config: GameConfig, swap_rule: bool) -> Self {
        let mut hand = [0; MAX_PLAYERS];
        hand[..usize::from(config.players)].fill(config.board.rings_per_player());
        Self {
            head: Head {
                config,
                phase: Phase::RingPlacement,
                player: 0,
                debt: Debt::None,
                acted: false,
                recovered: false,
                swap_rule: swap_rule && config.players == 2,
                swapped: false,
                winner: NOBODY,
                reason: super::outcome::Reason::Stalemate,
                last_actor: NOBODY,
                standing: Standing { first: NOBODY, seen: 0, real: 0, alone: NOBODY, rounds: 0 },
                bound: NO_CELL,
                cell_hash: 0,
                hand,
                eliminated: [0; MAX_PLAYERS],
                recorded_territory: [0; MAX_PLAYERS],
                collapsed: [0; MAX_PLAYERS],
                markers: [0; MAX_PLAYERS],
                stacks: [0; MAX_PLAYERS],
                rings: [0; MAX_PLAYERS],
                moves: 0,
                turns: 0,
                next_age: 0,
            },
            cells: [0; MAX_CELLS],
            ages: [0; MAX_CELLS],
        }
    }

    /// The configuration being played.
    pub fn config(&self) -> GameConfig {
        self.head.config
    }

    /// The board's tables.
    pub fn geometry(&self) -> &'static Geometry {
        geometry(self.head.config.board)
    }

    /// The player to move, 0-based. Players are colours: after a swap of sides the colours stay on
    /// the board and [`State::seat`] tells who plays them. After the end: the winner.
    pub fn to_move(&self) -> u8 {
        self.head.player
    }

    /// Who plays a colour: the colour's own number, or the other one after a swap of sides.
    pub fn seat(&self, player: u8) -> u8 {
        if self.head.swapped { 1 - player } else { player }
    }

    /// True once the sides were swapped.
    pub fn swapped(&self) -> bool {
        self.head.swapped
    }

    /// Turns a list by colour into the list by seat, or back: a swap of sides is its own inverse.
    pub fn reseat<T>(&self, mut list: [T; MAX_PLAYERS]) -> [T; MAX_PLAYERS] {
        if self.head.swapped {
            list.swap(0, 1);
        }
        list
    }

    /// The step of the turn.
    pub fn phase(&self) -> Phase {
        self.head.phase
    }

    /// Moves made so far, counting recorded no-ops.
    pub fn move_count(&self) -> u32 {
        self.head.moves
    }

    /// Turns ended so far.
    pub fn turn_count(&self) -> u32 {
        self.head.turns
    }

    /// Rings a player (0-based) holds.
    pub fn hand(&self, player: u8) -> u16 {
        self.head.hand[usize::from(player)]
    }

    /// Rings eliminated to a player's credit.
    pub fn eliminated(&self, player: u8) -> u16 {
        self.head.eliminated[usize::from(player)]
    }

    /// Territory of a player: all collapsed cells they own. It decides victory and ranking.
    pub fn territory(&self, player: u8) -> u16 {
        self.head.collapsed[usize::from(player)]
    }

    /// Territory of a player as recorded games show it: without the cells that collapsed because a
    /// capture passed own markers. It decides nothing.
    pub fn recorded_territory(&self, player: u8) -> u16 {
        self.head.recorded_territory[usize::from(player)]
    }

    /// Markers of a player on the board.
    pub fn markers(&self, player: u8) -> u16 {
        self.head.markers[usize::from(player)]
    }

    /// Stacks a player controls.
    pub fn stacks(&self, player: u8) -> u16 {
        self.head.stacks[usize::from(player)]
    }

    /// Rings of a player on the board, buried ones too.
    pub fn rings_on_board(&self, player: u8) -> u16 {
        self.head.rings[usize::from(player)]
    }

    /// The measure that only grows: markers, collapsed cells and eliminated rings together.
    pub fn progress(&self) -> u32 {
        let sum = |a: &[u16; MAX_PLAYERS]| a.iter().map(|&n| u32::from(n)).sum::<u32>();
        sum(&self.head.markers) + sum(&self.head.collapsed) + sum(&self.head.eliminated)
    }

    /// What lies on a cell.
    pub fn content(&self, cell: Cell) -> Content {
        let value = self.cells[usize::from(cell)];
        if value == 0 {
            Content::Empty
        } else if cells::is_stack(value) {
            Content::Stack { owner: cells::owner(value), height: cells::height(value), cap: cells::cap(value) }
        } else if cells::is_marker(value) {
            Content::Marker(cells::owner(value))
        } else {
            Content::Collapsed(cells::owner(value))
        }
    }

    /// The colours of a cell's rings from bottom to top, empty when there is no stack.
    pub fn rings(&self, cell: Cell) -> impl DoubleEndedIterator<Item = u8> {
        let value = self.cells[usize::from(cell)];
        let height = if cells::is_stack(value) { cells::height(value) } else { 0 };
        (0..height).rev().map(move |depth| cells::ring(value, depth))
    }

    /// The stack that must move (just placed on) or go on capturing, if any.
    pub fn bound_stack(&self) -> Option<Cell> {
        Some(self.head.bound).filter(|&c| c != NO_CELL)
    }

    /// Hash of everything that decides the rest of the game, but for the ages of stacks, which decide only
    /// who pays a recovery; the cells' part is kept incrementally.
    pub fn hash(&self) -> u64 {
        let h = &self.head;
        let mut code = h.cell_hash;
        let small = [
            h.phase as u8,
            h.player,
            h.debt as u8,
            u8::from(h.acted) | u8::from(h.recovered) << 1,
            u8::from(h.swap_rule),
            u8::from(h.swapped),
            h.winner,
            0,
        ];
        let s = h.standing;
        let rest = [
            s.first,
            s.seen,
            s.real,
            s.alone,
            s.rounds,
            h.config.board as u8,
            h.config.players,
            u8::from(h.turns == 1),
        ];
        code = cells::mix(code ^ u64::from_le_bytes(small));
        code = cells::mix(code ^ u64::from_le_bytes(rest));
        code = cells::mix(code ^ u64::from(h.bound));
        for list in [&h.hand, &h.eliminated, &h.recorded_territory] {
            let packed = list.iter().fold(0, |sum, &n| sum << 16 | u64::from(n));
            code = cells::mix(code ^ packed);
        }
        code
    }

    /// The cells' part of the hash computed anew; equal to the one kept incrementally.
    pub fn recomputed_cell_hash(&self) -> u64 {
        (0..self.head.config.board.cells()).fold(0, |sum, c| sum ^ cells::key(c as Cell, self.cells[c]))
    }

    /// The cells' part of the hash as kept incrementally.
    pub fn cell_hash(&self) -> u64 {
        self.head.cell_hash
    }

    /// Collapses a cell to the player to move, and books it as recorded territory.
    pub(super) fn collapse(&mut self, cell: Cell) {
        let player = self.head.player;
        self.set(cell, cells::collapsed(player));
        self.head.recorded_territory[usize::from(player)] += 1;
    }

    /// Replaces a cell's content and keeps hash, ages, and counts of markers, stacks and collapsed cells.
    pub(super) fn set(&mut self, cell: Cell, new: u64) {
        let slot = &mut self.cells[usize::from(cell)];
        let old = std::mem::replace(slot, new);
        let h = &mut self.head;
        h.cell_hash ^= cells::key(cell, old) ^ cells::key(cell, new);
        if cells::is_stack(old) {
            h.stacks[usize::from(cells::owner(old))] -= 1;
        } else if cells::is_marker(old) {
            h.markers[usize::from(cells::owner(old))] -= 1;
        }
        if cells::is_stack(new) {
            h.stacks[usize::from(cells::owner(new))] += 1;
            if !cells::is_stack(old) {
                self.ages[usize::from(cell)] = h.next_age;
                h.next_age += 1;
            }
        } else if cells::is_marker(new) {
            h.markers[usize::from(cells::owner(new))] += 1;
        } else if cells::is_collapsed(new) {
            h.collapsed[usize::from(cells::owner(new))] += 1;
        }
    }
}
