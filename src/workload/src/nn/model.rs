//! A model: a network's weights, the configuration they belong to and where they came from, as one safetensors file.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use safetensors::{Dtype, SafeTensors, View};

use super::encode::Encoder;
use super::net::{Layout, Shape};
use crate::contract::files::{sha256_hex, write_atomically};
use crate::failure::Failure;
use crate::game::{GameConfig, RULES_VERSION};

/// Version of the encoding of positions and moves; a model of another version is refused.
pub const ENCODER_VERSION: u32 = 1;
/// Default width of the first layer.
pub const DEFAULT_FIRST: usize = 128;
/// Default width of the second layer.
pub const DEFAULT_SECOND: usize = 64;

/// Where a model came from; kept in the file's header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// Hash of the model that training started from; `None` for the untrained network.
    pub parent: Option<String>,
    /// Hashes of the sample files it learned from.
    pub samples: Vec<String>,
    /// The job that made it.
    pub job_id: Option<String>,
    /// Number of trainings since the untrained network.
    pub generation: u32,
}

/// A network with its identity.
#[derive(Clone, Debug)]
pub struct Model {
    /// The configuration it plays.
    pub config: GameConfig,
    /// Shape and place of its tensors.
    pub layout: Layout,
    /// All parameters.
    pub params: Arc<Vec<f32>>,
    /// Where it came from.
    pub lineage: Lineage,
    /// Version of the rules of the games that it learned from.
    pub rules_version: u32,
    /// SHA-256 of the file.
    pub sha256: String,
}

struct Tensor<'a> {
    data: &'a [f32],
    shape: Vec<usize>,
}

impl View for Tensor<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.data.iter().flat_map(|x| x.to_le_bytes()).collect())
    }
    fn data_len(&self) -> usize {
        self.data.len() * 4
    }
}

impl Model {
    /// The untrained network of a configuration with the default widths: the same bytes on each machine.
    pub fn untrained(config: GameConfig) -> Result<Self, Failure> {
        Self::untrained_with(config, DEFAULT_FIRST, DEFAULT_SECOND)
    }

    /// The untrained network with given widths.
    pub fn untrained_with(config: GameConfig, first: usize, second: usize) -> Result<Self, Failure> {
        let layout = Layout::new(Shape::new(config, first, second));
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(0x52_49_4e_47 + u64::from(config.players));
        let mut params = vec![0.0f32; layout.len()];
        // Scales by the number of inputs that are non-zero in a usual position, not by all there are.
        let planes = Encoder::new(config).planes() * config.board.cells() * first;
        let active = config.board.cells() as f32;
        let scales = [
            (0..planes, 0.2 * (3.0 / active).sqrt()),
            (planes..layout.w1.end, (3.0 / 16.0f32).sqrt()),
            (layout.g1.clone(), (3.0 / 8.0f32).sqrt()),
            (layout.w2.clone(), (6.0 / first as f32).sqrt()),
            (layout.wv.clone(), 0.3 * (3.0 / second as f32).sqrt()),
            (layout.wp.clone(), 0.1 * (3.0 / second as f32).sqrt()),
        ];
        for (range, scale) in scales {
            for p in &mut params[range] {
                // 24 random bits are exact in an f32, so no rounding differs between machines.
                *p = ((rng.random::<u64>() >> 40) as f32 / (1 << 23) as f32 - 1.0) * scale;
            }
        }
        Self::from_params(config, layout, params, Lineage::default())
    }

    /// A model of given parameters; computes the hash of its file.
    pub fn from_params(
        config: GameConfig,
        layout: Layout,
        params: Vec<f32>,
        lineage: Lineage,
    ) -> Result<Self, Failure> {
        let mut model = Self {
            config,
            layout,
            params: Arc::new(params),
            lineage,
            rules_version: RULES_VERSION,
            sha256: String::new(),
        };
        model.sha256 = sha256_hex(&model.to_bytes()?);
        Ok(model)
    }

