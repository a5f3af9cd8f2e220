//! The cell by which traces name a region.
//!
//! The recorded engine lists a region in the order of a hash set of cell numbers and names it by
//! the first. The set is open addressing over a power of two: a number starts at its own value
//! modulo the size, tries the nine next slots where they exist, then jumps. So the name depends on
//! the order in which the flood found the cells, and both are reproduced here. Square cells count by rows.

use super::board::MAX_CELLS;
use super::geometry::{Cell, Geometry, NO_CELL};
use super::territory::CellSet;

const PROBES: usize = 9;

struct NumberSet {
    slots: Vec<Option<usize>>,
    used: usize,
}

impl NumberSet {
    fn place(slots: &mut [Option<usize>], number: usize) {
        let mask = slots.len() - 1;
        let (mut at, mut perturb) = (number & mask, number);
        loop {
            let reach = if at + PROBES <= mask { PROBES } else { 0 };
            if let Some(free) = (at..=at + reach).find(|&i| slots[i].is_none()) {
                slots[free] = Some(number);
                return;
            }
            perturb >>= 5;
            at = (at * 5 + 1 + perturb) & mask;
        }
    }

    fn add(&mut self, number: usize) {
        Self::place(&mut self.slots, number);
        self.used += 1;
        if self.used * 5 >= (self.slots.len() - 1) * 3 {
            let mut larger = vec![None; (self.used * 4 + 1).next_power_of_two().max(8)];
            for old in self.slots.iter().flatten() {
                Self::place(&mut larger, *old);
            }
            self.slots = larger;
        }
    }
}

/// The naming cell of a region. `lowest` is its lowest cell in row order for squares, in cell
/// order for hexagons; `cells` are all its cells.
pub(super) fn name(geo: &Geometry, cells: &[Cell]) -> Cell {
    let square = geo.board.is_square();
    let number = |c: Cell| {
        let (row, col) = geo.position[usize::from(c)];
        if square { usize::from(row) * geo.plane.1 + usize::from(col) } else { usize::from(c) }
    };
    let Some(&start) = cells.iter().min_by_key(|&&c| number(c)) else { return NO_CELL };
    let mut region = CellSet::EMPTY;
    cells.iter().for_each(|&c| region.add(c));
    let mut seen = CellSet::EMPTY;
    seen.add(start);
    let order: &[usize] = if square { &[4, 0, 6, 2] } else { &[0, 5, 4, 3, 2, 1] };
    let mut set = NumberSet { slots: vec![None; 8], used: 0 };
    let mut by_number = vec![NO_CELL; MAX_CELLS];
    let mut waiting = vec![start];
    while let Some(here) = waiting.pop() {
        by_number[number(here)] = here;
        set.add(number(here));
        for &d in order {
            let near = geo.step[usize::from(here)][d];
            if near != NO_CELL && region.has(near) && !seen.has(near) {
                seen.add(near);
                waiting.push(near);
            }
        }
    }
    set.slots.iter().flatten().next().map_or(start, |&n| by_number[n])
}
