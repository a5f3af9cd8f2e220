//! Calls to a hub, made only if its service runs: read-only commands never start a unit.
use super::world::World;
use crate::contract::error::{Exit, Failure};
use crate::contract::host::is_active;
use crate::contract::method::Method;
use crate::contract::registry::{DaemonType, Hub};
use crate::contract::rights::{self, Need};
use crate::contract::text::clean_json;
use crate::contract::wire::{CallError, errors};
use crate::platform::varlink::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::ErrorKind;
use std::time::Duration;

/// Longest wait for one answer.
const RPC_TIMEOUT: Duration = Duration::from_secs(10);

struct Place {
    what: &'static str,
    service: String,
    socket: &'static str,
    interface: &'static str,
}

fn place(hub: Hub) -> Place {
    match hub {
        Hub::Router => Place {
            what: "event router",
            service: DaemonType::EventRouter.unit(),
            socket: "router.sock",
            interface: crate::contract::router::INTERFACE,
        },
        Hub::Coordinator => Place {
            what: "coordinator",
            service: "ringrift-coordinator.service".into(),
            socket: "coordinator.sock",
            interface: crate::contract::coordinator::INTERFACE,
        },
        Hub::Catalog => Place {
            what: "catalog",
            service: DaemonType::DataPipeline.unit(),
            socket: "catalog.sock",
            interface: crate::contract::catalog::INTERFACE,
        },
    }
}

/// A connection to a hub that runs.
pub struct Asked {
    client: Client,
    place: Place,
}

/// Connects, if the hub's service is active.
pub fn ask(world: &World, hub: Hub) -> Result<Asked, Failure> {
    ask_within(world, hub, RPC_TIMEOUT)
}

/// The same with an own longest wait for one answer.
pub fn ask_within(world: &World, hub: Hub, patience: Duration) -> Result<Asked, Failure> {
    let place = place(hub);
    let unit = world.unit(&place.service)?;
    let state = unit.map_or_else(|| "not installed".to_owned(), |u| u.active_state);
    if !is_active(&state) {
        return Err(Failure::new(
            Exit::Unavailable,
            format!("the {} is not running: {} is {state}", place.what, place.service),
        )
        .hint("`ringrift status` shows why; `systemctl start ringrift-master.target` starts the suite"));
    }
    let client = Client::connect(world.run.join(place.socket), Some(patience)).map_err(|e| explain(&place, e))?;
    Ok(Asked { client, place })
}

/// Connects whether the hub runs or not: its socket starts it. For what must be done, not for looking.
pub fn reach(world: &World, hub: Hub) -> Result<Asked, Failure> {
    let place = place(hub);
    let client = Client::connect(world.run.join(place.socket), Some(RPC_TIMEOUT)).map_err(|e| explain(&place, e))?;
    Ok(Asked { client, place })
}

impl Asked {
    /// Calls a method of the hub's interface.
    pub fn call<R: DeserializeOwned>(&mut self, method: &str, parameters: &impl Serialize) -> Result<R, Failure> {
        let method = format!("{}.{method}", self.place.interface);
        let reply: Value = self.client.call(&method, parameters).map_err(|e| explain(&self.place, e))?;
        clean(&method, reply).map_err(|e| explain(&self.place, e))
    }

    /// Calls a method of an interface that has a table of them, and knows the answer's type from it.
    pub fn ask<M: Method>(&mut self, _: M, arguments: &impl Serialize) -> Result<M::Answer, Failure> {
        self.call(M::NAME, arguments)
    }

    /// Calls a method that streams and hands each reply to the function until it says stop or the stream ends.
    pub fn stream<R: DeserializeOwned>(
        &mut self,
        method: &str,
        parameters: &impl Serialize,
        forever: bool,
        mut each: impl FnMut(R) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let method = format!("{}.{method}", self.place.interface);
        if forever {
            self.client.set_timeout(None).map_err(|e| explain(&self.place, e))?;
        }
        self.client.start(&method, parameters).map_err(|e| explain(&self.place, e))?;
        loop {
            let (reply, more) = self.client.receive::<Value>(&method).map_err(|e| explain(&self.place, e))?;
            each(clean(&method, reply).map_err(|e| explain(&self.place, e))?)?;
            if !more {
                return Ok(());
            }
        }
    }
}

/// What a hub answers holds texts of jobs and of other programs; from here on it is clean.
fn clean<R: DeserializeOwned>(method: &str, reply: Value) -> Result<R, CallError> {
    serde_json::from_value(clean_json(reply)).map_err(|e| CallError::Transport {
        method: method.into(),
        socket: "its socket".into(),
        kind: ErrorKind::Other,
        why: format!("unexpected reply: {e}"),
    })
}

fn hint(group: &str) -> String {
    format!("use sudo, or have an administrator run `adduser $USER {group}` and log in again; see ringrift-rights(7)")
}

/// An error of a call in words that name the next step.
fn explain(place: &Place, error: CallError) -> Failure {
    if let CallError::Answer { method, name, parameters } = &error
        && name == errors::PERMISSION_DENIED
    {
        let hint = match rights::right(method).map(|row| row.need) {
            // Not the method was refused, but what it was called with.
            _ if parameters.parameter.is_some() => "ringrift-rights(7) says who may do what".to_owned(),
            Some(Need::Reader) => hint("ringrift"),
            _ => hint("ringrift-admin"),
        };
        return Failure::new(Exit::NotPermitted, format!("the {} denied the call", place.what))
            .hint(hint)
            .caused_by(error);
    }
    if error.is_barred() {
        return Failure::new(Exit::NotPermitted, format!("the {} accepts only its group", place.what))
            .hint(hint("ringrift"))
            .caused_by(error);
    }
    let exit = match &error {
        CallError::Transport { .. } => Exit::Unavailable,
        e if e.is(errors::OUT_OF_SPACE) || e.is(errors::TOO_MANY) => Exit::TempFail,
        e if e.is(errors::INVALID_PARAMETER) || e.is(errors::BAD_PAYLOAD) => Exit::BadData,
        _ => Exit::Failure,
    };
    let failure = Failure::new(exit, format!("asking the {}", place.what));
    let failure = match exit {
        Exit::Unavailable => failure.hint(format!("check `systemctl status {}`", place.service)),
        Exit::TempFail => failure.hint("free space on the file system of /var/lib/ringrift and retry"),
        _ => failure,
    };
    failure.caused_by(error)
}
