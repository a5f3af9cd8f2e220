//! The policy encoding: each move as an index of fixed meaning per board, and as the few learned rows that score it.
//!
//! Index blocks, in order, with N cells, D directions, L = longest ray: placement N×3 (cell, rings); movement N×D×L
//! (from, direction, distance); capture N×D×L (the jumped stack follows from the position); recovery N×D×4 (from,
//! direction, mode); line N×D×3 (first cell that collapses, direction, processed, all or part); territory N×4 (first
//! cell, border colour relative to the mover); elimination N; forced elimination N; then nine moves without a cell.
//! Only recoveries that differ in the paying stack and regions that share first cell and border share an index.

use crate::game::{Cell, GameConfig, Geometry, Move, MoveKind, NO_CELL, geometry};

use super::encode::{CLASS_MARKER, CLASS_STACK, CLASSES};

const KINDS: usize = 27;
const CELL_GROUPS: usize = 8;
const RECOVERY_MODES: usize = 4;
const LINE_OPTIONS: usize = 3;
const BARE: usize = 9;
/// Most rows that one move uses.
pub const MAX_ROWS: usize = 9;

/// The rows that score one move; only the first `len` count.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    rows: [u32; MAX_ROWS],
    len: u8,
}

impl Rows {
    fn push(&mut self, row: usize) {
        self.rows[usize::from(self.len)] = row as u32;
        self.len += 1;
    }

    /// The rows as a slice.
    pub fn as_slice(&self) -> &[u32] {
        &self.rows[..usize::from(self.len)]
    }
}

/// An index taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Action {
    /// 0..8: placement, movement, capture, recovery, line, territory, elimination, forced; 8: without a cell.
    group: usize,
    cell: usize,
    direction: usize,
    /// Distance − 1, rings − 1, mode, option, border or the number of the bare move.
    detail: usize,
}

/// The encoding of one configuration.
#[derive(Debug)]
pub struct PolicySpace {
    geometry: &'static Geometry,
    players: u8,
    reach: usize,
    starts: [usize; 10],
    direction_of: [u8; 9],
    direction_maps: Vec<[u8; 8]>,
}

impl PolicySpace {
    /// The encoding of a configuration.
    pub fn new(config: GameConfig) -> Self {
        let geometry = geometry(config.board);
        let (n, d) = (geometry.cells, geometry.directions);
        let reach = geometry.plane.0 - 1;
        let sizes =
            [n * 3, n * d * reach, n * d * reach, n * d * RECOVERY_MODES, n * d * LINE_OPTIONS, n * 4, n, n, BARE];
        let mut starts = [0; 10];
        for (i, size) in sizes.into_iter().enumerate() {
            starts[i + 1] = starts[i] + size;
        }
        let mut direction_of = [u8::MAX; 9];
        for (cell, steps) in geometry.step.iter().enumerate() {
            for (dir, &next) in steps.iter().enumerate().take(d) {
                if next != NO_CELL {
                    direction_of[delta_slot(geometry, cell, usize::from(next)).0] = dir as u8;
                }
            }
        }
        let direction_maps =
            geometry.symmetries.iter().map(|map| direction_map(geometry, map, &direction_of)).collect();
        Self { geometry, players: config.players, reach, starts, direction_of, direction_maps }
    }

    /// Number of indices.
    pub fn size(&self) -> usize {
        self.starts[9]
    }

    /// Number of learned rows.
    pub fn rows(&self) -> usize {
        let (n, d) = (self.geometry.cells, self.geometry.directions);
        KINDS + CELL_GROUPS * n + 3 * n + 2 * d * self.reach + CELL_GROUPS * CLASSES + 3 * CLASSES + CLASSES + 16
    }

    fn direction(&self, from: Cell, to: Cell) -> (usize, usize) {
        let (slot, distance) = delta_slot(self.geometry, usize::from(from), usize::from(to));
        (usize::from(self.direction_of[slot]), distance)
    }

