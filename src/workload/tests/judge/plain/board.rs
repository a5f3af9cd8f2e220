//! The boards: their cells and directions, and what lies on a cell.

use std::collections::BTreeSet;

/// A cell. The third coordinate of hexagons follows: x + y + z = 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    pub x: i8,
    pub y: i8,
}

/// One of the four boards, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Squares { side: i8 },
    Hexagon { radius: i8 },
}

impl Shape {
    pub fn named(name: &str) -> Self {
        match name {
            "square8" => Self::Squares { side: 8 },
            "square19" => Self::Squares { side: 19 },
            "hex8" => Self::Hexagon { radius: 4 },
            "hexagonal" => Self::Hexagon { radius: 12 },
            other => panic!("no board {other}"),
        }
    }

    pub fn has(self, at: Point) -> bool {
        match self {
            Self::Squares { side } => (0..side).contains(&at.x) && (0..side).contains(&at.y),
            Self::Hexagon { radius } => at.x.abs() <= radius && at.y.abs() <= radius && (at.x + at.y).abs() <= radius,
        }
    }

    /// All cells: columns of rows.
    pub fn cells(self) -> Vec<Point> {
        let (low, high) = match self {
            Self::Squares { side } => (0, side - 1),
            Self::Hexagon { radius } => (-radius, radius),
        };
        let all = (low..=high).flat_map(|x| (low..=high).map(move |y| Point { x, y }));
        all.filter(|&at| self.has(at)).collect()
    }

    /// The directions in which stacks move and capture and markers line up: 8 or 6.
    pub fn directions(self) -> &'static [(i8, i8)] {
        match self {
            Self::Squares { .. } => &[(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)],
            Self::Hexagon { .. } => &[(1, 0), (0, 1), (-1, 1), (-1, 0), (0, -1), (1, -1)],
        }
    }

    /// The directions in which cells of a territory hang together: 4 or 6.
    pub fn territory_directions(self) -> &'static [(i8, i8)] {
        match self {
            Self::Squares { .. } => &[(1, 0), (0, 1), (-1, 0), (0, -1)],
            Self::Hexagon { .. } => self.directions(),
        }
    }

    /// The axes of lines, the forward way, in the order in which recoveries look at them:
    /// E, SE, S, NE on squares, E, NE, NW on hexagons.
    pub fn axes(self) -> &'static [(i8, i8)] {
        match self {
            Self::Squares { .. } => &[(1, 0), (1, 1), (0, 1), (1, -1)],
            Self::Hexagon { .. } => &[(1, 0), (1, -1), (0, -1)],
        }
    }

    pub fn rings_per_player(self) -> u16 {
        match self {
            Self::Squares { side: 19 } => 72,
            Self::Hexagon { radius: 12 } => 96,
            _ => 18,
        }
    }

    /// Markers that make a line.
    pub fn line_length(self, players: u8) -> usize {
        match self {
            Self::Squares { side: 8 } | Self::Hexagon { radius: 4 } if players > 2 => 3,
            _ => 4,
        }
    }
}

impl Point {
    pub fn step(self, (dx, dy): (i8, i8)) -> Self {
        Self { x: self.x + dx, y: self.y + dy }
    }

    pub fn back(self, (dx, dy): (i8, i8)) -> Self {
        Self { x: self.x - dx, y: self.y - dy }
    }
}

/// What lies on a cell. Rings from bottom to top; the top one controls the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Empty,
    Marker(u8),
    Territory(u8),
    Stack(Vec<u8>),
}

/// Rings of the top one's colour, from the top down.
pub fn cap(rings: &[u8]) -> usize {
    rings.iter().rev().take_while(|ring| Some(ring) == rings.last().as_ref()).count()
}

/// The cells, and the stacks in the order in which their cells became stacks.
#[derive(Clone, Debug)]
pub struct Board {
    shape: Shape,
    cells: Vec<Content>,
    oldest_first: Vec<Point>,
}

/// Room for the widest board.
const WIDTH: usize = 25;

impl Board {
    pub fn empty(shape: Shape) -> Self {
        Self { shape, cells: vec![Content::Empty; WIDTH * WIDTH], oldest_first: Vec::new() }
    }

    fn place(&self, at: Point) -> usize {
        let low = if let Shape::Hexagon { radius } = self.shape { radius } else { 0 };
        (at.x + low) as usize * WIDTH + (at.y + low) as usize
    }

    /// What lies on a cell; nothing for a cell off the board.
    pub fn get(&self, at: Point) -> Option<&Content> {
        self.shape.has(at).then(|| &self.cells[self.place(at)])
    }

    /// A stack may pass here and land here: an empty cell or a marker.
    pub fn is_open(&self, at: Point) -> bool {
        matches!(self.get(at), Some(Content::Empty | Content::Marker(_)))
    }

    pub fn is_marker_of(&self, at: Point, player: u8) -> bool {
        self.get(at) == Some(&Content::Marker(player))
    }

    pub fn is_marker(&self, at: Point) -> bool {
        matches!(self.get(at), Some(Content::Marker(_)))
    }

    /// The rings on a cell, none if there is no stack.
    pub fn rings(&self, at: Point) -> &[u8] {
        if let Some(Content::Stack(rings)) = self.get(at) { rings } else { &[] }
    }

    pub fn set(&mut self, at: Point, new: Content) {
        let place = self.place(at);
        let was = matches!(self.cells[place], Content::Stack(_));
        let is = matches!(new, Content::Stack(_));
        self.cells[place] = new;
        if is && !was {
            self.oldest_first.push(at);
        } else if was && !is {
            self.oldest_first.retain(|&other| other != at);
        }
    }

    /// A stack of these rings; with none the cell is empty.
    pub fn set_stack(&mut self, at: Point, rings: Vec<u8>) {
        self.set(at, if rings.is_empty() { Content::Empty } else { Content::Stack(rings) });
    }

    /// All stacks, the oldest first.
    pub fn all_stacks(&self) -> &[Point] {
        &self.oldest_first
    }

    /// The stacks that a player controls, the oldest first.
    pub fn stacks_of(&self, player: u8) -> Vec<Point> {
        self.oldest_first.iter().copied().filter(|&at| self.rings(at).last() == Some(&player)).collect()
    }

    /// The stacks with a ring of a player below the top one, the oldest first.
    pub fn stacks_burying(&self, player: u8) -> Vec<Point> {
        let buries = |rings: &[u8]| rings.split_last().is_some_and(|(_, below)| below.contains(&player));
        self.oldest_first.iter().copied().filter(|&at| buries(self.rings(at))).collect()
    }

    pub fn markers_of(&self, player: u8) -> Vec<Point> {
        self.shape.cells().into_iter().filter(|&at| self.is_marker_of(at, player)).collect()
    }

    /// The players with markers on the board.
    pub fn marker_colours(&self) -> BTreeSet<u8> {
        self.cells.iter().filter_map(|c| if let Content::Marker(p) = c { Some(*p) } else { None }).collect()
    }

    /// Collapsed cells of a player: the territory that wins.
    pub fn territory_of(&self, player: u8) -> usize {
        self.cells.iter().filter(|c| **c == Content::Territory(player)).count()
    }
}
