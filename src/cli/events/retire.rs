//! `ringrift events retire`.
use crate::cli::out::Out;
use crate::cli::world::World;
use crate::cli::{Done, hub};
use crate::contract::ids::SubscriberName;
use crate::contract::registry::Hub;
use clap::Args;
use serde_json::{Map, Value, json};

/// Delete subscriptions that will not come back, so that no events are kept for them. One that does come back receives
/// only new events.
#[derive(Debug, Args)]
pub struct Retire {
    /// Names as in `ringrift events subscribers`
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
        out.either("retired", &self.names, || self.names.iter().map(|name| format!("{name} deleted\n")).collect())
    }
}
