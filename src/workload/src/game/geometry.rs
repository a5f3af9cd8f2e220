//! The shape of each board, computed once: neighbours, cell names, the plane embedding, symmetries.

use std::sync::OnceLock;

use super::board::BoardKind;

/// Index of a cell. Cells are numbered in the order of their coordinates (x, then y).
pub type Cell = u16;
/// No cell: off the board, or not applicable.
pub const NO_CELL: Cell = u16::MAX;

const SQUARE: [(i8, i8); 8] = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)];
const HEX: [(i8, i8); 6] = [(1, 0), (0, 1), (-1, 1), (-1, 0), (0, -1), (1, -1)];

/// A board's tables. Directions `d` and `d + directions / 2` are opposite.
#[derive(Debug)]
pub struct Geometry {
    /// The board these tables describe.
    pub board: BoardKind,
    /// Number of cells.
    pub cells: usize,
    /// Number of directions in which pieces move and lines run: 8 or 6.
    pub directions: usize,
    /// Next cell in each direction, `NO_CELL` off the board.
    pub step: Vec<[Cell; 8]>,
    /// Neighbours in territory adjacency (4 or 6), `NO_CELL` off the board.
    pub adjacent: Vec<[Cell; 6]>,
    /// Height and width of the plane embedding.
    pub plane: (usize, usize),
    /// Row and column of each cell in the plane.
    pub position: Vec<(u8, u8)>,
    /// Board symmetries as cell permutations (the identity first): 8 or 12.
    pub symmetries: Vec<Vec<Cell>>,
    coordinates: Vec<(i8, i8)>,
    by_position: Vec<Cell>,
}

/// The tables of a board, computed at first use.
pub fn geometry(board: BoardKind) -> &'static Geometry {
    static TABLES: [OnceLock<Geometry>; 4] = [const { OnceLock::new() }; 4];
    TABLES[board as usize].get_or_init(|| Geometry::build(board))
}

impl Geometry {
    fn build(board: BoardKind) -> Self {
        let (low, high, side) = match board {
            BoardKind::Square8 => (0, 7, 8),
            BoardKind::Square19 => (0, 18, 19),
            BoardKind::Hex8 => (-4, 4, 9),
            BoardKind::Hexagonal => (-12, 12, 25),
        };
        let on_board = |x: i8, y: i8| {
            (low..=high).contains(&x)
                && (low..=high).contains(&y)
                && (board.is_square() || (low..=high).contains(&(-x - y)))
        };
        let coordinates: Vec<(i8, i8)> =
            (low..=high).flat_map(|x| (low..=high).map(move |y| (x, y))).filter(|&(x, y)| on_board(x, y)).collect();
        let mut by_position = vec![NO_CELL; side * side];
        let place = |x: i8, y: i8| (y - low) as usize * side + (x - low) as usize;
        for (cell, &(x, y)) in coordinates.iter().enumerate() {
            by_position[place(x, y)] = cell as Cell;
        }
        let at = |x: i8, y: i8| if on_board(x, y) { by_position[place(x, y)] } else { NO_CELL };
        let dirs: &[(i8, i8)] = if board.is_square() { &SQUARE } else { &HEX };
        let mut step = Vec::with_capacity(coordinates.len());
        let mut adjacent = Vec::with_capacity(coordinates.len());
        for &(x, y) in &coordinates {
            let mut row = [NO_CELL; 8];
            for (slot, &(dx, dy)) in row.iter_mut().zip(dirs) {
                *slot = at(x + dx, y + dy);
            }
            step.push(row);
            let mut near = [NO_CELL; 6];
            if board.is_square() {
                for (slot, d) in near.iter_mut().zip([0, 2, 4, 6]) {
                    *slot = row[d];
                }
            } else {
                near.copy_from_slice(&row[..6]);
            }
            adjacent.push(near);
        }
        let symmetries = maps(board, high)
            .into_iter()
            .map(|map| {
                coordinates
                    .iter()
                    .map(|&(x, y)| {
                        let (u, v) = map(x, y);
                        at(u, v)
                    })
                    .collect()
            })
            .collect();
        let position = coordinates.iter().map(|&(x, y)| ((y - low) as u8, (x - low) as u8)).collect();
        Self {
            board,
            cells: coordinates.len(),
            directions: dirs.len(),
            step,
            adjacent,
            plane: (side, side),
            position,
            symmetries,
            coordinates,
            by_position,
        }
    }

