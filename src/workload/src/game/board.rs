//! The four boards, the twelve configurations, and the numbers the rules derive from them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Most players a game can have.
pub const MAX_PLAYERS: usize = 4;
/// Cells of the largest board (hexagonal, radius 12).
pub const MAX_CELLS: usize = 469;
/// Tallest stack a state can hold. Play cannot pass 25: a move goes at least as far as the stack is high.
pub const MAX_HEIGHT: usize = 30;

/// One of the four boards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BoardKind {
    /// 8 × 8 squares.
    Square8,
    /// 19 × 19 squares.
    Square19,
    /// Hexagon of radius 4.
    Hex8,
    /// Hexagon of radius 12.
    Hexagonal,
}

impl BoardKind {
    /// All boards, in the order of their discriminants.
    pub const ALL: [BoardKind; 4] = [Self::Square8, Self::Square19, Self::Hex8, Self::Hexagonal];

    /// The wire name: `square8`, `square19`, `hex8`, `hexagonal`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Square8 => "square8",
            Self::Square19 => "square19",
            Self::Hex8 => "hex8",
            Self::Hexagonal => "hexagonal",
        }
    }

    /// Number of cells.
    pub fn cells(self) -> usize {
        match self {
            Self::Square8 => 64,
            Self::Square19 => 361,
            Self::Hex8 => 61,
            Self::Hexagonal => 469,
        }
    }

    /// True for the boards of squares.
    pub fn is_square(self) -> bool {
        matches!(self, Self::Square8 | Self::Square19)
    }

    /// Rings each player starts with.
    pub fn rings_per_player(self) -> u16 {
        match self {
            Self::Square8 | Self::Hex8 => 18,
            Self::Square19 => 72,
            Self::Hexagonal => 96,
        }
    }
}

impl fmt::Display for BoardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no board or configuration.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "no such game configuration {0:?}; use a board (square8, square19, hex8, hexagonal) and 2p, 3p or 4p, as in \
        square8_2p"
)]
pub struct UnknownConfig(pub String);

impl FromStr for BoardKind {
    type Err = UnknownConfig;

    fn from_str(text: &str) -> Result<Self, UnknownConfig> {
        Self::ALL.into_iter().find(|b| b.name() == text).ok_or_else(|| UnknownConfig(text.to_owned()))
    }
}

/// A board and a number of players; the key of everything learned, as in `square8_2p`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GameConfig {
    /// The board.
    pub board: BoardKind,
    /// Number of players, 2 to 4.
    pub players: u8,
}

impl GameConfig {
    /// All twelve configurations.
    pub fn all() -> impl Iterator<Item = GameConfig> {
        BoardKind::ALL.into_iter().flat_map(|board| (2..=4).map(move |players| GameConfig { board, players }))
    }

    /// Markers in a row that make a line.
    pub fn line_length(self) -> usize {
        match self.board {
            BoardKind::Square8 | BoardKind::Hex8 if self.players > 2 => 3,
            _ => 4,
        }
    }

    /// Eliminated rings that win: round(rings × (2 + (players − 1)) / 3).
    pub fn elimination_threshold(self) -> u16 {
        let scaled = self.board.rings_per_player() * (u16::from(self.players) + 1);
        (scaled * 2 + 3) / 6
    }

    /// Territory cells that win: more than half of the board. The recorded games with three and four
    /// players go on beyond ⌊cells / players⌋ + 1, which the published rules name.
    pub fn territory_threshold(self) -> u16 {
        self.board.cells() as u16 / 2 + 1
    }
}

impl fmt::Display for GameConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}p", self.board, self.players)
    }
}

impl FromStr for GameConfig {
    type Err = UnknownConfig;

    fn from_str(text: &str) -> Result<Self, UnknownConfig> {
        Self::all().find(|c| c.to_string() == text).ok_or_else(|| UnknownConfig(text.to_owned()))
    }
}
