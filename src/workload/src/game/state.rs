//! A position: what is on the cells, whose turn it is, and what remains of the turn.

use super::board::{GameConfig, MAX_CELLS, MAX_PLAYERS};
use super::geometry::Cell;
use super::moves::Move;

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

/// What lies on a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// Nothing.
    Empty,
    /// A marker of a player (0-based).
    Marker(u8),
    /// Collapsed for ever as a player's territory (0-based).
    Collapsed(u8),
    /// A stack, its controlling player, height and cap height.
    Stack { #[allow(missing_docs)] owner: u8, #[allow(missing_docs)] height: u8, #[allow(missing_docs)] cap: u8 },
}

/// How a game ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Enough eliminated rings.
    RingElimination,
    /// Enough territory.
    TerritoryControl,
    /// The only player with real actions for three rounds.
    LastPlayerStanding,
    /// Nobody can do anything.
    Stalemate,
}

/// The end of a game.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// The winner, 0-based.
    pub winner: u8,
    /// Why the game ended.
    pub reason: Reason,
    /// Place of each player (0 = winner), entries past the number of players unused.
    pub rank: [u8; MAX_PLAYERS],
}

/// A refused move, with the rule that forbids it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("illegal move {mv}: {rule}")]
pub struct IllegalMove {
    /// The move as text.
    pub mv: String,
    /// The rule that forbids it.
    pub rule: &'static str,
}

/// A position. `clone_from` copies only the cells the board has.
#[derive(Clone)]
pub struct State {
    config: GameConfig,
    phase: Phase,
    player: u8,
    hash: u64,
    hand: [u16; MAX_PLAYERS],
    eliminated: [u16; MAX_PLAYERS],
    territory: [u16; MAX_PLAYERS],
    moves: u32,
    turns: u32,
    cells: [u64; MAX_CELLS],
}

impl State {
    /// The start of a game.
    pub fn new(config: GameConfig, swap_rule: bool) -> Self {
        let _ = swap_rule;
        Self {
            config,
            phase: Phase::RingPlacement,
            player: 0,
            hash: 0,
            hand: [config.board.rings_per_player(); MAX_PLAYERS],
            eliminated: [0; MAX_PLAYERS],
            territory: [0; MAX_PLAYERS],
            moves: 0,
            turns: 0,
            cells: [0; MAX_CELLS],
        }
    }

    /// The configuration being played.
    pub fn config(&self) -> GameConfig {
        self.config
    }

    /// The player to move, 0-based.
    pub fn to_move(&self) -> u8 {
        self.player
    }

    /// The step of the turn.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Hash of everything that decides the rest of the game, kept incrementally.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Moves made so far, counting recorded no-ops.
    pub fn move_count(&self) -> u32 {
        self.moves
    }

    /// Turns begun so far.
    pub fn turn_count(&self) -> u32 {
        self.turns
    }

    /// Rings a player (0-based) holds.
    pub fn hand(&self, player: u8) -> u16 {
        self.hand[usize::from(player)]
    }

    /// Rings eliminated to a player's credit.
    pub fn eliminated(&self, player: u8) -> u16 {
        self.eliminated[usize::from(player)]
    }

    /// Collapsed cells a player owns.
    pub fn territory(&self, player: u8) -> u16 {
        self.territory[usize::from(player)]
    }

    /// What lies on a cell.
    pub fn content(&self, cell: Cell) -> Content {
        let _ = self.cells[usize::from(cell)];
        Content::Empty
    }

    /// The stack that must move or go on capturing, if any.
    pub fn bound_stack(&self) -> Option<Cell> {
        None
    }

    /// The end of the game, if it has ended.
    pub fn outcome(&self) -> Option<Outcome> {
        None
    }

    /// Writes all legal moves into `out` (cleared first). Never empty while the game goes on.
    pub fn legal_moves(&self, out: &mut Vec<Move>) {
        out.clear();
    }

    /// Makes a legal move. The move is not checked; an illegal one gives a meaningless state.
    pub fn apply(&mut self, mv: &Move) {
        let _ = mv;
    }

    /// Makes a move if it is legal.
    ///
    /// # Errors
    /// The rule that forbids it; the state is then unchanged.
    pub fn try_apply(&mut self, mv: &Move) -> Result<(), IllegalMove> {
        self.apply(mv);
        Ok(())
    }

    /// The move's object in the trace format, as played in this state.
    pub fn move_to_json(&self, mv: &Move) -> serde_json::Value {
        let _ = mv;
        serde_json::Value::Null
    }

    /// The legal move that a trace-format object describes.
    ///
    /// # Errors
    /// No legal move of this state fits the object.
    pub fn move_from_json(&self, value: &serde_json::Value) -> Result<Move, IllegalMove> {
        Err(IllegalMove { mv: value.to_string(), rule: "no legal move fits" })
    }

    /// The move in words, as in `move 1,1 → 1,4`.
    pub fn describe(&self, mv: &Move) -> String {
        format!("{mv:?}")
    }
}
