//! Names as callers give them: three spellings, other names resolved with a word about it, planned ones refused with
//! reasons.
use super::calls::{Error, Outcome};
use crate::contract::registry::{DaemonType, Profile, Stage};
use zbus::Connection;

/// A profile by name.
pub fn profile(name: &str) -> Result<Profile, Error> {
    Profile::find(name).map_err(|e| Error::UnknownProfile(e.to_string().into()))
}

/// A daemon by name, resolved, with a word if the name is not its own.
pub fn daemon(name: &str) -> Result<(DaemonType, Option<String>), Error> {
    let found = DaemonType::parse(name).map_err(|e| Error::UnknownDaemon(e.to_string().into()))?;
    let Stage::Alias { of, strategy, deprecated } = found.spec().stage else { return Ok((found, None)) };
    let strategy = strategy.map(|s| format!(" (strategy {s})")).unwrap_or_default();
    let word = if deprecated { "is deprecated; use" } else { "is another name of" };
    let text = format!("{} {word} {}{strategy}", found.name(), of.name());
    if deprecated {
        tracing::warn!("{text}");
    }
    Ok((of, Some(text)))
}

/// A daemon that can be started and stopped.
pub fn one(name: &str) -> Result<DaemonType, Error> {
    let (daemon, _) = daemon(name)?;
    match daemon.spec().is_built() {
        true => Ok(daemon),
        false => Err(Error::Planned(
            format!(
                "{} is planned but not built: version {} has no program for it",
                daemon.name(),
                env!("CARGO_PKG_VERSION")
            )
            .into(),
        )),
    }
}

/// Daemons with what is to be said about the names by which they were called.
#[derive(Debug, Default)]
pub struct Named {
    /// The daemons, in the order given, each once.
    pub daemons: Vec<DaemonType>,
    remarks: Vec<(DaemonType, String)>,
}

/// Daemons that can be started and stopped; all or none.
pub fn buildable(names: &[String]) -> Result<Named, Error> {
    let mut named = Named::default();
    if names.is_empty() {
        return Err(Error::InvalidArgument("no daemon given; `ringrift daemon list` lists them".into()));
    }
    for name in names {
        let resolved = one(name)?;
        if let (_, Some(remark)) = daemon(name)? {
            named.remarks.push((resolved, remark));
        }
        if !named.daemons.contains(&resolved) {
            named.daemons.push(resolved);
        }
    }
    Ok(named)
}

impl Named {
    /// Adds the remarks to the daemons' texts.
    pub fn annotate(self, mut outcomes: Vec<Outcome>) -> Vec<Outcome> {
        for (daemon, remark) in self.remarks {
            for outcome in outcomes.iter_mut().filter(|o| o.0 == daemon.name()) {
                let parts = [remark.as_str(), outcome.2.as_str()];
                outcome.2 = parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join("; ").into();
            }
        }
        outcomes
    }
}

/// The caller's user, by name where it has one.
pub async fn who(connection: &Connection, caller: &str) -> String {
    let uid = async {
        let bus = zbus::fdo::DBusProxy::new(connection).await.ok()?;
        bus.get_connection_unix_user(zbus::names::BusName::try_from(caller).ok()?).await.ok()
    };
    match uid.await {
        Some(uid) => match nix::unistd::User::from_uid(uid.into()) {
            Ok(Some(user)) => user.name,
            _ => format!("uid {uid}"),
        },
        None => "a caller that has left the bus".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::text::Line;

    #[test]
    fn three_spellings_are_one_daemon_and_other_names_are_said_so() {
        for name in ["AUTO_EXPORT", "auto_export", "auto-export"] {
            assert_eq!(one(name).expect("built"), DaemonType::AutoExport);
        }
        let named = buildable(&["selfplay-scheduler".into(), "SELFPLAY_COORDINATOR".into()]).expect("resolves");
        assert_eq!(named.daemons, [DaemonType::SelfplayCoordinator]);
        let told = named.annotate(vec![("SELFPLAY_COORDINATOR".into(), "done".into(), Line::default())]);
        assert_eq!(told[0].2, "SELFPLAY_SCHEDULER is another name of SELFPLAY_COORDINATOR");
    }

    #[test]
    fn planned_and_unknown_names_are_refused_in_words() {
        let planned = one("auto-sync").expect_err("planned").to_string();
        assert!(planned.contains("AUTO_SYNC is planned but not built"), "{planned}");
        let unknown = one("auto-exprot").expect_err("unknown").to_string();
        assert!(unknown.contains("AUTO_EXPORT"), "{unknown}");
        assert!(matches!(buildable(&[]), Err(Error::InvalidArgument(_))));
    }
}
