//! Sample files in memory: planes as sparse lists, policies as lists of index and probability.

use std::path::Path;

use crate::export::npz::NpzReader;
use crate::failure::Failure;
use crate::game::{GameConfig, MAX_PLAYERS, RULES_VERSION};
use crate::nn::model::ENCODER_VERSION;
use crate::nn::{Encoder, GLOBALS, PolicySpace};

/// One sample.
#[derive(Clone, Debug)]
pub struct Example {
    /// Non-zero planes as the encoder gives them, the value as the upper half of its bits: all plane values are
    /// small multiples of a quarter, for which that half is exact, and samples are what fills the memory.
    pub sparse: Box<[(u16, u16)]>,
    /// Scalars.
    pub globals: [f32; GLOBALS],
    /// Policy target over the legal moves.
    pub policy: Box<[(u32, f32)]>,
    /// Final values of the relative players.
    pub values: [f32; MAX_PLAYERS],
    /// Values of the relative players as the searches saw them.
    pub search_values: [f32; MAX_PLAYERS],
}

/// The samples to learn from and those to check with.
#[derive(Debug, Default)]
pub struct Dataset {
    /// Learned from.
    pub train: Vec<Example>,
    /// Only measured.
    pub validation: Vec<Example>,
}

/// The value that a sample's upper half stands for.
pub fn value_of(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 16)
}

impl Dataset {
    /// Adds a file. Its last part, whole games as far as the order of export keeps them together, becomes validation.
    pub fn add(&mut self, path: &Path, config: GameConfig, validation: f32) -> Result<(), Failure> {
        let mut examples = read(path, config)?;
        let held = ((examples.len() as f32 * validation).round() as usize).min(examples.len().saturating_sub(1));
        self.validation.extend(examples.drain(examples.len() - held..));
        self.train.append(&mut examples);
        Ok(())
    }

    /// Forgets the oldest samples beyond a number, in the order of the files.
    pub fn limit(&mut self, most: usize) {
        let excess = self.train.len().saturating_sub(most);
        self.train.drain(..excess);
        self.train.shrink_to_fit();
    }
}

