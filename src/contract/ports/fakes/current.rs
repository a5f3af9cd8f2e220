//! The model that self-play uses, to look at and to switch.
use super::{Fake, Held};
use crate::contract::ids::{ConfigKey, Digest};
use crate::contract::ports::{Current, Models, Port};

/// The model, to look at.
#[derive(Debug, Default)]
pub struct Playing {
    pub model: Option<Digest>,
}

/// The model, and why it cannot be switched if it cannot.
#[derive(Debug, Default)]
pub struct Switch {
    pub model: Option<Digest>,
    pub error: Option<String>,
}

impl Held for Playing {
    const PORT: Port = Port::Current;
}

impl Held for Switch {
    const PORT: Port = Port::Models;
}

impl Current for Fake<Playing> {
    fn current(&self, _: &ConfigKey) -> Result<Option<Digest>, String> {
        Ok(self.asked().model.clone())
    }
}

impl Current for Fake<Switch> {
    fn current(&self, _: &ConfigKey) -> Result<Option<Digest>, String> {
        Ok(self.asked().model.clone())
    }
}

impl Models for Fake<Switch> {
    fn switch(&self, _: &ConfigKey, model: &Digest, _: &str) -> Result<bool, String> {
        let mut switch = self.asked();
        match switch.error.clone() {
            Some(error) => Err(error),
            None => Ok(switch.model.replace(model.clone()).as_ref() != Some(model)),
        }
    }
    fn clear(&self, _: &ConfigKey) -> Result<bool, String> {
        Ok(self.asked().model.take().is_some())
    }
}
