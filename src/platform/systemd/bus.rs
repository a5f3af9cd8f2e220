//! The real service manager: systemd on the system bus, asynchronous.
use super::call::{DESTINATION, properties, within};
use super::jobs::JobTable;
use super::limits::{self, At, Known};
use super::view::{self, Properties};
use super::{Queued, ServiceError, ServiceManager, UnitLimits};
use crate::contract::host::UnitView;
use futures_util::StreamExt;
use futures_util::future::join_all;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::num::NonZeroUsize;
use tokio::sync::mpsc;
use zbus::message::Type;
use zbus::{Connection, MatchRule, MessageStream, OwnedObjectPath, Variant};
use zbus_systemd::systemd1::ManagerProxy;

/// Signals that may queue up while we are busy; a boot brings a few thousand.
const MAX_QUEUED_SIGNALS: usize = 8192;
/// The signal's number, the same on every Linux.
const SIGKILL: i32 = 9;

/// Something changed; a hint to look again, the list is the truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A unit of the suite changed, appeared or went. Of an instance, a job that is, only its end is reported: how its
    /// start went tells the start's result, and each look in between would take systemd's time from the next start.
    Unit(String),
    /// systemd reloaded its units: everything may have changed.
    Reloaded,
}

/// A connection to systemd. Clones share it.
#[derive(Debug, Clone)]
pub struct Systemd {
    connection: Connection,
    manager: ManagerProxy<'static>,
    jobs: JobTable,
    known: Known,
}

/// Connects to the system bus, or to the bus at `address`.
pub async fn connect(address: Option<&str>) -> Result<Connection, ServiceError> {
    let builder = match address {
        Some(address) => zbus::connection::Builder::address(address),
        None => zbus::connection::Builder::system(),
    };
    within("connecting to", "the system bus", builder.build()).await
}

/// The unit that an object path of systemd's stands for.
fn unit_of_path(path: &str) -> Option<String> {
    let label = path.strip_prefix("/org/freedesktop/systemd1/unit/")?;
    Some(zbus_systemd::bus_label_unescape(label).into_owned())
}

fn is_ours(unit: &str) -> bool {
    unit.starts_with("ringrift")
}

fn is_instance(unit: &str) -> bool {
    unit.contains('@')
}

impl Systemd {
    /// Looks only: no signals, no results of jobs.
    pub async fn looking(connection: Connection) -> Result<Systemd, ServiceError> {
        let builder = ManagerProxy::builder(&connection).cache_properties(zbus::proxy::CacheProperties::No);
        let manager = within("asking", "systemd", builder.build()).await?;
        Ok(Systemd { connection, manager, jobs: JobTable::default(), known: Known::default() })
    }