    /// The index of a move made by `mover`.
    pub fn index(&self, mv: &Move, mover: u8) -> u32 {
        let ray = |detail: usize| {
            let (direction, distance) = self.direction(mv.from, mv.to);
            (usize::from(mv.from), direction, if detail == usize::MAX { distance - 1 } else { detail })
        };
        let to = usize::from(mv.to);
        let (group, cell, direction, detail) = match mv.kind {
            MoveKind::PlaceRing => (0, to, 0, usize::from(mv.count.clamp(1, 3)) - 1),
            MoveKind::MoveStack => {
                let (c, d, k) = ray(usize::MAX);
                (1, c, d, k)
            }
            MoveKind::OvertakingCapture | MoveKind::ContinueCaptureSegment => {
                let (c, d, k) = ray(usize::MAX);
                (2, c, d, k)
            }
            MoveKind::RecoverySlide => {
                let (c, d, k) = ray(usize::from(mv.aux) % RECOVERY_MODES);
                (3, c, d, k)
            }
            MoveKind::ProcessLine => (4, to, usize::from(mv.aux) % self.geometry.directions, 0),
            MoveKind::ChooseLineOption => {
                let part = mv.part < mv.count;
                let first = if part { usize::from(mv.target) } else { to };
                (4, first, usize::from(mv.aux) % self.geometry.directions, 1 + usize::from(part))
            }
            MoveKind::ChooseTerritoryOption => {
                let border = if mv.aux < self.players { (mv.aux + self.players - mover) % self.players } else { 0 };
                (5, to, 0, usize::from(border))
            }
            MoveKind::EliminateRings => (6, to, 0, 0),
            MoveKind::ForcedElimination => (7, to, 0, 0),
            MoveKind::SkipPlacement => (8, 0, 0, 0),
            MoveKind::NoPlacementAction => (8, 0, 0, 1),
            MoveKind::SkipCapture => (8, 0, 0, 2),
            MoveKind::NoMovementAction => (8, 0, 0, 3),
            MoveKind::SkipRecovery => (8, 0, 0, 4),
            MoveKind::NoLineAction => (8, 0, 0, 5),
            MoveKind::SkipTerritoryProcessing => (8, 0, 0, 6),
            MoveKind::NoTerritoryAction => (8, 0, 0, 7),
            MoveKind::SwapSides => (8, 0, 0, 8),
        };
        self.join(Action { group, cell, direction, detail })
    }

    fn shape(&self, group: usize) -> (usize, usize) {
        let d = self.geometry.directions;
        match group {
            0 => (1, 3),
            1 | 2 => (d, self.reach),
            3 => (d, RECOVERY_MODES),
            4 => (d, LINE_OPTIONS),
            5 => (1, 4),
            6 | 7 => (1, 1),
            _ => (1, BARE),
        }
    }

    fn join(&self, a: Action) -> u32 {
        let (directions, details) = self.shape(a.group);
        (self.starts[a.group] + (a.cell * directions + a.direction) * details + a.detail) as u32
    }

    fn split(&self, index: u32) -> Option<Action> {
        let index = index as usize;
        let group = (0..9).find(|&g| index < self.starts[g + 1])?;
        let (directions, details) = self.shape(group);
        let rest = index - self.starts[group];
        Some(Action {
            group,
            cell: rest / (directions * details),
            direction: rest / details % directions,
            detail: rest % details,
        })
    }

    /// The index under a board symmetry; `None` when the index alone does not determine its image (regions, and lines
    /// whose canonical end changes).
    pub fn transform(&self, index: u32, symmetry: usize) -> Option<u32> {
        if symmetry == 0 {
            return Some(index);
        }
        let mut a = self.split(index)?;
        if a.group == 8 {
            return Some(index);
        }
        if a.group == 5 {
            return None;
        }
        a.cell = usize::from(self.geometry.symmetries[symmetry][a.cell]);
        if matches!(a.group, 1..=4) {
            let before = a.direction;
            a.direction = usize::from(self.direction_maps[symmetry][a.direction]);
            let half = self.geometry.directions / 2;
            if a.group == 4 && (before < half) != (a.direction < half) {
                return None;
            }
        }
        Some(self.join(a))
    }