    /// The file's bytes: the same model gives the same bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        let tensors =
            self.layout.tensors().map(|(name, range, shape)| (name, Tensor { data: &self.params[range], shape }));
        let plain = safetensors::serialize(tensors, None).map_err(|e| Failure::internal("writing a model", e))?;
        // safetensors keeps the metadata in a hash map, whose order changes from run to run; identity is content, so
        // the metadata goes into the header in a fixed order.
        let header_len =
            u64::from_le_bytes(plain[..8].try_into().map_err(|e| Failure::internal("writing a model", e))?) as usize;
        let header =
            std::str::from_utf8(&plain[8..8 + header_len]).map_err(|e| Failure::internal("writing a model", e))?;
        let metadata = serde_json::to_string(&self.metadata()).map_err(|e| Failure::internal("writing a model", e))?;
        let body = header.trim_end().strip_prefix('{').unwrap_or_default();
        let mut text = format!("{{\"__metadata__\":{metadata},{body}");
        text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
        let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        bytes.extend_from_slice(&plain[8 + header_len..]);
        Ok(bytes)
    }

    fn metadata(&self) -> std::collections::BTreeMap<&'static str, String> {
        let mut map = std::collections::BTreeMap::from([
            ("format", "ringrift-model-1".to_owned()),
            ("config_key", self.config.to_string()),
            ("encoder_version", ENCODER_VERSION.to_string()),
            ("generation", self.lineage.generation.to_string()),
            ("samples", self.lineage.samples.join(",")),
            ("rules_version", self.rules_version.to_string()),
        ]);
        if let Some(parent) = &self.lineage.parent {
            map.insert("parent_sha256", parent.clone());
        }
        if let Some(job) = &self.lineage.job_id {
            map.insert("job_id", job.clone());
        }
        map
    }

    /// Writes the file (temp, fsync, rename).
    pub fn save(&self, path: &Path) -> Result<(), Failure> {
        write_atomically(path, &self.to_bytes()?)
    }

    /// Reads a model from a file, checking everything in it.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let bytes = std::fs::read(path)
            .map_err(|e| Failure::bad(format!("reading model {}: {e}; check the path", path.display())))?;
        Self::from_bytes(&bytes, path)
    }

    /// Reads a model and refuses one of another configuration or of other rules.
    pub fn load_for(path: &Path, config: GameConfig) -> Result<Self, Failure> {
        let model = Self::load(path)?;
        if model.config != config {
            return Err(Failure::bad(format!(
                "model {}: field config_key: the model plays {}, the job asks for {config}; give a model of {config}",
                path.display(),
                model.config
            )));
        }
        if model.rules_version != RULES_VERSION {
            return Err(Failure::bad(format!(
                "model {}: field rules_version: it learned from games of rules version {}, this program plays version \
                    {RULES_VERSION}; train anew",
                path.display(),
                model.rules_version
            )));
        }
        Ok(model)
    }

    fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, Failure> {
        let bad = |what: String| Failure::bad(format!("model {}: {what}", path.display()));
        let hint = "the file is no whole safetensors model; copy it again";
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| bad(format!("{e}; {hint}")))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| bad(format!("{e}; {hint}")))?;
        let empty = HashMap::new();
        let meta = header.metadata().as_ref().unwrap_or(&empty);
        let field = |name: &str| {
            meta.get(name).ok_or_else(|| {
                bad(format!("field {name} is missing from the header; it was not written by this program"))
            })
        };
        if field("format")? != "ringrift-model-1" {
            return Err(bad(format!("field format: expected ringrift-model-1, got {}", field("format")?)));
        }
        if field("encoder_version")? != &ENCODER_VERSION.to_string() {
            return Err(bad(format!(
                "field encoder_version: expected {ENCODER_VERSION}, got {}; train anew",
                field("encoder_version")?
            )));
        }
        let config: GameConfig = field("config_key")?.parse().map_err(|e| bad(format!("field config_key: {e}")))?;
        let widths =
            tensors.tensor("second.weight").map_err(|e| bad(format!("tensor second.weight: {e}")))?.shape().to_vec();
        let [first, second] = widths[..] else {
            return Err(bad(format!("tensor second.weight: shape {widths:?}, expected two dimensions")));
        };
        if first % 8 + second % 8 > 0 || first == 0 || second == 0 || first.max(second) > 4096 {
            return Err(bad(format!("tensor second.weight: shape {widths:?}, expected multiples of 8 up to 4096")));
        }
        let layout = Layout::new(Shape::new(config, first, second));
        let mut params = vec![0.0; layout.len()];
        for (name, range, shape) in layout.tensors() {
            let view = tensors.tensor(name).map_err(|e| bad(format!("tensor {name}: {e}")))?;
            if view.shape() != shape || view.dtype() != Dtype::F32 {
                return Err(bad(format!(
                    "tensor {name}: {:?} {:?}, expected F32 {shape:?}",
                    view.dtype(),
                    view.shape()
                )));
            }
            for (p, raw) in params[range].iter_mut().zip(view.data().chunks_exact(4)) {
                *p = f32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]);
                if !p.is_finite() {
                    return Err(bad(format!("tensor {name} holds a number that is not finite")));
                }
            }
        }
        let list = meta.get("samples").map(|s| s.split(',').filter(|s| !s.is_empty()).map(str::to_owned).collect());
        let lineage = Lineage {
            parent: meta.get("parent_sha256").cloned(),
            samples: list.unwrap_or_default(),
            job_id: meta.get("job_id").cloned(),
            generation: meta.get("generation").and_then(|g| g.parse().ok()).unwrap_or(0),
        };
        let rules = meta.get("rules_version").map_or("1", String::as_str);
        let rules_version =
            rules.parse().map_err(|_| bad(format!("field rules_version: expected an integer, got {rules:?}")))?;
        Ok(Self { config, layout, params: Arc::new(params), lineage, rules_version, sha256: sha256_hex(bytes) })
    }
}
