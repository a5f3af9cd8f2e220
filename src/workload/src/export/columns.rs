//! The columns of a sample file while they grow: small ones in memory, all of them on disk once they are large.

use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::SpooledTempFile;

use super::npz::{NpzWriter, utf32};
use crate::failure::Failure;
use crate::game::{Geometry, MAX_PLAYERS};
use crate::nn::{Encoder, Features, GLOBALS};

/// Bytes of a column that stay in memory.
const IN_MEMORY: usize = 4 << 20;

/// A growing array of bytes.
struct Column {
    file: SpooledTempFile,
    buffer: Vec<u8>,
}

impl Column {
    fn new(folder: &Path) -> Self {
        Self { file: tempfile::spooled_tempfile_in(IN_MEMORY, folder), buffer: Vec::with_capacity(1 << 14) }
    }

    fn push(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= 1 << 14 {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn reader(&mut self) -> std::io::Result<BufReader<&mut SpooledTempFile>> {
        self.flush()?;
        self.file.seek(SeekFrom::Start(0))?;
        Ok(BufReader::with_capacity(1 << 16, &mut self.file))
    }
}

/// One training sample.
#[derive(Clone, Debug)]
pub struct Sample<'a> {
    /// Network input.
    pub features: &'a Features,
    /// Every legal move's policy index with its target probability.
    pub policy: &'a [(u32, f32)],
    /// Final value of who plays each colour.
    pub values: [f32; MAX_PLAYERS],
    /// Value of who plays each colour as the searches of the following positions saw it, mixed with the end.
    pub search_values: [f32; MAX_PLAYERS],
    /// The player to move, 0-based.
    pub player: u8,
    /// Number of the move in its game, from 0.
    pub move_number: i32,
    /// Moves of the game.
    pub total_moves: i32,
    /// Step of the turn.
    pub phase: &'a str,
    /// How the game ended.
    pub victory: &'a str,
    /// Engine that played.
    pub engine: &'a str,
    /// Kind of the move that was played.
    pub move_type: &'a str,
    /// Kind of opponent.
    pub opponent: &'a str,
    /// Quality of the game.
    pub quality: f32,
}

/// Arrays of fixed element type, in the order they are written: name, dtype, width of the second dimension.
const FIXED: [(&str, &str, u64); 10] = [
    ("globals", "<f4", GLOBALS as u64),
    ("values", "<f4", 0),
    ("values_mp", "<f4", MAX_PLAYERS as u64),
    ("search_values", "<f4", MAX_PLAYERS as u64),
    ("num_players", "<i4", 0),
    ("current_players", "<i4", 0),
    ("move_numbers", "<i4", 0),
    ("total_game_moves", "<i4", 0),
    ("opponent_elo", "<f4", 0),
    ("quality_score", "<f4", 0),
];
/// Text arrays and their width in characters.
const TEXT: [(&str, usize); 5] =
    [("phases", 20), ("victory_types", 20), ("engine_modes", 16), ("move_types", 26), ("opponent_types", 16)];

/// All columns.
pub struct Columns {
    encoder: Encoder,
    sparse: Column,
    fixed: [Column; FIXED.len()],
    text: [Column; TEXT.len()],
    indices: Column,
    probabilities: Column,
    offsets: Column,
    /// Samples so far.
    pub count: u64,
    entries: u64,
    max_index: u32,
}

impl Columns {
    /// Empty columns; large ones go to unnamed files in `folder`.
    pub fn new(encoder: Encoder, folder: &Path) -> Self {
        let column = || Column::new(folder);
        Self {
            encoder,
            sparse: column(),
            fixed: std::array::from_fn(|_| column()),
            text: std::array::from_fn(|_| column()),
            indices: column(),
            probabilities: column(),
            offsets: column(),
            count: 0,
            entries: 0,
            max_index: 0,
        }
    }