    /// Coordinates of a cell: (x, y, None) on squares, (x, y, Some(z)) on hexagons.
    pub fn coordinates(&self, cell: Cell) -> (i8, i8, Option<i8>) {
        let (x, y) = self.coordinates[usize::from(cell)];
        (x, y, (!self.board.is_square()).then_some(-x - y))
    }

    /// The cell at coordinates, if it is on the board (and z agrees with x and y).
    pub fn at(&self, x: i64, y: i64, z: Option<i64>) -> Option<Cell> {
        let low = if self.board.is_square() { 0 } else { 1 - (self.plane.0 as i64 + 1) / 2 };
        let z_fits = match z {
            Some(z) => !self.board.is_square() && x + y + z == 0,
            None => self.board.is_square(),
        };
        let (row, col) = (usize::try_from(y - low).ok()?, usize::try_from(x - low).ok()?);
        if !z_fits || row >= self.plane.0 || col >= self.plane.1 {
            return None;
        }
        Some(self.by_position[row * self.plane.1 + col]).filter(|&c| c != NO_CELL)
    }

    /// The direction from a cell to another on the same line. Meaningless for cells on no line.
    pub fn direction(&self, from: Cell, to: Cell) -> usize {
        let ((x, y), (u, v)) = (self.coordinates[usize::from(from)], self.coordinates[usize::from(to)]);
        let (dx, dy) = ((u - x).signum(), (v - y).signum());
        let dirs: &[(i8, i8)] = if self.board.is_square() { &SQUARE } else { &HEX };
        dirs.iter().position(|&d| d == (dx, dy)).unwrap_or(0)
    }

    /// True if a straight line in one of the directions leads from a cell to another.
    pub fn on_line(&self, from: Cell, to: Cell) -> bool {
        let mut at = from;
        let d = self.direction(from, to);
        while at != NO_CELL && at != to {
            at = self.step[usize::from(at)][d];
        }
        at == to && from != to
    }

    /// The name of a cell, `x,y` or `x,y,z`.
    pub fn name(&self, cell: Cell) -> String {
        match self.coordinates(cell) {
            (x, y, Some(z)) => format!("{x},{y},{z}"),
            (x, y, None) => format!("{x},{y}"),
        }
    }

    /// The cell with a name, if there is one on this board.
    pub fn parse(&self, name: &str) -> Option<Cell> {
        let mut parts = name.split(',').map(|p| p.trim().parse::<i64>());
        let (x, y) = (parts.next()?.ok()?, parts.next()?.ok()?);
        let z = parts.next().transpose().ok()?;
        if parts.next().is_some() {
            return None;
        }
        self.at(x, y, z)
    }

    /// The cell in row and column of the plane, if that place is on the board.
    pub fn at_plane(&self, row: usize, col: usize) -> Option<Cell> {
        (row < self.plane.0 && col < self.plane.1)
            .then(|| self.by_position[row * self.plane.1 + col])
            .filter(|&c| c != NO_CELL)
    }
}

type Map = Box<dyn Fn(i8, i8) -> (i8, i8)>;

/// The symmetries as maps of coordinates: 4 or 6 rotations, each plain and mirrored.
fn maps(board: BoardKind, high: i8) -> Vec<Map> {
    let turns = if board.is_square() { 4 } else { 6 };
    let square = board.is_square();
    let mut all: Vec<Map> = Vec::new();
    for mirrored in [false, true] {
        for turn in 0..turns {
            all.push(Box::new(move |x, y| {
                let (mut x, mut y) = if mirrored { (y, x) } else { (x, y) };
                for _ in 0..turn {
                    (x, y) = if square { (high - y, x) } else { (-y, x + y) };
                }
                (x, y)
            }));
        }
    }
    all
}
