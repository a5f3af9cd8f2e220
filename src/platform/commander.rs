//! Blocking control for the command line: `org.ringrift.Master1` on the bus, or systemd itself where there is no
//! master.
use super::systemd::{ServiceError, ServiceManager, Systemd, connect};
use crate::contract::master::{BUS_NAME, INTERFACE, MasterHealth, OBJECT_PATH, Plan};
use crate::contract::text::Block;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use zbus::proxy::MethodFlags;
use zbus::{DynamicType, OwnedVariant, Variant};

/// Longest wait for an answer that needs no work.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for a change: every daemon's stop may take 30 s and more, and somebody may have to type a password.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(300);

/// What became of one daemon: its name, systemd's word (done, failed, timeout, dependency …), a text for people.
pub type Outcome = (String, String, String);

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Nobody owns the master's name on the bus.
    #[error("no master is on the bus")]
    NoMaster,
    /// polkit, or the bus's policy, refused.
    #[error("not permitted: {0}")]
    NotPermitted(String),
    /// The master answered with an error: its short name (UnknownDaemon, InvalidConfig, …) and its text.
    #[error("{text}")]
    Refused {
        /// UnknownDaemon, UnknownProfile, Planned, InvalidArgument, InvalidConfig, Unavailable.
        name: String,
        /// For people.
        text: String,
    },
    /// The bus, the master or systemd does not answer.
    #[error("{0}")]
    Unreachable(String),
}

/// Connections to the bus for one command.
pub struct Commander {
    runtime: Runtime,
    connection: zbus::Connection,
}

fn unreachable(what: &str, why: impl std::fmt::Display) -> CommandError {
    CommandError::Unreachable(format!("{what}: {why}"))
}

impl Commander {
    /// On the system bus.
    pub fn connect() -> Result<Commander, CommandError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| unreachable("starting the bus client", e))?;
        let connection = runtime.block_on(connect(None)).map_err(from_service)?;
        Ok(Commander { runtime, connection })
    }

    fn within<T>(&self, limit: Duration, call: impl Future<Output = zbus::Result<T>>) -> Result<T, CommandError> {
        self.runtime.block_on(async {
            match tokio::time::timeout(limit, call).await {
                Ok(answer) => answer.map_err(from_bus),
                Err(_) => {
                    Err(CommandError::Unreachable(format!("the master did not answer within {} s", limit.as_secs())))
                }
            }
        })
    }

    fn call<B, R>(&self, limit: Duration, method: &'static str, body: &B) -> Result<R, CommandError>
    where
        B: serde::Serialize + DynamicType,
        R: for<'d> zbus::wire::DynamicDeserialize<'d>,
    {
        let flags = MethodFlags::NO_AUTO_START | MethodFlags::ALLOW_INTERACTIVE_AUTH;
        let answer = self.within(limit, async {
            let proxy = zbus::Proxy::new(&self.connection, BUS_NAME, OBJECT_PATH, INTERFACE).await?;
            proxy.call_with_flags::<_, _, R>(method, flags, body).await
        })?;
        answer.ok_or_else(|| unreachable(method, "an empty answer"))
    }

    fn look<R: DeserializeOwned>(&self, method: &'static str) -> Result<R, CommandError> {
        let dict: HashMap<String, OwnedVariant> = self.call(READ_TIMEOUT, method, &())?;
        typed(method, dict)
    }

    /// The loop's health.
    pub fn health(&self) -> Result<MasterHealth, CommandError> {
        self.look("Health")
    }

    /// How what runs differs from the profile: profile, clean, missing, extra, failed, details.
    pub fn drift(&self) -> Result<Map<String, Value>, CommandError> {
        self.look("Drift")
    }

    /// Every daemon as the master sees it.
    pub fn daemons(&self) -> Result<Vec<Map<String, Value>>, CommandError> {
        let list: Vec<HashMap<String, OwnedVariant>> = self.call(READ_TIMEOUT, "ListDaemons", &())?;
        Ok(list.into_iter().map(map).collect())
    }

    /// Applies a profile; answers before all has started.
    pub fn apply(&self, profile: &str) -> Result<Plan, CommandError> {
        let dict: HashMap<String, OwnedVariant> = self.call(CHANGE_TIMEOUT, "ApplyProfile", &(profile, false))?;
        typed("ApplyProfile", dict)
    }

    /// What applying a profile would change.
    pub fn plan(&self, profile: &str) -> Result<Plan, CommandError> {
        let dict: HashMap<String, OwnedVariant> = self.call(READ_TIMEOUT, "PlanProfile", &(profile,))?;
        typed("PlanProfile", dict)
    }

    /// Comes back to what was wanted before the last profile was applied; answers before all has started.
    pub fn undo(&self, dry_run: bool) -> Result<Plan, CommandError> {
        let dict: HashMap<String, OwnedVariant> = self.call(CHANGE_TIMEOUT, "UndoProfile", &(dry_run,))?;
        typed("UndoProfile", dict)
    }

    /// Starts, stops or restarts daemons; answers when systemd is through with all. `verb`: StartDaemon, StopDaemon,
    /// RestartDaemon.
    pub fn change(&self, verb: &'static str, daemons: &[String]) -> Result<Vec<Outcome>, CommandError> {
        self.call(CHANGE_TIMEOUT, verb, &(daemons.to_vec(),))
    }

    /// Pauses a daemon.
    pub fn pause(&self, daemon: &str, reason: &str) -> Result<(), CommandError> {
        self.call(CHANGE_TIMEOUT, "PauseDaemon", &(daemon, reason))
    }

    /// Lets a daemon continue.
    pub fn resume(&self, daemon: &str) -> Result<(), CommandError> {
        self.call(CHANGE_TIMEOUT, "ResumeDaemon", &(daemon,))
    }

    /// Removes a notice.
    pub fn confirm(&self, notice: &str) -> Result<(), CommandError> {
        self.call(CHANGE_TIMEOUT, "Confirm", &(notice,))
    }

    /// Has everything take over the configuration.
    pub fn reload(&self) -> Result<(), CommandError> {
        self.call(CHANGE_TIMEOUT, "Reload", &())
    }

    /// Starts, stops or restarts units through systemd itself, and waits for each.
    pub fn units(&self, verb: &'static str, units: &[String]) -> Result<Vec<Outcome>, CommandError> {
        let work = async {
            let (systemd, _changes) = Systemd::subscribed(self.connection.clone()).await?;
            let mut queued = Vec::new();
            for unit in units {
                if verb != "StopDaemon" {
                    // Refused for a unit that did not fail, which is as good.
                    drop(systemd.reset_failed(unit).await);
                }
                let job = match verb {
                    "StopDaemon" => systemd.stop(unit).await,
                    "RestartDaemon" => systemd.restart(unit).await,
                    _ => systemd.start(unit).await,
                };
                queued.push((unit.clone(), job));
            }
            let mut outcomes = Vec::new();
            for (unit, job) in queued {
                outcomes.push(match job {
                    Ok(job) => (unit, job.result().await, String::new()),
                    Err(error @ ServiceError::Denied { .. }) => return Err(error),
                    Err(error) => (unit, "refused".into(), error.to_string()),
                });
            }
            Ok(outcomes)
        };
        // The task that follows systemd's signals needs the same runtime.
        self.runtime.block_on(work).map_err(from_service)
    }
}

