//! Settings of one daemon that others go by as well. The build fails when the daemon does not declare one of that name
//! and type.
use super::{DaemonType, Kind, Setting, Width};

/// A whole number among a daemon's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Who declares it.
    pub daemon: DaemonType,
    /// Its key.
    pub key: &'static str,
}

impl Known {
    /// New games of a configuration that start an export: what self-play is needed for.
    pub const EXPORT_THRESHOLD: Known = Known { daemon: DaemonType::AutoExport, key: "threshold_games" };
    /// The newest so many games are exported: what must be kept.
    pub const EXPORT_WINDOW: Known = Known { daemon: DaemonType::AutoExport, key: "window_games" };
    /// All of them.
    pub const ALL: [Known; 2] = [Known::EXPORT_THRESHOLD, Known::EXPORT_WINDOW];

    /// Whether it is among these.
    pub const fn is_among(&self, settings: &[Setting]) -> bool {
        let mut at = 0;
        while at < settings.len() {
            let setting = &settings[at];
            if same(setting.key, self.key) && matches!(setting.kind, Kind::Whole { width: Width::U64, .. }) {
                return true;
            }
            at += 1;
        }
        false
    }
}

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_a_type_that_differs_is_none_of_them() {
        let setting = |key, kind| [Setting { key, doc: "", unit: "", kind, without_effect: "" }];
        let whole = |width| Kind::Whole { width, default: 1, low: 1, high: 2 };
        assert!(Known::EXPORT_WINDOW.is_among(&setting("window_games", whole(Width::U64))));
        assert!(!Known::EXPORT_WINDOW.is_among(&setting("window_games", whole(Width::U32))));
        assert!(!Known::EXPORT_WINDOW.is_among(&setting("window_game", whole(Width::U64))));
        assert!(!Known::EXPORT_WINDOW.is_among(&[]));
    }
}
