//! What the table says of a call, a name and an event.
use super::class::{Class, Need, Right};
use super::table::rows;
use crate::contract::envelope::EXTERNAL;
use crate::contract::ids::SubscriberName;
use crate::contract::registry::{DaemonType, PROCESSES};

/// The row of a method by its full name; nothing for one that nobody may call.
pub fn right(method: &str) -> Option<&'static Right> {
    let (interface, name) = method.rsplit_once('.')?;
    rows().find(|row| row.interface == interface && row.method == name)
}

/// What the table says of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on.
    Allowed,
    /// The caller is not of those who may.
    Denied(Need),
    /// No such method: it has no row.
    Unknown,
}

/// Judges a call of a method, by its full name.
pub fn judge(method: &str, class: Class) -> Verdict {
    match right(method) {
        None => Verdict::Unknown,
        Some(row) if row.need.allows(class) => Verdict::Allowed,
        Some(row) => Verdict::Denied(row.need),
    }
}

/// Whether a name is one of the suite's own, so that nobody else may subscribe or speak under it.
pub fn is_suite_name(name: &str) -> bool {
    let plain = name.split('@').next().unwrap_or_default();
    let plain = plain.to_ascii_lowercase().replace('_', "-");
    let plain = plain.strip_prefix("ringrift-").unwrap_or(&plain);
    let daemon = plain.to_ascii_uppercase().replace('-', "_");
    DaemonType::ALL.iter().any(|known| known.name() == daemon)
        || PROCESSES.iter().any(|process| process.binary.trim_start_matches("ringrift-") == plain)
}

/// Whether a caller may subscribe under a name, and ack for it.
pub fn may_subscribe(class: Class, name: &SubscriberName) -> bool {
    class.is_own() || !is_suite_name(name.as_str())
}

/// Whether a caller may publish events of a type: the suite everything, an administrator what does not control it, a
/// member what is not the suite's.
pub fn may_publish(class: Class, kind: &str, control: bool) -> bool {
    match class {
        Class::Root | Class::Suite => true,
        Class::Admin => !control,
        Class::Member => !control && kind.starts_with(EXTERNAL),
        Class::Anybody | Class::Job => false,
    }
}
