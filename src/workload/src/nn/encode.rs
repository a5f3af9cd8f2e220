//! A position as network input: sparse planes over cells plus twenty scalars, seen by the player to move.
//!
//! Players are relative: 0 is the player to move, 1 the next one, and so on. Planes of relative player `r` start at
//! `9 r`: stack height 1, 2, 3, 4 or more (one-hot, by controlling player); cap height 1, 2, 3 or more (one-hot);
//! marker; territory. Two planes follow for all: the stack that must move, and (height − 4) / 4 of tall stacks.
//! Scalars: the phase one-hot (7), rings in hand, eliminated rings and territory of each relative player as shares of
//! the ring supply and of the two winning thresholds (3 × 4), and the length of the game so far.

use crate::game::{Cell, Content, GameConfig, Geometry, State, geometry};

use super::patterns::{self, Counts, PATTERNS};

/// Number of scalar features (the array `globals` of a sample file).
pub const GLOBALS: usize = 20;
/// Planes of each relative player.
pub const PLAYER_PLANES: usize = 9;
/// Classes of cell content that the policy head tells apart.
pub const CLASSES: usize = 25;
/// Class of an empty cell.
pub const CLASS_EMPTY: u8 = 0;
/// First class of a marker; plus the relative player.
pub const CLASS_MARKER: u8 = 1;
/// First class of territory; plus the relative player.
pub const CLASS_TERRITORY: u8 = 5;
/// First class of a stack; plus 4 × relative player + height bucket.
pub const CLASS_STACK: u8 = 9;

/// What the network sees of one position.
#[derive(Clone, Debug, Default)]
pub struct Features {
    /// (plane × cells + cell, value) of everything that is not zero, then the patterns.
    pub sparse: Vec<(u16, f32)>,
    /// The scalar features.
    pub globals: [f32; GLOBALS],
    /// How many entries of `sparse` are planes.
    pub planes: usize,
    /// Class of each cell's content, derived from the planes.
    pub classes: Vec<u8>,
    counts: Counts,
}

/// Turns positions of one configuration into features.
#[derive(Clone, Copy, Debug)]
pub struct Encoder {
    /// The configuration.
    pub config: GameConfig,
    /// The board's tables.
    pub geometry: &'static Geometry,
}

impl Encoder {
    /// An encoder for a configuration.
    pub fn new(config: GameConfig) -> Self {
        Self { config, geometry: geometry(config.board) }
    }

    /// Number of planes (`in_channels` of a sample file).
    pub fn planes(&self) -> usize {
        usize::from(self.config.players) * PLAYER_PLANES + 2
    }

    /// Number of sparse inputs.
    pub fn inputs(&self) -> usize {
        self.planes() * self.geometry.cells + PATTERNS
    }

    /// Completes features whose planes alone are in `sparse`: derives classes and patterns.
    pub fn complete(&self, out: &mut Features) {
        let cells = self.geometry.cells;
        out.planes = out.sparse.len();
        classes_of(&out.sparse, cells, usize::from(self.config.players), &mut out.classes);
        patterns::append(
            &out.classes,
            self.geometry,
            usize::from(self.config.players),
            self.planes() * cells,
            &mut out.counts,
            &mut out.sparse,
        );
    }

    /// Writes the features of a position into `out`, reusing its memory.
    pub fn encode(&self, state: &State, out: &mut Features) {
        let cells = self.geometry.cells;
        let players = self.config.players;
        let mover = state.to_move();
        let relative = |player: u8| (player + players - mover) % players;
        out.sparse.clear();
        let mut put = |plane: usize, cell: usize, value: f32| out.sparse.push(((plane * cells + cell) as u16, value));
        let shared = usize::from(players) * PLAYER_PLANES;
        for cell in 0..cells {
            match state.content(cell as Cell) {
                Content::Empty => {}
                Content::Marker(owner) => put(usize::from(relative(owner)) * PLAYER_PLANES + 7, cell, 1.0),
                Content::Collapsed(owner) => put(usize::from(relative(owner)) * PLAYER_PLANES + 8, cell, 1.0),
                Content::Stack { owner, height, cap } => {
                    let base = usize::from(relative(owner)) * PLAYER_PLANES;
                    put(base + usize::from(height.clamp(1, 4)) - 1, cell, 1.0);
                    put(base + 3 + usize::from(cap.clamp(1, 3)), cell, 1.0);
                    if height > 4 {
                        put(shared + 1, cell, f32::from(height - 4) / 4.0);
                    }
                }
            }
        }
        if let Some(cell) = state.bound_stack() {
            put(shared, usize::from(cell), 1.0);
        }
        out.globals = self.globals(state);
        self.complete(out);
    }

    fn globals(&self, state: &State) -> [f32; GLOBALS] {
        let mut globals = [0.0; GLOBALS];
        let phase = state.phase() as usize;
        if phase < 7 {
            globals[phase] = 1.0;
        }
        let players = self.config.players;
        for r in 0..players {
            let player = (state.to_move() + r) % players;
            let i = usize::from(r);
            globals[7 + i] = f32::from(state.hand(player)) / f32::from(self.config.board.rings_per_player());
            globals[11 + i] = f32::from(state.eliminated(player)) / f32::from(self.config.elimination_threshold());
            globals[15 + i] = f32::from(state.territory(player)) / f32::from(self.config.territory_threshold());
        }
        globals[19] = (state.move_count() as f32 / (4 * self.geometry.cells) as f32).min(1.0);
        globals
    }
}

/// Derives the class of each cell from sparse planes; `out` is resized to the board.
fn classes_of(sparse: &[(u16, f32)], cells: usize, players: usize, out: &mut Vec<u8>) {
    out.clear();
    out.resize(cells, CLASS_EMPTY);
    for &(index, _) in sparse {
        let (plane, cell) = (usize::from(index) / cells, usize::from(index) % cells);
        if plane >= players * PLAYER_PLANES {
            continue;
        }
        let (r, kind) = ((plane / PLAYER_PLANES) as u8, (plane % PLAYER_PLANES) as u8);
        match kind {
            0..=3 => out[cell] = CLASS_STACK + 4 * r + kind,
            7 => out[cell] = CLASS_MARKER + r,
            8 => out[cell] = CLASS_TERRITORY + r,
            _ => {}
        }
    }
}
