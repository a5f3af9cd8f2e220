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

impl MoveKind {
    /// All kinds with their wire names, in the order of their discriminants.
    pub const ALL: [(MoveKind, &'static str); 19] = [
        (Self::PlaceRing, "place_ring"),
        (Self::SkipPlacement, "skip_placement"),
        (Self::NoPlacementAction, "no_placement_action"),
        (Self::MoveStack, "move_stack"),
        (Self::OvertakingCapture, "overtaking_capture"),
        (Self::ContinueCaptureSegment, "continue_capture_segment"),
        (Self::SkipCapture, "skip_capture"),
        (Self::NoMovementAction, "no_movement_action"),
        (Self::RecoverySlide, "recovery_slide"),
        (Self::SkipRecovery, "skip_recovery"),
        (Self::ProcessLine, "process_line"),
        (Self::ChooseLineOption, "choose_line_option"),
        (Self::NoLineAction, "no_line_action"),
        (Self::ChooseTerritoryOption, "choose_territory_option"),
        (Self::SkipTerritoryProcessing, "skip_territory_processing"),
        (Self::NoTerritoryAction, "no_territory_action"),
        (Self::EliminateRings, "eliminate_rings_from_stack"),
        (Self::ForcedElimination, "forced_elimination"),
        (Self::SwapSides, "swap_sides"),
    ];

    /// The wire name, as in `place_ring`.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The kind with a wire name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, n)| *n == name).map(|(k, _)| *k)
    }
}

/// One move. Fields that a kind does not use are `NO_CELL` or 0, so equal moves compare equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Move {
    /// What is done.
    pub kind: MoveKind,
    /// Rings placed; markers of the line; markers that a free recovery collapses.
    pub count: u8,
    /// Axis of the line; barrier of the region; recovery mode; context of an elimination.
    pub aux: u8,
    /// Markers that a line option collapses.
    pub part: u8,
    /// Start cell.
    pub from: Cell,
    /// End cell; first cell of the line; lowest cell of the region; the stack that pays.
    pub to: Cell,
    /// Stack that is jumped; first marker that a line option or recovery collapses.
    pub target: Cell,
}

/// `aux` of a recovery slide: it completes a line and pays, completes a longer line for nothing,
/// completes none, or strikes the top ring of a neighbouring stack.
pub mod recovery {
    /// The slide completes a line; all of it collapses and a buried ring is paid.
    pub const LINE_PAID: u8 = 0;
    /// The slide completes a longer line; `count` markers from `target` collapse, nothing is paid.
    pub const LINE_FREE: u8 = 1;
    /// The slide completes no line.
    pub const FALLBACK: u8 = 2;
    /// The marker is given up to eliminate the top ring of the stack on `to`.
    pub const STRIKE: u8 = 3;
}

impl Move {
    /// A move with a kind and nothing else.
    pub const fn bare(kind: MoveKind) -> Self {
        Self { kind, count: 0, aux: 0, part: 0, from: NO_CELL, to: NO_CELL, target: NO_CELL }
    }

    /// A move with an end cell only.
    pub const fn at(kind: MoveKind, to: Cell) -> Self {
        Self { to, ..Self::bare(kind) }
    }

    /// A move from a cell to a cell.
    pub const fn along(kind: MoveKind, from: Cell, to: Cell) -> Self {
        Self { from, to, ..Self::bare(kind) }
    }
}