    /// The rows that score an index in a position whose cells have these classes; none for an index out of range.
    pub fn rows_of(&self, index: u32, classes: &[u8]) -> Rows {
        let mut out = Rows { rows: [0; MAX_ROWS], len: 0 };
        let Some(a) = self.split(index) else { return out };
        let (n, d) = (self.geometry.cells, self.geometry.directions);
        let kind = match a.group {
            0 => a.detail,
            1 => 3,
            2 => 4,
            3 => 5 + a.detail,
            4 => 9 + a.detail,
            5 => 12 + a.detail,
            6 => 16,
            7 => 17,
            _ => 18 + a.detail,
        };
        out.push(kind);
        if a.group == 8 {
            return out;
        }
        let to_base = KINDS;
        let from_base = to_base + CELL_GROUPS * n;
        let ray_base = from_base + 3 * n;
        let to_class = ray_base + 2 * d * self.reach;
        let from_class = to_class + CELL_GROUPS * CLASSES;
        let target_class = from_class + 3 * CLASSES;
        let crossed = target_class + CLASSES;
        let mut to = a.cell;
        if matches!(a.group, 1..=3) {
            let steps = if a.group == 3 { 1 } else { a.detail + 1 };
            let (mut own, mut other, mut target) = (0, 0, None);
            for _ in 0..steps {
                let class = classes[to];
                if to != a.cell {
                    if class == CLASS_MARKER {
                        own += 1;
                    } else if (CLASS_MARKER..CLASS_MARKER + 4).contains(&class) {
                        other += 1;
                    } else if class >= CLASS_STACK && target.is_none() {
                        target = Some(class);
                    }
                }
                let next = self.geometry.step[to][a.direction];
                if next == NO_CELL {
                    break;
                }
                to = usize::from(next);
            }
            out.push(from_base + (a.group - 1) * n + a.cell);
            out.push(from_class + (a.group - 1) * CLASSES + usize::from(classes[a.cell]));
            if a.group != 3 {
                out.push(ray_base + ((a.group - 1) * d + a.direction) * self.reach + a.detail);
                out.push(crossed + (a.group - 1) * 8 + own.min(3));
                out.push(crossed + (a.group - 1) * 8 + 4 + other.min(3));
            }
            if let (2, Some(class)) = (a.group, target) {
                out.push(target_class + usize::from(class));
            }
        }
        out.push(to_base + a.group * n + to);
        out.push(to_class + a.group * CLASSES + usize::from(classes[to]));
        out
    }
}

/// Slot 0..9 of the direction between two cells of a line, and their distance.
fn delta_slot(geometry: &Geometry, from: usize, to: usize) -> (usize, usize) {
    let (r0, c0) = geometry.position[from];
    let (r1, c1) = geometry.position[to];
    let (dr, dc) = (i32::from(r1) - i32::from(r0), i32::from(c1) - i32::from(c0));
    (((dr.signum() + 1) * 3 + dc.signum() + 1) as usize, dr.abs().max(dc.abs()) as usize)
}

fn direction_map(geometry: &Geometry, map: &[Cell], direction_of: &[u8; 9]) -> [u8; 8] {
    let mut out = [0; 8];
    for (dir, slot) in out.iter_mut().enumerate().take(geometry.directions) {
        let pair = geometry.step.iter().enumerate().find(|(_, steps)| steps[dir] != NO_CELL);
        if let Some((cell, steps)) = pair {
            let (a, b) = (usize::from(map[cell]), usize::from(map[usize::from(steps[dir])]));
            *slot = direction_of[delta_slot(geometry, a, b).0];
        }
    }
    out
}
