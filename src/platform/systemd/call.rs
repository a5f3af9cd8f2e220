//! One call of systemd's: how long it may take, and what its errors mean.
use super::ServiceError;
use super::view::Properties;
use std::future::Future;
use std::time::Duration;
use zbus::fdo::PropertiesProxy;
use zbus::{Connection, DBusError as _, OwnedObjectPath};

/// systemd's name on the bus.
pub(super) const DESTINATION: &str = "org.freedesktop.systemd1";

/// Longest wait for an answer of systemd's; it answers in milliseconds unless it is stuck.
const ANSWER: Duration = Duration::from_secs(25);
fn fail(operation: &'static str, unit: &str, error: zbus::Error) -> ServiceError {
    let unit = unit.to_owned();
    let (name, why) = match &error {
        zbus::Error::MethodError(name, text, _) => (name.to_string(), text.clone().unwrap_or_else(|| name.to_string())),
        // Errors of the bus's own names come so.
        zbus::Error::FDO(error) => (error.name().to_string(), error.description().unwrap_or_default().to_owned()),
        other => (String::new(), other.to_string()),
    };
    match name.as_str() {
        "org.freedesktop.systemd1.NoSuchUnit" | "org.freedesktop.systemd1.LoadFailed" => {
            ServiceError::NoSuchUnit { operation, unit, why }
        }
        "org.freedesktop.DBus.Error.AccessDenied" | "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired" => {
            ServiceError::Denied { operation, unit, why }
        }
        "org.freedesktop.systemd1.TransactionIsDestructive" => ServiceError::Conflict { operation, unit, why },
        "" | "org.freedesktop.zbus.Error" => ServiceError::Unreachable { operation, unit, why },
        "org.freedesktop.DBus.Error.ServiceUnknown"
        | "org.freedesktop.DBus.Error.NameHasNoOwner"
        | "org.freedesktop.DBus.Error.NoReply"
        | "org.freedesktop.DBus.Error.Disconnected" => ServiceError::Unreachable { operation, unit, why },
        _ => ServiceError::Other { operation, unit, why },
    }
}

pub(super) async fn within<T>(
    operation: &'static str,
    unit: &str,
    call: impl Future<Output = zbus::Result<T>>,
) -> Result<T, ServiceError> {
    match tokio::time::timeout(ANSWER, call).await {
        Ok(answer) => answer.map_err(|e| fail(operation, unit, e)),
        Err(_) => Err(ServiceError::Unreachable {
            operation,
            unit: unit.into(),
            why: format!("no answer in {} s", ANSWER.as_secs()),
        }),
    }
}

/// All properties of an object that one interface has.
pub(super) async fn properties(
    connection: &Connection,
    path: &OwnedObjectPath,
    interface: &'static str,
) -> zbus::Result<Properties> {
    let proxy = PropertiesProxy::builder(connection).destination(DESTINATION).path(path.clone()).build().await?;
    let interface = zbus::names::InterfaceName::from_static_str(interface)?;
    Ok(proxy.get_all(interface).await?)
}