fn from_service(error: ServiceError) -> CommandError {
    match error {
        ServiceError::Denied { why, unit, .. } => CommandError::NotPermitted(format!("{unit}: {why}")),
        other => CommandError::Unreachable(other.to_string()),
    }
}

fn from_bus(error: zbus::Error) -> CommandError {
    use zbus::fdo::Error::{NameHasNoOwner, ServiceUnknown};
    // Making the proxy already asks the bus for the name's owner; that error comes in another wrapping.
    if matches!(&error, zbus::Error::FDO(fdo) if matches!(**fdo, NameHasNoOwner(_) | ServiceUnknown(_))) {
        return CommandError::NoMaster;
    }
    let zbus::Error::MethodError(name, text, _) = &error else { return unreachable("asking the master", error) };
    let text = text.clone().unwrap_or_else(|| name.to_string());
    match name.as_str() {
        "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner" => {
            CommandError::NoMaster
        }
        "org.freedesktop.DBus.Error.AccessDenied" | "org.ringrift.Master1.Error.NotPermitted" => {
            CommandError::NotPermitted(text)
        }
        other => match other.strip_prefix("org.ringrift.Master1.Error.") {
            Some(short) => CommandError::Refused { name: short.into(), text },
            None => unreachable("asking the master", format!("{other}: {text}")),
        },
    }
}

fn typed<T: DeserializeOwned>(method: &str, dict: HashMap<String, OwnedVariant>) -> Result<T, CommandError> {
    serde_json::from_value(Value::Object(map(dict))).map_err(|e| unreachable(method, format!("unexpected answer: {e}")))
}

fn map(dict: HashMap<String, OwnedVariant>) -> Map<String, Value> {
    dict.into_iter().map(|(key, value)| (key, json(&value))).collect()
}

/// The values that the master's dictionaries hold; of other kinds their text.
fn json(value: &Variant<'_>) -> Value {
    match value {
        Variant::Bool(b) => (*b).into(),
        Variant::I32(n) => (*n).into(),
        Variant::U32(n) => (*n).into(),
        Variant::I64(n) => (*n).into(),
        Variant::U64(n) => (*n).into(),
        Variant::F64(n) => (*n).into(),
        Variant::Str(s) => String::from(Block::new(s.as_str())).into(),
        Variant::Array(list) => list.inner().iter().map(json).collect(),
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_becomes_the_type() {
        let put = |v: Variant<'static>| OwnedVariant::try_from(v).expect("a value");
        let dict = HashMap::from([
            ("healthy".to_owned(), put(true.into())),
            ("loop_iteration".to_owned(), put(7u64.into())),
            ("age_seconds".to_owned(), put(0.5f64.into())),
            ("profile".to_owned(), put("minimal".into())),
            ("problems".to_owned(), put(vec!["one".to_owned()].into())),
        ]);
        let health: MasterHealth = typed("Health", dict).expect("a health");
        assert_eq!((health.loop_iteration, health.problems), (7, vec!["one".to_owned()]));
    }
}