    /// Subscribes to systemd's signals before anything is asked of it. The channel ends when the bus is gone.
    pub async fn subscribed(
        connection: Connection,
    ) -> Result<(Systemd, mpsc::UnboundedReceiver<Change>), ServiceError> {
        let systemd = Systemd::looking(connection).await?;
        let queue = NonZeroUsize::new(MAX_QUEUED_SIGNALS);
        let signals = |interface: &'static str| {
            MatchRule::builder().msg_type(Type::Signal).sender(DESTINATION).interface(interface)
        };
        let manager_rule = signals("org.freedesktop.systemd1.Manager").path("/org/freedesktop/systemd1").build();
        let unit_rule = signals("org.freedesktop.DBus.Properties")
            .member("PropertiesChanged")
            .path_namespace("/org/freedesktop/systemd1/unit")
            .build();
        let subscribing = |rule: zbus::Result<MatchRule<'static>>| {
            let connection = systemd.connection.clone();
            async move { MessageStream::for_match_rule(rule?, &connection, queue).await }
        };
        let manager_signals = within("subscribing to", "systemd's signals", subscribing(manager_rule)).await?;
        let unit_signals = within("subscribing to", "systemd's signals", subscribing(unit_rule)).await?;
        within("subscribing to", "systemd's signals", systemd.manager.subscribe()).await?;
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(follow_manager(manager_signals, systemd.clone(), sender.clone()));
        tokio::spawn(follow_units(unit_signals, sender));
        Ok((systemd, receiver))
    }

    /// The connection, to offer or ask more on it.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Names of the units that run or start, by a shell glob.
    pub async fn running(&self, pattern: &str) -> Result<Vec<String>, ServiceError> {
        self.in_states(&["active", "activating", "reloading", "refreshing"], pattern).await
    }

    /// Names of the units that have failed, by a shell glob.
    pub async fn failed(&self, pattern: &str) -> Result<Vec<String>, ServiceError> {
        self.in_states(&["failed"], pattern).await
    }

    async fn in_states(&self, states: &[&str], pattern: &str) -> Result<Vec<String>, ServiceError> {
        let states = states.iter().map(|s| (*s).to_owned()).collect();
        let rows =
            within("listing", pattern, self.manager.list_units_by_patterns(states, vec![pattern.to_owned()])).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// Everything about one unit. A unit that vanishes meanwhile is nothing.
    async fn unit(
        &self,
        name: &str,
        path: &OwnedObjectPath,
        jobs: &[QueuedJob],
    ) -> Result<Option<UnitView>, ServiceError> {
        let kind = match name.rsplit_once('.').map(|(_, suffix)| suffix) {
            Some("service") => Some("org.freedesktop.systemd1.Service"),
            Some("socket") => Some("org.freedesktop.systemd1.Socket"),
            Some("slice") => Some("org.freedesktop.systemd1.Slice"),
            _ => None,
        };
        let unit = match within("inspecting", name, properties(&self.connection, path, "org.freedesktop.systemd1.Unit"))
            .await
        {
            Ok(unit) => unit,
            Err(ServiceError::Other { .. } | ServiceError::NoSuchUnit { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let kind = match kind {
            // A unit without a file has no properties of its kind.
            Some(kind) => {
                within("inspecting", name, properties(&self.connection, path, kind)).await.unwrap_or_default()
            }
            None => Properties::new(),
        };
        let mut seen = view::view(name, &unit, &kind);
        seen.start_queued = jobs.iter().any(|j| j.unit == seen.name && j.starts && j.waiting);
        if seen.start_queued {
            let after: HashSet<String> = view::texts(&unit, "After").into_iter().collect();
            seen.waiting_for = jobs.iter().filter(|j| after.contains(&j.unit)).map(|j| j.unit.clone()).collect();
            seen.waiting_for.sort();
        }
        Ok(Some(seen))
    }

    async fn queue(&self) -> Result<Vec<QueuedJob>, ServiceError> {
        let jobs = within("listing", "jobs", self.manager.list_jobs()).await?;
        Ok(jobs
            .into_iter()
            .map(|(_, unit, kind, state, _, _)| QueuedJob {
                unit,
                stops: matches!(kind.as_str(), "stop" | "restart"),
                starts: matches!(kind.as_str(), "start" | "restart" | "try-restart" | "verify-active"),
                waiting: state == "waiting",
            })
            .collect())
    }

    async fn queued(
        &self,
        operation: &'static str,
        unit: &str,
        call: impl Future<Output = zbus::Result<OwnedObjectPath>>,
    ) -> Result<Queued, ServiceError> {
        let path = within(operation, unit, call).await?;
        Ok(Queued::new(self.jobs.wait(path.as_str())))
    }
}

/// A job in systemd's queue.
struct QueuedJob {
    unit: String,
    starts: bool,
    stops: bool,
    waiting: bool,
}

impl ServiceManager for Systemd {
    async fn list(&self, patterns: &[&str]) -> Result<Vec<UnitView>, ServiceError> {
        let (globs, names): (Vec<&str>, Vec<&str>) = patterns.iter().partition(|p| p.contains(['*', '?', '[', '@']));
        let owned = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let mut rows = Vec::new();
        if !names.is_empty() {
            rows.extend(within("listing", "units", self.manager.list_units_by_names(owned(names))).await?);
        }
        if !globs.is_empty() {
            rows.extend(
                within("listing", "units", self.manager.list_units_by_patterns(Vec::new(), owned(globs))).await?,
            );
        }
        let jobs = if rows.iter().any(|row| row.7 != 0) { self.queue().await? } else { Vec::new() };
        let mut seen = HashSet::new();
        rows.retain(|row| seen.insert(row.0.clone()));
        let views = join_all(rows.iter().map(|row| self.unit(&row.0, &row.6, &jobs))).await;
        let mut units = Vec::with_capacity(rows.len());
        for view in views {
            units.extend(view?);
        }
        units.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(units)
    }

    async fn start(&self, unit: &str) -> Result<Queued, ServiceError> {
        self.queued("starting", unit, self.manager.start_unit(unit.into(), "replace".into())).await
    }

    async fn start_if_free(&self, unit: &str) -> Result<Queued, ServiceError> {
        self.queued("starting", unit, self.manager.start_unit(unit.into(), "fail".into())).await
    }

    async fn stop(&self, unit: &str) -> Result<Queued, ServiceError> {
        self.queued("stopping", unit, self.manager.stop_unit(unit.into(), "replace".into())).await
    }

    async fn restart(&self, unit: &str) -> Result<Queued, ServiceError> {
        self.queued("restarting", unit, self.manager.restart_unit(unit.into(), "replace".into())).await
    }

    async fn reload(&self, unit: &str) -> Result<Queued, ServiceError> {
        self.queued("reloading", unit, self.manager.reload_unit(unit.into(), "replace".into())).await
    }

    async fn kill(&self, unit: &str) -> Result<(), ServiceError> {
        within("killing", unit, self.manager.kill_unit(unit.into(), "all".into(), SIGKILL)).await
    }

    async fn reset_failed(&self, unit: &str) -> Result<(), ServiceError> {
        within("resetting the failure of", unit, self.manager.reset_failed_unit(unit.into())).await
    }

    async fn set_limits(&self, unit: &str, limits: &UnitLimits) -> Result<(), ServiceError> {
        limits::set(&At { connection: &self.connection, manager: &self.manager, known: &self.known }, unit, limits)
            .await
    }

    async fn is_stopping(&self, unit: &str) -> Result<bool, ServiceError> {
        Ok(self.queue().await?.iter().any(|job| job.unit == unit && job.stops))
    }

    async fn version(&self) -> Result<u32, ServiceError> {
        let text = within("asking", "systemd", self.manager.version()).await?;
        let digits: String =
            text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        let why = format!("unexpected version {text:?}");
        digits.parse().map_err(|_| ServiceError::Other { operation: "asking", unit: "systemd".into(), why })
    }
}

async fn follow_manager(mut signals: MessageStream, systemd: Systemd, changes: mpsc::UnboundedSender<Change>) {
    while let Some(Ok(message)) = signals.next().await {
        let header = message.header();
        let body = message.body();
        let change = match header.member().map(|m| m.as_str()) {
            Some("JobRemoved") => match body.deserialize::<(u32, OwnedObjectPath, String, String)>() {
                Ok((_, path, unit, result)) => {
                    systemd.jobs.removed(path.as_str(), &result);
                    Some(unit).filter(|unit| !is_instance(unit)).map(Change::Unit)
                }
                Err(_) => None,
            },
            Some("JobNew") => body
                .deserialize::<(u32, OwnedObjectPath, String)>()
                .ok()
                .filter(|(_, _, unit)| !is_instance(unit))
                .map(|(_, _, unit)| Change::Unit(unit)),
            Some("UnitRemoved") => body
                .deserialize::<(String, OwnedObjectPath)>()
                .ok()
                // Looking at a unit by name loads and unloads it; only for instances, which are not looked up so, it is
                // news.
                .filter(|(unit, _)| is_instance(unit))
                .map(|(unit, _)| Change::Unit(unit)),
            Some("Reloading") => {
                systemd.known.forget();
                body.deserialize::<bool>().ok().filter(|active| !active).map(|_| Change::Reloaded)
            }
            _ => None,
        };
        let wanted = change.filter(|c| !matches!(c, Change::Unit(unit) if !is_ours(unit)));
        if wanted.is_some_and(|change| changes.send(change).is_err()) {
            break;
        }
    }
    systemd.jobs.close();
}

/// Tells of each unit whose state changed. systemd signals more: every STATUS= of every daemon and job is a change of
/// properties.
async fn follow_units(mut signals: MessageStream, changes: mpsc::UnboundedSender<Change>) {
    let mut states: HashMap<String, String> = HashMap::new();
    while let Some(Ok(message)) = signals.next().await {
        let header = message.header();
        let unit = header.path().and_then(|path| unit_of_path(path.as_str()));
        let Some(unit) = unit.filter(|unit| is_ours(unit)) else { continue };
        let Some(state) = state_of(&message) else { continue };
        if states.get(&unit) == Some(&state) {
            continue;
        }
        let ended = state.starts_with("inactive") || state.starts_with("failed");
        if ended {
            // Instances go and do not come back.
            states.remove(&unit);
        } else {
            states.insert(unit.clone(), state);
            if is_instance(&unit) {
                continue;
            }
        }
        if changes.send(Change::Unit(unit)).is_err() {
            return;
        }
    }
}

/// What a signal of changed properties says of a unit's state; nothing when it is about others of its properties.
fn state_of(message: &zbus::Message) -> Option<String> {
    let body = message.body();
    let (interface, changed, _): (&str, HashMap<&str, Variant<'_>>, Vec<&str>) = body.deserialize().ok()?;
    if interface != "org.freedesktop.systemd1.Unit" {
        return None;
    }
    let text = |name: &str| match changed.get(name) {
        Some(Variant::Str(text)) => text.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    };
    Some([text("ActiveState"), text("SubState"), text("InvocationID"), text("LoadState")].join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_units_path_gives_its_name() {
        let path = "/org/freedesktop/systemd1/unit/ringrift_2djob_2dselfplay_407_2eservice";
        assert_eq!(unit_of_path(path).as_deref(), Some("ringrift-job-selfplay@7.service"));
        assert_eq!(unit_of_path("/org/freedesktop/systemd1"), None);
    }
}
