//! A job's limits as unit properties: memory and tasks on its own unit, the processors on the slice of its type.
use super::call::{properties, within};
use super::view;
use super::{ServiceError, UnitLimits};
use crate::contract::cpus::CpuList;
use crate::contract::workload::JobType;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use zbus::{Connection, OwnedVariant, Variant};
use zbus_systemd::systemd1::ManagerProxy;

const LIMITING: &str = "limiting";
const READING_LIMITS: &str = "reading the limits of";

/// What systemd is known to have set already, asked once for all instances of a template; forgotten when it reloads.
/// Each set property leaves a file in /run until the next boot and asks polkit, so what is so already stays unset.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// MemoryMax and TasksMax by template.
    templates: HashMap<String, [Option<u64>; 2]>,
    /// AllowedCPUs by slice, bit by bit as D-Bus has it.
    slices: HashMap<String, Vec<u8>>,
}

impl Known {
    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// systemd reloaded.
    pub(super) fn forget(&self) {
        self.with(|known| *known = Inner::default());
    }
}

/// Where limits are set, and what is known of them.
pub(super) struct At<'a> {
    pub(super) connection: &'a Connection,
    pub(super) manager: &'a ManagerProxy<'static>,
    pub(super) known: &'a Known,
}

/// Processors as D-Bus has them: eight a byte, the lowest first; none means all.
fn mask(cpus: Option<&CpuList>) -> Vec<u8> {
    let mut mask = Vec::new();
    for cpu in cpus.iter().flat_map(|list| list.cpus()) {
        mask.resize(mask.len().max(cpu / 8 + 1), 0);
        mask[cpu / 8] |= 1 << (cpu % 8);
    }
    mask
}

fn property<'a>(name: &str, value: impl Into<Variant<'a>>) -> (String, OwnedVariant) {
    let Ok(value) = OwnedVariant::try_from(value.into()) else { unreachable!("numbers and texts hold no descriptor") };
    (name.to_owned(), value)
}

pub(super) async fn set(systemd: &At<'_>, unit: &str, limits: &UnitLimits) -> Result<(), ServiceError> {
    if let Some((kind, _)) = JobType::of_unit(unit) {
        processors(systemd, &kind.slice(), mask(limits.cpus.as_ref())).await?;
    }
    let mut properties = Vec::new();
    if limits.memory_max.is_some() || limits.tasks_max.is_some() {
        let has = template(systemd, unit).await?;
        for ((name, wanted), has) in
            [("MemoryMax", limits.memory_max), ("TasksMax", limits.tasks_max)].into_iter().zip(has)
        {
            properties.extend(wanted.filter(|value| Some(*value) != has).map(|value| property(name, value)));
        }
    }
    if properties.is_empty() {
        return Ok(());
    }
    within(LIMITING, unit, systemd.manager.set_unit_properties(unit.into(), true, properties)).await
}

/// Whether this drop-in is where a property that was set over D-Bus until the next boot allows some processors only.
fn is_set_by_us(path: &str) -> bool {
    let ours = path.starts_with("/run/systemd/system.control/") && path.ends_with("/50-AllowedCPUs.conf");
    ours && std::fs::read_to_string(path).is_ok_and(|text| allows_some(&text))
}

/// Whether the last setting of a drop-in names processors. An empty one is what taking a setting back leaves.
fn allows_some(drop_in: &str) -> bool {
    drop_in.lines().rev().find_map(|line| line.strip_prefix("AllowedCPUs=")).is_some_and(|list| !list.trim().is_empty())
}

/// What is not configured is left as it is, unless it was set here: an operator may have edited the slice.
async fn processors(systemd: &At<'_>, slice: &str, wanted: Vec<u8>) -> Result<(), ServiceError> {
    let known = systemd.known.with(|known| known.slices.get(slice).cloned());
    let (has, ours) = match known {
        Some(has) => (has, true),
        None => {
            let path = within(READING_LIMITS, slice, systemd.manager.load_unit(slice.into())).await?;
            let own =
                within(READING_LIMITS, slice, properties(systemd.connection, &path, "org.freedesktop.systemd1.Slice"))
                    .await?;
            let unit =
                within(READING_LIMITS, slice, properties(systemd.connection, &path, "org.freedesktop.systemd1.Unit"))
                    .await?;
            let ours = view::texts(&unit, "DropInPaths").iter().any(|path| is_set_by_us(path));
            let mut has = view::bytes(&own, "AllowedCPUs").unwrap_or_default();
            has.truncate(has.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            (has, ours)
        }
    };
    if has != wanted && (ours || !wanted.is_empty()) {
        let properties = vec![property("AllowedCPUs", wanted.clone())];
        within(LIMITING, slice, systemd.manager.set_unit_properties(slice.into(), true, properties)).await?;
    }
    systemd.known.with(|known| known.slices.insert(slice.to_owned(), wanted));
    Ok(())
}

/// What an instance has before anything was set for it alone.
async fn template(systemd: &At<'_>, unit: &str) -> Result<[Option<u64>; 2], ServiceError> {
    let template = unit.split_once('@').map_or(unit, |(template, _)| template);
    if let Some(known) = systemd.known.with(|known| known.templates.get(template).copied()) {
        return Ok(known);
    }
    let path = within(READING_LIMITS, unit, systemd.manager.load_unit(unit.into())).await?;
    let has =
        within(READING_LIMITS, unit, properties(systemd.connection, &path, "org.freedesktop.systemd1.Service")).await?;
    let found = [view::limit(&has, "MemoryMax"), view::limit(&has, "TasksMax")];
    systemd.known.with(|known| known.templates.insert(template.to_owned(), found));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_bits() {
        let list = |text: &str| CpuList::try_from(text.to_owned()).expect("a list");
        assert_eq!(mask(Some(&list("0-2,9"))), [0b111, 0b10]);
        assert_eq!(mask(Some(&list("17"))), [0, 0, 0b10]);
        assert!(mask(None).is_empty());
        assert!(allows_some("[Slice]\nAllowedCPUs=\nAllowedCPUs=0-3\n"));
        assert!(!allows_some("[Slice]\nAllowedCPUs=\nAllowedCPUs=\n") && !allows_some("[Slice]\n"));
    }
}
