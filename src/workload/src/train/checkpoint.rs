//! The state of a training after each epoch, so that a killed job goes on where it was.

use std::collections::HashMap;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use super::adam::Adam;
use super::epoch::Losses;
use crate::contract::files::write_atomically;
use crate::failure::Failure;

/// Losses of one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochLosses {
    /// While learning.
    pub train: Losses,
    /// On the samples held back.
    pub validation: Losses,
}

/// Everything that the next epoch needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// What is being trained; a checkpoint of anything else is not used.
    pub identity: String,
    /// Parameters.
    pub params: Vec<f32>,
    /// The best parameters so far.
    pub best: Vec<f32>,
    /// Epoch of the best, from 1; 0 = none yet.
    pub best_epoch: usize,
    /// The optimiser.
    pub adam: Adam,
    /// Losses of the epochs done.
    pub history: Vec<EpochLosses>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    identity: String,
    best_epoch: usize,
    steps: u64,
    history: Vec<EpochLosses>,
}

impl Checkpoint {
    /// Writes the checkpoint (temp, fsync, rename).
    pub fn save(&self, path: &Path) -> Result<(), Failure> {
        let fail = |e: &dyn std::fmt::Display| Failure::internal(&format!("writing checkpoint {}", path.display()), e);
        let header = Header {
            identity: self.identity.clone(),
            best_epoch: self.best_epoch,
            steps: self.adam.steps,
            history: self.history.clone(),
        };
        let header = serde_json::to_string(&header).map_err(|e| fail(&e))?;
        let bytes = |x: &[f32]| x.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let parts = [
            ("params", bytes(&self.params)),
            ("best", bytes(&self.best)),
            ("mean", bytes(&self.adam.mean)),
            ("square", bytes(&self.adam.square)),
        ];
        let mut tensors = Vec::new();
        for (name, data) in &parts {
            tensors.push((*name, TensorView::new(Dtype::F32, vec![data.len() / 4], data).map_err(|e| fail(&e))?));
        }
        let meta = HashMap::from([("state".to_owned(), header)]);
        let bytes = safetensors::serialize(tensors, Some(meta)).map_err(|e| fail(&e))?;
        write_atomically(path, &bytes)
    }

    /// Reads a checkpoint of the same training; anything else (absent, damaged, of another job) is `None`.
    pub fn load(path: &Path, identity: &str, len: usize) -> Option<Self> {
        let bytes = std::fs::read(path).ok()?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).ok()?;
        let header: Header = serde_json::from_str(metadata.metadata().as_ref()?.get("state")?).ok()?;
        if header.identity != identity {
            return None;
        }
        let tensors = SafeTensors::deserialize(&bytes).ok()?;
        let read = |name: &str| -> Option<Vec<f32>> {
            let raw = tensors.tensor(name).ok()?;
            let values: Vec<f32> =
                raw.data().chunks_exact(4).map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect();
            (values.len() == len).then_some(values)
        };
        Some(Self {
            identity: header.identity,
            params: read("params")?,
            best: read("best")?,
            best_epoch: header.best_epoch,
            adam: Adam { mean: read("mean")?, square: read("square")?, steps: header.steps },
            history: header.history,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_was_and_only_for_the_same_training() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("checkpoint.safetensors");
        let losses = Losses { policy: 1.5, value: 0.25 };
        let checkpoint = Checkpoint {
            identity: "a".to_owned(),
            params: vec![1.0, 2.0],
            best: vec![0.5, 1.0],
            best_epoch: 1,
            adam: Adam { mean: vec![0.1, 0.2], square: vec![0.3, 0.4], steps: 7 },
            history: vec![EpochLosses { train: losses, validation: losses }],
        };
        checkpoint.save(&path).expect("written");
        assert_eq!(Checkpoint::load(&path, "a", 2), Some(checkpoint));
        assert_eq!(Checkpoint::load(&path, "b", 2), None);
        assert_eq!(Checkpoint::load(&path, "a", 3), None);
        std::fs::write(&path, b"half").expect("damaged");
        assert_eq!(Checkpoint::load(&path, "a", 2), None);
    }
}
