//! A cell's content in 64 bits, and its share of the position's hash.
//!
//! 0 is an empty cell. A stack keeps two bits a ring, the top ring lowest, with a one above the
//! bottom ring; play never builds higher than 25 rings, so the two highest bits are free to mark
//! markers and collapsed cells, whose owner is in the lowest bits.

use super::geometry::Cell;

/// No player.
pub(super) const NOBODY: u8 = u8::MAX;

const MARKER: u64 = 1 << 62;
const COLLAPSED: u64 = 1 << 63;
/// Any of these bits means the cell is no stack.
const FLAGS: u64 = MARKER | COLLAPSED;
/// The lower bit of each ring.
const PAIRS: u64 = 0x5555_5555_5555_5555;

pub(super) const fn marker(player: u8) -> u64 {
    MARKER | player as u64
}

pub(super) const fn collapsed(player: u8) -> u64 {
    COLLAPSED | player as u64
}

#[inline]
pub(super) const fn is_stack(value: u64) -> bool {
    value != 0 && value & FLAGS == 0
}

#[inline]
pub(super) const fn is_marker(value: u64) -> bool {
    value & MARKER != 0
}

#[inline]
pub(super) const fn is_collapsed(value: u64) -> bool {
    value & COLLAPSED != 0
}

/// True where a stack may pass or land: empty cells and markers.
#[inline]
pub(super) const fn is_open(value: u64) -> bool {
    value == 0 || value & MARKER != 0
}

/// Owner of a marker, a collapsed cell, or a stack (its top ring).
#[inline]
pub(super) const fn owner(value: u64) -> u8 {
    (value & 3) as u8
}

/// Rings of a stack.
#[inline]
pub(super) const fn height(stack: u64) -> u8 {
    ((63 - stack.leading_zeros()) / 2) as u8
}

/// Rings of the top ring's colour from the top.
#[inline]
pub(super) const fn cap(stack: u64) -> u8 {
    let pattern = PAIRS * (stack & 3);
    let differs = (stack ^ pattern) | (3 << (2 * height(stack) as u32));
    (differs.trailing_zeros() / 2) as u8
}

/// Colour of the ring at a depth below the top (0 = top).
#[inline]
pub(super) const fn ring(stack: u64, depth: u8) -> u8 {
    (stack >> (2 * depth) & 3) as u8
}

/// The stack (or empty cell) with one more ring on top.
#[inline]
pub(super) const fn push(stack: u64, player: u8) -> u64 {
    let base = if stack == 0 { 1 } else { stack };
    base << 2 | player as u64
}

/// The stack without its `count` top rings; 0 when none is left.
#[inline]
pub(super) const fn pop(stack: u64, count: u8) -> u64 {
    let rest = stack >> (2 * count);
    if rest <= 1 { 0 } else { rest }
}

/// The stack with one more ring at the bottom.
#[inline]
pub(super) const fn push_below(stack: u64, player: u8) -> u64 {
    let top = 2 * height(stack) as u32;
    (stack & !(1 << top)) | ((4 | player as u64) << top)
}

/// True if a ring of a colour is below the top ring.
pub(super) fn buries(stack: u64, player: u8) -> bool {
    (1..height(stack)).any(|depth| ring(stack, depth) == player)
}

/// The stack without its lowest ring of a colour; `None` when it has none.
pub(super) fn without_lowest(stack: u64, player: u8) -> Option<u64> {
    let depth = (0..height(stack)).rev().find(|&d| ring(stack, d) == player)?;
    let above = stack & ((1 << (2 * depth)) - 1);
    let below = stack >> (2 * depth + 2);
    let rest = below << (2 * depth) | above;
    Some(if rest <= 1 { 0 } else { rest })
}

/// A bijection of 64 bits that spreads each input bit (the finaliser of SplitMix64).
#[inline]
pub(super) const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What a cell with this content adds to the hash; an empty cell adds nothing.
#[inline]
pub(super) const fn key(cell: Cell, value: u64) -> u64 {
    if value == 0 { 0 } else { mix(value.wrapping_add((cell as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))) }
}
