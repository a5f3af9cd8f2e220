//! `ringrift events retire`.
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::cli::{Done, hub};
use crate::contract::ids::SubscriberName;
use crate::contract::registry::Hub;
use clap::Args;
use serde_json::{Map, Value, json};

/// Forget subscriptions that will not return, so that no events are kept for them. One that does return begins with what is new.
#[derive(Debug, Args)]
pub struct Retire {
    /// Their names, as `ringrift events subscribers` shows them
    #[arg(required = true, value_name = "NAME")]
    names: Vec<SubscriberName>,
}

impl Retire {
    /// Retires them.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let mut router = hub::ask(world, Hub::Router)?;
        for name in &self.names {
            let _: Map<String, Value> = router.call("Retire", &json!({ "name": name }))?;
        }
        out.either("retired", &self.names, || self.names.iter().map(|name| format!("{name} is forgotten\n")).collect())
    }
}
