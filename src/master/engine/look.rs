//! Which units the engine looks at, and what it keeps of each look.
use super::known::EMERGENCY;
use super::{Engine, HUBS, JOB_UNITS, OWN_UNIT};
use crate::contract::registry::built;
use crate::contract::sockets::SOCKETS;
use crate::platform::clock;
use crate::platform::systemd::{ServiceError, ServiceManager};
use std::sync::PoisonError;

impl<S: ServiceManager + 'static> Engine<S> {
    fn names() -> Vec<String> {
        let mut names: Vec<String> = built().map(|s| s.daemon.unit()).collect();
        names.extend(HUBS.iter().flat_map(|(hub, service)| [hub.socket_unit().to_owned(), (*service).to_owned()]));
        names.extend(SOCKETS.iter().flat_map(|s| [s.unit.to_owned(), s.service.to_owned()]));
        names.extend([OWN_UNIT.to_owned(), EMERGENCY.to_owned()]);
        names.sort();
        names.dedup();
        names
    }

    /// Looks at what changed, or at everything.
    pub async fn look(&mut self) -> Result<(), ServiceError> {
        let everything = std::mem::take(&mut self.look_at_all);
        let dirty = std::mem::take(&mut self.dirty);
        let mut wanted: Vec<String> = Self::names();
        if everything {
            wanted.push(JOB_UNITS.into());
        } else {
            wanted.retain(|name| dirty.contains(name));
            wanted.extend(dirty.iter().filter(|unit| self.jobs.follows(unit)).cloned());
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let patterns: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let seen = self.services.list(&patterns).await?;
        let followed: Vec<String> = self.jobs.units().cloned().collect();
        for unit in followed.into_iter().filter(|unit| everything || dirty.contains(unit)) {
            let actions = self.jobs.seen(&unit, seen.iter().find(|view| view.name == unit));
            self.act(actions);
        }
        self.daemons_changed |= seen.iter().any(|view| !view.name.contains('@'));
        let now = clock::now();
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        for mut view in seen.into_iter().filter(|view| !view.name.contains('@')) {
            let before = world.units.get(&view.name);
            let revived = self.revivals.get(&view.name).is_some_and(|revival| revival.tries > 0);
            self.restarts.see(before, &view, revived, now);
            // systemd forgets times of units that it unloads; we do not.
            view.since_us = view.since_us.or(before.and_then(|old| old.since_us));
            world.units.insert(view.name.clone(), view);
        }
        Ok(())
    }
}
