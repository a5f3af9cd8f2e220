//! A move: what a player does in one step, small enough to be copied about by a search.

use super::geometry::{Cell, NO_CELL};

/// The kinds of move; the names are those of the trace format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum MoveKind {
    PlaceRing,
    SkipPlacement,
    NoPlacementAction,
    MoveStack,
    OvertakingCapture,
    ContinueCaptureSegment,
    SkipCapture,
    NoMovementAction,
    RecoverySlide,
    SkipRecovery,
    ProcessLine,
    ChooseLineOption,
    NoLineAction,
    ChooseTerritoryOption,
    SkipTerritoryProcessing,
    NoTerritoryAction,
    EliminateRings,
    ForcedElimination,
    SwapSides,
}

/// One move. Fields that a kind does not use are `NO_CELL` or 0, so equal moves compare equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Move {
    /// What is done.
    pub kind: MoveKind,
    /// Rings placed; length of the line; the elimination's context.
    pub count: u8,
    /// Direction of the line; border colour of the region; recovery mode.
    pub aux: u8,
    /// Start cell.
    pub from: Cell,
    /// End cell; first cell of the line or region; the stack that pays.
    pub to: Cell,
    /// Stack that is jumped; first collapsing marker; stack that pays a recovery.
    pub target: Cell,
}

impl Move {
    /// A move with a kind and nothing else.
    pub const fn bare(kind: MoveKind) -> Self {
        Self { kind, count: 0, aux: 0, from: NO_CELL, to: NO_CELL, target: NO_CELL }
    }
}
