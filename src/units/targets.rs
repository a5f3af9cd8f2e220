//! The target that starts the suite, and one target a profile for those who use systemd alone.
use super::names::{MANUAL, MASTER, SUITE};
use super::starts;
use super::text::Text;
use crate::contract::registry::{HUB_SERVICES, Profile};

/// The files.
pub fn files() -> Vec<(String, String)> {
    let mut files = vec![(SUITE.to_owned(), suite())];
    files.extend(Profile::ALL.into_iter().map(|p| (p.target(), profile(p))));
    files
}

fn suite() -> String {
    Text::new()
        .section("Unit")
        .set("Description", "RingRift: the whole suite under its master")
        .set("Documentation", MANUAL)
        .why(
            "The master starts the daemons of the applied profile; this target starts only what the master needs. The catalog's\n\
             socket is required by its users instead: on a node without DATA_PIPELINE no connection may start it.",
        )
        .set("Wants", format!("{MASTER} ringrift-router.socket ringrift-coordinator.socket ringrift-job.socket"))
        .why("Started with the target instead of by their first client, so that the start of the suite fails if they \
            fail.")
        .list("Wants", &HUB_SERVICES[1..])
        .with(starts::target)
        .why("Checks the emergency flags now and whenever they change.")
        .set("Wants", "ringrift-emergency.path ringrift-emergency.service")
        .section("Install")
        .set("WantedBy", "multi-user.target")
        .done()
}

fn profile(profile: Profile) -> String {
    let members: Vec<String> = profile.built().into_iter().map(|d| d.unit()).collect();
    let planned: Vec<&str> = profile.planned().into_iter().map(|d| d.name()).collect();
    let planned = match planned.len() {
        0 => String::new(),
        n if n > 12 => format!("{n} more members are planned; `ringrift profile show {profile}` names them."),
        _ => format!("Planned members, not built yet: {}.", planned.join(", ")),
    };
    Text::new()
        .section("Unit")
        .set("Description", format!("RingRift profile {profile}: {}", profile.purpose()))
        .set("Documentation", MANUAL)
        .set("PartOf", SUITE)
        .why("For use without the master. With a master, use `ringrift profile apply`.")
        .with(|t| if planned.is_empty() { t } else { t.why(&planned) })
        .list("Wants", &members)
        .done()
}