/// Reads and checks a sample file.
pub fn read(path: &Path, config: GameConfig) -> Result<Vec<Example>, Failure> {
    let mut npz = NpzReader::open(path)?;
    let expected = [
        ("config_key", config.to_string()),
        ("encoder_type", "ringrift-planes".to_owned()),
        ("encoder_version", ENCODER_VERSION.to_string()),
        ("policy_encoding", "ringrift-moves-1".to_owned()),
    ];
    for (name, wanted) in expected {
        let found = npz.text(name)?;
        if found != wanted {
            return Err(npz.wrong(name, format!("is {found}, expected {wanted}")));
        }
    }
    let rules =
        if npz.has("rules_version") { npz.numbers("rules_version", "<i8", &[], i64::from_le_bytes)?[0] } else { 1 };
    if rules != i64::from(RULES_VERSION) {
        return Err(npz.wrong(
            "rules_version",
            format!("the games are of rules version {rules}, expected {RULES_VERSION}; play new games"),
        ));
    }
    let encoder = Encoder::new(config);
    let space = PolicySpace::new(config);
    let (height, width) = encoder.geometry.plane;
    let planes = encoder.planes();
    let mut sparse: Vec<Box<[(u16, u16)]>> = Vec::new();
    let dims = [None, Some(planes as u64), Some(height as u64), Some(width as u64)];
    let places: Vec<Option<u16>> =
        (0..height * width).map(|i| encoder.geometry.at_plane(i / width, i % width)).collect();
    let cells = encoder.geometry.cells;
    npz.stream("features", "<f4", &dims, |shape, data| {
        let mut raw = vec![0u8; planes * height * width * 4];
        for _ in 0..shape[0] {
            data.read_exact(&mut raw)?;
            let mut found = Vec::with_capacity(64);
            for (i, bytes) in raw.chunks_exact(4).enumerate() {
                if bytes == [0; 4] {
                    continue;
                }
                let value = u16::from_le_bytes([bytes[2], bytes[3]]);
                if let Some(cell) = places[i % (height * width)] {
                    found.push(((i / (height * width) * cells + usize::from(cell)) as u16, value));
                }
            }
            sparse.push(found.into_boxed_slice());
        }
        Ok(())
    })?;
    let n = sparse.len() as u64;
    let globals = npz.numbers("globals", "<f4", &[Some(n), Some(GLOBALS as u64)], f32::from_le_bytes)?;
    let values = npz.numbers("values_mp", "<f4", &[Some(n), Some(MAX_PLAYERS as u64)], f32::from_le_bytes)?;
    let search_values =
        npz.numbers("search_values", "<f4", &[Some(n), Some(MAX_PLAYERS as u64)], f32::from_le_bytes)?;
    let current = npz.numbers("current_players", "<i4", &[Some(n)], i32::from_le_bytes)?;
    let offsets = npz.numbers("policy_offsets", "<i8", &[Some(n + 1)], i64::from_le_bytes)?;
    let indices = npz.numbers("policy_indices", "<i4", &[None], i32::from_le_bytes)?;
    let probabilities = npz.numbers("policy_values", "<f4", &[Some(indices.len() as u64)], f32::from_le_bytes)?;
    let players = i32::from(config.players);
    let mut examples = Vec::with_capacity(sparse.len());
    for (i, sparse) in sparse.into_iter().enumerate() {
        let (from, to) = (offsets[i], offsets[i + 1]);
        if from < 0 || from > to || to > indices.len() as i64 {
            return Err(npz.wrong(
                "policy_offsets",
                format!(
                    "entries {i} and {} are {from} and {to}, expected rising numbers up to {}",
                    i + 1,
                    indices.len()
                ),
            ));
        }
        let range = from as usize..to as usize;
        if let Some(bad) = indices[range.clone()].iter().find(|&&k| k < 0 || k as usize >= space.size()) {
            return Err(npz.wrong("policy_indices", format!("{bad} in sample {i} is outside of 0..{}", space.size())));
        }
        if !(1..=players).contains(&current[i]) {
            return Err(npz.wrong("current_players", format!("{} in sample {i} is no player", current[i])));
        }
        if let Some(bad) = probabilities[range.clone()].iter().find(|p| !(0.0..=1.001).contains(*p)) {
            return Err(npz.wrong("policy_values", format!("{bad} in sample {i} is no probability")));
        }
        let policy = indices[range.clone()].iter().zip(&probabilities[range]).map(|(&k, &p)| (k as u32, p)).collect();
        let (mut relative, mut searched) = ([0.0; MAX_PLAYERS], [0.0; MAX_PLAYERS]);
        for r in 0..players {
            let at = i * MAX_PLAYERS + ((current[i] - 1 + r) % players) as usize;
            relative[r as usize] = values[at];
            searched[r as usize] = search_values[at];
        }
        let mut row = [0.0; GLOBALS];
        row.copy_from_slice(&globals[i * GLOBALS..(i + 1) * GLOBALS]);
        let numbers = sparse.iter().map(|e| value_of(e.1)).chain(row).chain(relative).chain(searched);
        if let Some(bad) = relative.iter().chain(&searched).find(|v| !(-1.001..=1.001).contains(*v)) {
            return Err(npz.wrong("values_mp", format!("{bad} in sample {i} is outside of -1 to 1")));
        }
        if let Some(bad) = numbers.into_iter().find(|x| !x.is_finite()) {
            return Err(npz.wrong("features", format!("sample {i} holds {bad}, expected finite numbers")));
        }
        examples.push(Example { sparse, globals: row, policy, values: relative, search_values: searched });
    }
    Ok(examples)
}
