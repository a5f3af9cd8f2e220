//! Members of profiles. Which daemons a role wants stands with the daemons; a profile is closed under dependencies.
use super::lookup::all;
use super::names::DaemonType as D;
use super::order::start_order;
use super::profiles::Profile;
use super::spec::{DaemonSpec, Stage};

impl Profile {
    /// The members as their declarations say.
    pub fn declared(self) -> Vec<D> {
        let member = |s: &&DaemonSpec| match self {
            Profile::Full => !matches!(s.stage, Stage::Alias { .. }),
            _ => s.profiles.contains(&self),
        };
        all().filter(member).map(|s| s.daemon).collect()
    }

    /// Full membership: the declared members and all they depend on, in start order.
    pub fn members(self) -> Vec<D> {
        closure(&self.declared())
    }

    /// Members that can be started.
    pub fn built(self) -> Vec<D> {
        self.members().into_iter().filter(|d| d.spec().is_built()).collect()
    }

    /// Members that are not built yet.
    pub fn planned(self) -> Vec<D> {
        self.members().into_iter().filter(|d| !d.spec().is_built()).collect()
    }
}

/// The daemons and everything they depend on, in start order.
pub fn closure(daemons: &[D]) -> Vec<D> {
    let mut wanted: Vec<D> = Vec::new();
    let mut stack: Vec<D> = daemons.iter().map(|d| d.resolve()).collect();
    while let Some(daemon) = stack.pop() {
        if !wanted.contains(&daemon) {
            wanted.push(daemon);
            stack.extend(daemon.spec().depends_on.iter().map(|d| d.resolve()));
        }
    }
    match start_order(all()) {
        Ok(order) => order.into_iter().filter(|d| wanted.contains(d)).collect(),
        Err(_) => wanted,
    }
}
