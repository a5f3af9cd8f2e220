//! Territory: regions cut off by collapsed cells, the edge, and markers of one colour.

use super::board::{MAX_CELLS, MAX_PLAYERS};
use super::cells;
use super::geometry::{Cell, NO_CELL};
use super::moves::{Move, MoveKind};
use super::state::State;

/// `aux` of a region that collapsed cells and the edge alone cut off on a board without markers.
pub(super) const NO_BARRIER: u8 = MAX_PLAYERS as u8;

/// A set of cells.
#[derive(Clone, Copy)]
pub(super) struct CellSet([u64; MAX_CELLS.div_ceil(64)]);

impl CellSet {
    pub const EMPTY: Self = Self([0; MAX_CELLS.div_ceil(64)]);

    pub fn has(&self, cell: Cell) -> bool {
        self.0[usize::from(cell) / 64] >> (cell % 64) & 1 != 0
    }

    pub fn add(&mut self, cell: Cell) {
        self.0[usize::from(cell) / 64] |= 1 << (cell % 64);
    }
}

/// What a flood found: which players control stacks inside, and what touches the barrier.
struct Region {
    /// Bit per player who controls a stack inside.
    inside: u8,
    /// Stacks inside that could pay if they were outside.
    own: u16,
    /// A marker of the barrier's colour borders the region.
    bordered: bool,
    cells: usize,
}

impl State {
    /// Floods from `start` through everything but collapsed cells and the barrier's markers, and
    /// leaves the region's cells at the front of `list`.
    fn flood(&self, start: Cell, barrier: u64, seen: &mut CellSet, list: &mut [Cell; MAX_CELLS]) -> Region {
        let geo = self.geometry();
        let mut region = Region { inside: 0, own: 0, bordered: false, cells: 1 };
        list[0] = start;
        seen.add(start);
        let mut next = 0;
        while next < region.cells {
            let here = list[next];
            next += 1;
            let value = self.cells[usize::from(here)];
            if cells::is_stack(value) {
                region.inside |= 1 << cells::owner(value);
                region.own += u16::from(self.pays_for_region(value));
            }
            for &near in &geo.adjacent[usize::from(here)] {
                if near == NO_CELL || seen.has(near) {
                    continue;
                }
                let value = self.cells[usize::from(near)];
                if value == barrier {
                    region.bordered = true;
                } else if !cells::is_collapsed(value) {
                    seen.add(near);
                    list[region.cells] = near;
                    region.cells += 1;
                }
            }
        }
        region
    }

    /// True if a stack outside a region can pay for it: the player controls it or, in a turn with a
    /// recovery slide, has a ring below its top.
    fn pays_for_region(&self, stack: u64) -> bool {
        let player = self.head.player;
        if self.head.recovered { cells::buries(stack, player) } else { cells::owner(stack) == player }
    }

    /// Calls `found` with each region that may be processed, as a move, until it returns false.
    ///
    /// A region that no marker borders looks the same with every colour; it is given once. On a board
    /// without markers a region counts only if exactly one player controls stacks in it.
    pub(super) fn each_region(&self, mut found: impl FnMut(Move) -> bool) {
        let h = &self.head;
        let present = (0..MAX_PLAYERS).filter(|&p| h.rings[p] > 0).fold(0_u8, |bits, p| bits | 1 << p);
        let payers = if h.recovered { self.holders_of_buried(h.player).count() as u16 } else { self.stacks(h.player) };
        if payers == 0 {
            return;
        }
        let geo = self.geometry();
        let mut list = [0; MAX_CELLS];
        let mut unbordered = CellSet::EMPTY;
        let colours = (0..NO_BARRIER).filter(|&c| h.markers[usize::from(c)] > 0);
        let bare = h.markers == [0; MAX_PLAYERS];
        for colour in colours.chain(bare.then_some(NO_BARRIER)) {
            let barrier = barrier(colour);
            let mut seen = CellSet::EMPTY;
            for start in 0..geo.cells as Cell {
                let value = self.cells[usize::from(start)];
                if seen.has(start) || value == barrier || cells::is_collapsed(value) {
                    continue;
                }
                let region = self.flood(start, barrier, &mut seen, &mut list);
                if present & !region.inside == 0 || region.own >= payers || (bare && region.inside.count_ones() != 1) {
                    continue;
                }
                if !region.bordered {
                    if unbordered.has(start) {
                        continue;
                    }
                    unbordered.add(start);
                }
                if !found(Move { aux: colour, ..Move::at(MoveKind::ChooseTerritoryOption, start) }) {
                    return;
                }
            }
        }
    }

    /// True if the player to move may process a region.
    pub(super) fn has_region(&self) -> bool {
        let mut any = false;
        self.each_region(|_| {
            any = true;
            false
        });
        any
    }

    /// Leaves the cells of a move's region at the front of `list` and tells how many there are.
    pub(super) fn region_cells(&self, mv: &Move, list: &mut [Cell; MAX_CELLS]) -> usize {
        let mut seen = CellSet::EMPTY;
        self.flood(mv.to, barrier(mv.aux), &mut seen, list).cells
    }

    /// Processes a region: the rings inside are eliminated to the mover, cells and border collapse.
    pub(super) fn take_region(&mut self, mv: &Move) {
        let mut list = [0; MAX_CELLS];
        let mut taken = CellSet::EMPTY;
        let inside = self.flood(mv.to, barrier(mv.aux), &mut taken, &mut list).cells;
        self.take_cells(inside, barrier(mv.aux), &mut taken, &mut list);
    }

    /// Processes a region whose cells are given, bordered by the mover's markers. Only positions
    /// made by hand need it; in play regions follow from the board.
    pub(crate) fn process_given_region(&mut self, cells: &[Cell]) {
        let mut list = [0; MAX_CELLS];
        let mut taken = CellSet::EMPTY;
        for (slot, &cell) in list.iter_mut().zip(cells) {
            *slot = cell;
            taken.add(cell);
        }
        self.take_cells(cells.len().min(MAX_CELLS), cells::marker(self.head.player), &mut taken, &mut list);
        self.territory_taken();
    }

    /// Takes the first `inside` cells of `list` and the border of that barrier around them.
    fn take_cells(&mut self, inside: usize, barrier: u64, taken: &mut CellSet, list: &mut [Cell; MAX_CELLS]) {
        let geo = self.geometry();
        let mut all = inside;
        for i in 0..inside {
            for &near in &geo.adjacent[usize::from(list[i])] {
                if near != NO_CELL && !taken.has(near) && self.cells[usize::from(near)] == barrier {
                    taken.add(near);
                    list[all] = near;
                    all += 1;
                }
            }
        }
        // On squares, diagonals close a border of markers but not the flood: the border then is
        // everything of markers that hangs together with it in all eight directions.
        let mut next = if geo.board.is_square() { inside } else { all };
        while next < all {
            for &near in &geo.step[usize::from(list[next])] {
                if near != NO_CELL && !taken.has(near) && cells::is_marker(self.cells[usize::from(near)]) {
                    taken.add(near);
                    list[all] = near;
                    all += 1;
                }
            }
            next += 1;
        }
        for &cell in &list[..all] {
            self.eliminate_top(cell, u8::MAX);
            self.collapse(cell);
        }
    }
}

/// The cell content that stops a flood besides collapsed cells; for `NO_BARRIER` one that is on no board.
fn barrier(colour: u8) -> u64 {
    if colour == NO_BARRIER { u64::MAX } else { cells::marker(colour) }
}
