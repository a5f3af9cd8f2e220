//! Features that do not depend on where on the board something happens: who sees whom along the lines, room to move,
//! runs of markers, and how much there is of everything. They are counted from the cells' classes, so a sample file
//! needs no arrays for them, and they let a small network learn from few games what the planes show cell by cell.

use crate::game::{Geometry, NO_CELL};

use super::encode::{CLASS_EMPTY, CLASS_MARKER, CLASS_STACK, CLASS_TERRITORY, CLASSES, PLAYER_PLANES};

/// Pairs of stacks that see each other: 16 classes each, whether the first is at least as high.
const SIGHT: usize = 16 * 16 * 2;
/// Room of a stack in a direction: 16 classes; none, exactly enough, more than enough.
const ROOM: usize = 16 * 3;
/// Runs of markers: player, length 1, 2, 3, 4 or more, open ends 0, 1, 2.
const RUNS: usize = 4 * 4 * 3;
/// Stacks by cap height: player; 1, 2, 3 or more.
const CAPS: usize = 4 * 3;
/// Number of pattern features.
pub const PATTERNS: usize = SIGHT + ROOM + RUNS + CLASSES + CAPS;
/// What one occurrence counts.
const UNIT: f32 = 0.25;

/// Memory for counting.
#[derive(Clone, Debug)]
pub struct Counts([u8; PATTERNS]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; PATTERNS])
    }
}

fn is_stack(class: u8) -> bool {
    class >= CLASS_STACK
}

fn blocks(class: u8) -> bool {
    (CLASS_TERRITORY..CLASS_STACK).contains(&class)
}

/// Appends the pattern features of a board to `out`, which holds its planes; they are numbered from `first`.
pub fn append(
    classes: &[u8],
    geometry: &Geometry,
    players: usize,
    first: usize,
    counts: &mut Counts,
    out: &mut Vec<(u16, f32)>,
) {
    let counts = &mut counts.0;
    counts.fill(0);
    for &(index, _) in out.iter() {
        let plane = usize::from(index) / classes.len();
        let (player, kind) = (plane / PLAYER_PLANES, plane % PLAYER_PLANES);
        if player < players && (4..7).contains(&kind) {
            counts[SIGHT + ROOM + RUNS + CLASSES + player * 3 + kind - 4] += 1;
        }
    }
    for (cell, &class) in classes.iter().enumerate() {
        let mut count = |index: usize| counts[index] = counts[index].saturating_add(1);
        count(SIGHT + ROOM + RUNS + usize::from(class));
        if is_stack(class) {
            stack(classes, geometry, cell, class, &mut count);
        } else if (CLASS_MARKER..CLASS_TERRITORY).contains(&class) {
            marker(classes, geometry, cell, class, &mut count);
        }
    }
    for (i, &n) in counts.iter().enumerate() {
        if n > 0 {
            out.push(((first + i) as u16, f32::from(n) * UNIT));
        }
    }
}

fn stack(classes: &[u8], geometry: &Geometry, cell: usize, class: u8, count: &mut impl FnMut(usize)) {
    let own = usize::from(class - CLASS_STACK);
    let height = own % 4 + 1;
    for direction in 0..geometry.directions {
        let (mut at, mut free) = (geometry.step[cell][direction], 0);
        while at != NO_CELL && !is_stack(classes[usize::from(at)]) && !blocks(classes[usize::from(at)]) {
            free += 1;
            at = geometry.step[usize::from(at)][direction];
        }
        let room = match free {
            n if n < height => 0,
            n if n == height => 1,
            _ => 2,
        };
        count(SIGHT + own * 3 + room);
        if at != NO_CELL && is_stack(classes[usize::from(at)]) {
            let other = usize::from(classes[usize::from(at)] - CLASS_STACK);
            let behind = geometry.step[usize::from(at)][direction];
            let landing = behind != NO_CELL && matches!(classes[usize::from(behind)], CLASS_EMPTY..CLASS_TERRITORY);
            count((own * 16 + other) * 2 + usize::from(landing));
        }
    }
}

fn marker(classes: &[u8], geometry: &Geometry, cell: usize, class: u8, count: &mut impl FnMut(usize)) {
    let half = geometry.directions / 2;
    for direction in 0..half {
        let before = geometry.step[cell][direction + half];
        if before != NO_CELL && classes[usize::from(before)] == class {
            continue;
        }
        let (mut at, mut length) = (geometry.step[cell][direction], 1);
        while at != NO_CELL && classes[usize::from(at)] == class {
            length += 1;
            at = geometry.step[usize::from(at)][direction];
        }
        let open = [before, at].iter().filter(|&&c| c != NO_CELL && !blocks(classes[usize::from(c)])).count();
        let player = usize::from(class - CLASS_MARKER);
        count(SIGHT + ROOM + (player * 4 + length.min(4) - 1) * 3 + open);
    }
}
