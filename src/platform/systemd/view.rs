//! From a unit's D-Bus properties to `UnitView`. What an older systemd does not have stays absent.
use crate::contract::host::{UnitView, is_active};
use crate::contract::text::Line;
use std::collections::HashMap;
use zbus::{OwnedVariant, Variant};

/// Properties by name, as GetAll gives them.
pub(super) type Properties = HashMap<String, OwnedVariant>;

/// `si_code` of a process that exited by itself; its status is then an exit code, else a signal.
const CLD_EXITED: i32 = 1;

fn text(p: &Properties, name: &str) -> Option<String> {
    match p.get(name).map(|v| &**v) {
        Some(Variant::Str(s)) if !s.is_empty() => Some(Line::new(s.as_str()).into()),
        _ => None,
    }
}

fn number(p: &Properties, name: &str) -> Option<u64> {
    match p.get(name).map(|v| &**v) {
        Some(Variant::U64(n)) => Some(*n),
        Some(Variant::U32(n)) => Some(u64::from(*n)),
        _ => None,
    }
}

fn signed(p: &Properties, name: &str) -> Option<i32> {
    match p.get(name).map(|v| &**v) {
        Some(Variant::I32(n)) => Some(*n),
        _ => None,
    }
}

/// A list of texts, After= say.
pub(super) fn texts(p: &Properties, name: &str) -> Vec<String> {
    p.get(name).and_then(|v| v.try_clone().ok()).and_then(|v| Vec::<String>::try_from(v).ok()).unwrap_or_default()
}

/// An array of bytes, AllowedCPUs= say.
pub(super) fn bytes(p: &Properties, name: &str) -> Option<Vec<u8>> {
    p.get(name).and_then(|v| v.try_clone().ok()).and_then(|v| Vec::<u8>::try_from(v).ok())
}

/// 128 bits as 32 hex digits; all zero means none.
fn invocation(p: &Properties) -> Option<String> {
    let bytes = bytes(p, "InvocationID")?;
    (bytes.iter().any(|b| *b != 0)).then(|| bytes.iter().map(|b| format!("{b:02x}")).collect())
}

/// The limit that a unit has; infinity is absent.
pub(super) fn limit(p: &Properties, name: &str) -> Option<u64> {
    number(p, name).filter(|n| *n != u64::MAX)
}

/// Since when it is in its state. What is active has been so since it last became active: a reload, and a socket whose
/// service starts, change the unit's own step and with it `StateChangeTimestamp`, not how long it has been up.
fn since_us(unit: &Properties) -> Option<i64> {
    let up = text(unit, "ActiveState").is_some_and(|state| is_active(&state));
    let property = if up { "ActiveEnterTimestamp" } else { "StateChangeTimestamp" };
    number(unit, property).filter(|n| *n != 0).and_then(|n| i64::try_from(n).ok())
}

/// `unit` are the properties of the Unit interface, `kind` those of Service, Socket, …; `name` is used where the unit
/// tells none.
pub(super) fn view(name: &str, unit: &Properties, kind: &Properties) -> UnitView {
    let main_pid = number(kind, "MainPID").and_then(|n| u32::try_from(n).ok()).filter(|n| *n != 0);
    let exited = main_pid.is_none() && signed(kind, "ExecMainCode") == Some(CLD_EXITED);
    UnitView {
        name: text(unit, "Id").unwrap_or_else(|| name.to_owned()),
        load_state: text(unit, "LoadState").unwrap_or_default(),
        active_state: text(unit, "ActiveState").unwrap_or_default(),
        sub_state: text(unit, "SubState").unwrap_or_default(),
        result: text(kind, "Result"),
        status_text: text(kind, "StatusText"),
        socket_mode: number(kind, "SocketMode").and_then(|n| u32::try_from(n).ok()),
        main_pid,
        restarts: number(kind, "NRestarts").and_then(|n| u32::try_from(n).ok()),
        exit_status: if exited { signed(kind, "ExecMainStatus") } else { None },
        memory_bytes: limit(kind, "MemoryCurrent"),
        since_us: since_us(unit),
        waiting_for: Vec::new(),
        start_queued: false,
        invocation_id: invocation(unit),
        control_group: text(kind, "ControlGroup"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(list: Vec<(&str, Variant<'static>)>) -> Properties {
        list.into_iter().map(|(n, v)| (n.to_owned(), OwnedVariant::try_from(v).expect("a value"))).collect()
    }

    #[test]
    fn unset_and_missing_properties_are_absent_not_zero() {
        let unit = properties(vec![
            ("Id", "ringrift-x.service".into()),
            ("LoadState", "loaded".into()),
            ("ActiveState", "failed".into()),
            ("StateChangeTimestamp", 0u64.into()),
            ("InvocationID", vec![0u8; 16].into()),
        ]);
        let kind = properties(vec![
            ("MemoryCurrent", u64::MAX.into()),
            ("MainPID", 0u32.into()),
            ("ExecMainCode", 1i32.into()),
            ("ExecMainStatus", 78i32.into()),
            ("NRestarts", 6u32.into()),
        ]);
        let view = view("x", &unit, &kind);
        assert_eq!(
            (view.memory_bytes, view.main_pid, view.since_us, view.invocation_id.as_deref()),
            (None, None, None, None)
        );
        assert_eq!((view.exit_status, view.restarts, view.result), (Some(78), Some(6), None));
    }

    /// A reload sets StateChangeTimestamp twice, and a socket's does when its service starts.
    #[test]
    fn what_is_active_has_been_so_since_it_became_active_whatever_it_did_since() {
        let since = |state: &'static str| {
            let unit = properties(vec![
                ("ActiveState", state.into()),
                ("ActiveEnterTimestamp", 100u64.into()),
                ("StateChangeTimestamp", 900u64.into()),
            ]);
            view("x", &unit, &Properties::new()).since_us
        };
        for state in ["active", "reloading", "refreshing"] {
            assert_eq!(since(state), Some(100), "{state}");
        }
        for state in ["activating", "deactivating", "inactive", "failed", "maintenance"] {
            assert_eq!(since(state), Some(900), "{state}");
        }
    }

    #[test]
    fn a_signal_is_no_exit_status() {
        let kind =
            properties(vec![("ExecMainCode", 2i32.into()), ("ExecMainStatus", 9i32.into()), ("MainPID", 0u32.into())]);
        assert_eq!(view("x", &Properties::new(), &kind).exit_status, None);
        let running =
            properties(vec![("ExecMainCode", 1i32.into()), ("ExecMainStatus", 1i32.into()), ("MainPID", 7u32.into())]);
        assert_eq!(view("x", &Properties::new(), &running).exit_status, None);
    }
}
