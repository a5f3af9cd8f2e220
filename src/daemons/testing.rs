//! What the daemons' tests share. A test builds a daemon, feeds inputs and asserts outputs, without runtime, socket or
//! sleep; the ports are the daemon's own `Fakes`, one a port that its declaration names.
use crate::contract::catalog::Champion;
use crate::contract::config::Config;
use crate::contract::daemon::Daemon;
pub use crate::contract::ports::fakes::{digest, job, key, node_id as node};

pub fn metrics(value: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    value.as_object().cloned().expect("an object")
}

pub fn champion(model: char, generation: u32) -> Champion {
    Champion {
        config_key: key(),
        generation,
        model_id: digest(model),
        model_path: format!("/store/model/{model}.safetensors"),
        match_id: digest('f'),
        elo: 100.0,
        promoted_us: 1,
    }
}

/// A daemon with the default configuration.
pub fn build<D: Daemon>() -> D {
    D::new(&Config::default())
}
