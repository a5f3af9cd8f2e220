//! Asking polkit whether a caller on the bus may do something. No answer is "no".
use std::collections::HashMap;
use std::time::Duration;
use zbus::{Connection, Variant};

/// Longest wait for polkit; with a person typing a password it takes a while.
const INTERACTIVE_TIMEOUT: Duration = Duration::from_secs(120);
const TIMEOUT: Duration = Duration::from_secs(10);
/// CheckAuthorization's flag AllowUserInteraction.
const ALLOW_INTERACTION: u32 = 1;

/// What polkit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    /// Allowed.
    Granted,
    /// Not allowed, with the reason for people.
    Refused(String),
}

/// Whether the connection `caller` (a unique bus name) may do `action`. Root always may, even without polkit.
pub async fn check(connection: &Connection, caller: &str, action: &str, interactive: bool) -> Authorization {
    match caller_uid(connection, caller).await {
        Some(0) => return Authorization::Granted,
        Some(_) => {}
        None => return Authorization::Refused("the caller has left the bus".into()),
    }
    let limit = if interactive { INTERACTIVE_TIMEOUT } else { TIMEOUT };
    match tokio::time::timeout(limit, ask(connection, caller, action, interactive)).await {
        Ok(Ok((true, _, _))) => Authorization::Granted,
        Ok(Ok((false, true, _))) => {
            Authorization::Refused(format!("{action} needs authentication, except for members of group ringrift-admin"))
        }
        Ok(Ok((false, false, _))) => {
            Authorization::Refused(format!("polkit denies {action}; members of group ringrift-admin may do it"))
        }
        Ok(Err(error)) => {
            Authorization::Refused(format!("polkit is not available ({error}), so only root may do this"))
        }
        Err(_) => Authorization::Refused(format!(
            "polkit did not answer within {} s, so only root may do this",
            limit.as_secs()
        )),
    }
}

async fn caller_uid(connection: &Connection, caller: &str) -> Option<u32> {
    let bus = zbus::fdo::DBusProxy::new(connection).await.ok()?;
    let name = zbus::names::BusName::try_from(caller).ok()?;
    bus.get_connection_unix_user(name).await.ok()
}

type Answer = (bool, bool, HashMap<String, String>);

async fn ask(connection: &Connection, caller: &str, action: &str, interactive: bool) -> zbus::Result<Answer> {
    // By bus name, never by pid: a pid may be another process by the time polkit looks.
    let subject = ("system-bus-name", HashMap::from([("name", Variant::from(caller))]));
    let details: HashMap<&str, &str> = HashMap::new();
    let flags = if interactive { ALLOW_INTERACTION } else { 0 };
    let arguments = (subject, action, details, flags, "");
    let path = "/org/freedesktop/PolicyKit1/Authority";
    let interface = Some("org.freedesktop.PolicyKit1.Authority");
    let reply = connection
        .call_method(Some("org.freedesktop.PolicyKit1"), path, interface, "CheckAuthorization", &arguments)
        .await?;
    reply.body().deserialize::<Answer>()
}
