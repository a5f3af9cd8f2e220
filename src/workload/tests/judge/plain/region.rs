//! Rule 5: territory.

use std::collections::BTreeSet;

use super::Game;
use super::board::{Content, Point, Shape};
use super::moves::Move;

impl Game {
    /// The regions that the player may process. Two colours that cut off the same cells give one region.
    pub(super) fn regions(&self) -> BTreeSet<BTreeSet<Point>> {
        let colours = self.board.marker_colours();
        let mut regions = BTreeSet::new();
        if colours.is_empty() {
            // Without any marker a region needs exactly one player with stacks in it.
            regions.extend(self.cut_off_by(None).into_iter().filter(|region| self.controllers(region).len() == 1));
        }
        for colour in colours {
            regions.extend(self.cut_off_by(Some(colour)));
        }
        let present: Vec<u8> = (1..=self.players).filter(|&p| self.has_rings_on_board(p)).collect();
        let payers = if self.slid { self.board.stacks_burying(self.player) } else { self.board.stacks_of(self.player) };
        regions.retain(|region| {
            let inside = self.controllers(region);
            let lacks_somebody = present.iter().any(|p| !inside.contains(p));
            lacks_somebody && payers.iter().any(|at| !region.contains(at))
        });
        regions
    }

    /// The players who control stacks in a region.
    fn controllers(&self, region: &BTreeSet<Point>) -> BTreeSet<u8> {
        region.iter().filter_map(|&at| self.board.rings(at).last().copied()).collect()
    }

    /// What hangs together when collapsed cells and the markers of a colour divide the board.
    fn cut_off_by(&self, colour: Option<u8>) -> Vec<BTreeSet<Point>> {
        let divides = |at: Point| match self.board.get(at) {
            Some(Content::Marker(p)) => Some(*p) == colour,
            Some(Content::Territory(_)) | None => true,
            _ => false,
        };
        let mut regions: Vec<BTreeSet<Point>> = Vec::new();
        let mut known = BTreeSet::new();
        for start in self.shape.cells() {
            if divides(start) || known.contains(&start) {
                continue;
            }
            let (mut region, mut waiting) = (BTreeSet::from([start]), vec![start]);
            while let Some(here) = waiting.pop() {
                for near in self.shape.territory_directions().iter().map(|&way| here.step(way)) {
                    if !divides(near) && region.insert(near) {
                        waiting.push(near);
                    }
                }
            }
            known.extend(region.iter().copied());
            regions.push(region);
        }
        regions
    }

    pub(super) fn territory_moves(&self) -> Vec<Move> {
        if self.owes.is_some() {
            return self.payments();
        }
        let choice = |region: BTreeSet<Point>| Move {
            to: Some(name_of_region(self.shape, &region)),
            region: Some(region.into_iter().collect()),
            ..self.bare("choose_territory_option")
        };
        let mut moves: Vec<Move> = self.regions().into_iter().map(choice).collect();
        let end = if moves.is_empty() { "no_territory_action" } else { "skip_territory_processing" };
        moves.push(self.bare(end));
        moves
    }

    /// All rings in a region go, it and its border of markers collapse. On squares the border is all markers that hang
    /// together with the bordering ones, diagonals included.
    pub(super) fn take_region(&mut self, mv: &Move) {
        let region = mv.region.clone().expect("a region");
        let inside: BTreeSet<Point> = region.iter().copied().collect();
        let is_border = |at: &Point| self.board.is_marker(*at) && !inside.contains(at);
        let beside = |at: &Point, ways: &[(i8, i8)]| -> Vec<Point> { ways.iter().map(|&way| at.step(way)).collect() };
        let near = region.iter().flat_map(|at| beside(at, self.shape.territory_directions()));
        let mut border: BTreeSet<Point> = near.filter(is_border).collect();
        if matches!(self.shape, Shape::Squares { .. }) {
            let mut waiting: Vec<Point> = border.iter().copied().collect();
            while let Some(here) = waiting.pop() {
                for at in beside(&here, self.shape.directions()) {
                    if is_border(&at) && border.insert(at) {
                        waiting.push(at);
                    }
                }
            }
        }
        for &at in region.iter().chain(&border) {
            self.eliminate_top(at, usize::MAX);
            self.collapse(at);
        }
        self.owes = Some(if self.slid { "recovery" } else { "territory" });
    }
}

/// Recorded games name a region by the first cell of a Python set of numbers that a flood has filled. Squares are
/// numbered by rows, hexagons in the order of their coordinates; the flood begins at the lowest number and goes on from
/// the cell found last.
fn name_of_region(shape: Shape, region: &BTreeSet<Point>) -> Point {
    let mut numbered = shape.cells();
    if matches!(shape, Shape::Squares { .. }) {
        numbered.sort_by_key(|at| (at.y, at.x));
    }
    let number = |at: Point| numbered.iter().position(|&other| other == at).expect("a cell");
    let ways: &[(i8, i8)] = match shape {
        Shape::Squares { .. } => &[(-1, 0), (1, 0), (0, -1), (0, 1)],
        Shape::Hexagon { .. } => &[(1, 0), (1, -1), (0, -1), (-1, 0), (-1, 1), (0, 1)],
    };
    let start = *numbered.iter().find(|at| region.contains(at)).expect("a region has cells");
    let (mut found, mut waiting, mut set) = (BTreeSet::from([start]), vec![start], PythonSet::new());
    while let Some(here) = waiting.pop() {
        set.add(number(here));
        for near in ways.iter().map(|&way| here.step(way)) {
            if region.contains(&near) && found.insert(near) {
                waiting.push(near);
            }
        }
    }
    numbered[set.first()]
}

/// How CPython keeps a set of small whole numbers: a table of a power of two, each number at its own value modulo the
/// size or in one of the nine places behind, else further on by a fixed rule; three fifths full, it grows to more than
/// four times its number.
struct PythonSet {
    table: Vec<Option<usize>>,
    len: usize,
}

impl PythonSet {
    fn new() -> Self {
        Self { table: vec![None; 8], len: 0 }
    }

    fn add(&mut self, number: usize) {
        Self::insert(&mut self.table, number);
        self.len += 1;
        if self.len * 5 >= (self.table.len() - 1) * 3 {
            let mut size = 8;
            while size <= self.len * 4 {
                size *= 2;
            }
            let mut table = vec![None; size];
            self.table.iter().flatten().for_each(|&old| Self::insert(&mut table, old));
            self.table = table;
        }
    }

    fn insert(table: &mut [Option<usize>], number: usize) {
        let mask = table.len() - 1;
        let (mut at, mut rest) = (number & mask, number);
        loop {
            let last = if at + 9 <= mask { at + 9 } else { at };
            for slot in &mut table[at..=last] {
                if slot.is_none() {
                    *slot = Some(number);
                    return;
                }
            }
            rest >>= 5;
            at = (5 * at + 1 + rest) & mask;
        }
    }

    fn first(&self) -> usize {
        *self.table.iter().flatten().next().expect("a set that is not empty")
    }
}