    /// Adds a sample.
    pub fn push(&mut self, sample: &Sample<'_>) -> std::io::Result<()> {
        if self.count == 0 {
            self.offsets.push(&0i64.to_le_bytes())?;
        }
        let planes = &sample.features.sparse[..sample.features.planes];
        self.sparse.push(&(planes.len() as u32).to_le_bytes())?;
        for &(index, value) in planes {
            self.sparse.push(&index.to_le_bytes())?;
            self.sparse.push(&value.to_le_bytes())?;
        }
        let floats = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let players = i32::from(self.encoder.config.players);
        let [globals, values, values_mp, search_values, num_players, current, move_numbers, totals, elo, quality] =
            &mut self.fixed;
        globals.push(&floats(&sample.features.globals))?;
        values.push(&sample.values[usize::from(sample.player)].to_le_bytes())?;
        values_mp.push(&floats(&sample.values))?;
        search_values.push(&floats(&sample.search_values))?;
        num_players.push(&players.to_le_bytes())?;
        current.push(&(i32::from(sample.player) + 1).to_le_bytes())?;
        move_numbers.push(&sample.move_number.to_le_bytes())?;
        totals.push(&sample.total_moves.to_le_bytes())?;
        // Ratings belong to model hashes and are not known here; unknown is not a number.
        elo.push(&f32::NAN.to_le_bytes())?;
        quality.push(&sample.quality.to_le_bytes())?;
        let texts = [sample.phase, sample.victory, sample.engine, sample.move_type, sample.opponent];
        for ((column, text), (_, width)) in self.text.iter_mut().zip(texts).zip(TEXT) {
            column.push(&utf32(text, width))?;
        }
        for &(index, p) in sample.policy {
            self.indices.push(&(index as i32).to_le_bytes())?;
            self.probabilities.push(&p.to_le_bytes())?;
            self.max_index = self.max_index.max(index);
        }
        self.entries += sample.policy.len() as u64;
        self.offsets.push(&(self.entries as i64).to_le_bytes())?;
        self.count += 1;
        Ok(())
    }

    /// Largest policy index in use.
    pub fn max_index(&self) -> u32 {
        self.max_index
    }

    /// Writes all arrays.
    pub fn write(mut self, npz: &mut NpzWriter) -> Result<(), Failure> {
        let n = self.count;
        let geometry = self.encoder.geometry;
        let (height, width) = geometry.plane;
        let planes = self.encoder.planes();
        let sparse = &mut self.sparse;
        npz.array("features", "<f4", &[n, planes as u64, height as u64, width as u64], |out| {
            expand(sparse, n, planes, geometry, out)
        })?;
        for (column, (name, descr, second)) in self.fixed.iter_mut().zip(FIXED) {
            let shape = if second == 0 { vec![n] } else { vec![n, second] };
            npz.array(name, descr, &shape, |out| std::io::copy(&mut column.reader()?, out).map(drop))?;
        }
        for (column, (name, width)) in self.text.iter_mut().zip(TEXT) {
            npz.array(name, &format!("<U{width}"), &[n], |out| std::io::copy(&mut column.reader()?, out).map(drop))?;
        }
        let sparse_policy = [
            ("policy_indices", "<i4", self.entries, &mut self.indices),
            ("policy_values", "<f4", self.entries, &mut self.probabilities),
            ("policy_offsets", "<i8", n + 1, &mut self.offsets),
        ];
        for (name, descr, len, column) in sparse_policy {
            npz.array(name, descr, &[len], |out| std::io::copy(&mut column.reader()?, out).map(drop))?;
        }
        Ok(())
    }
}

/// Writes sparse planes out in full, sample by sample.
fn expand(
    sparse: &mut Column,
    count: u64,
    planes: usize,
    geometry: &Geometry,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let (height, width) = geometry.plane;
    let place = |index: usize| {
        let (row, col) = geometry.position[index % geometry.cells];
        ((index / geometry.cells * height + usize::from(row)) * width + usize::from(col)) * 4
    };
    let mut reader = sparse.reader()?;
    let mut dense = vec![0u8; planes * height * width * 4];
    let (mut number, mut entry) = ([0; 4], [0; 6]);
    let mut used = Vec::new();
    for _ in 0..count {
        reader.read_exact(&mut number)?;
        for _ in 0..u32::from_le_bytes(number) {
            reader.read_exact(&mut entry)?;
            let at = place(usize::from(u16::from_le_bytes([entry[0], entry[1]])));
            dense[at..at + 4].copy_from_slice(&entry[2..]);
            used.push(at);
        }
        out.write_all(&dense)?;
        for at in used.drain(..) {
            dense[at..at + 4].fill(0);
        }
    }
    Ok(())
}
