//! What the build refuses: declarations that contradict one another. All of it is decided while compiling.
use super::table::LISTED;
use super::{DaemonSpec, DaemonType, Declarations, Known, Profile, Stage};

const TYPES: usize = DaemonType::ALL.len();

/// Fails the build with file and line of a daemon that depends on itself, that is built and depends on one that is not,
/// or that a profile has without all it depends on.
pub const fn check(table: &Declarations) {
    let mut at = 0;
    while at < TYPES {
        let spec = entry(DaemonType::ALL[at], table);
        built_on_built(spec, table);
        closed_in_profiles(spec, table);
        if reaches_itself(spec, table) {
            panic!("{}", spec.declared.cycle);
        }
        at += 1;
    }
    known_settings(table);
}

/// What others go by is declared.
const fn known_settings(table: &Declarations) {
    let mut at = 0;
    while at < Known::ALL.len() {
        let known = Known::ALL[at];
        if !known.is_among(entry(known.daemon, table).settings) {
            panic!("src/contract/registry/known.rs: a setting that others go by is not declared, or not a u64");
        }
        at += 1;
    }
}

/// The entry, of what it is another name of.
const fn entry(daemon: DaemonType, table: &Declarations) -> &'static DaemonSpec {
    let spec = match (table[daemon as usize], &LISTED[daemon as usize]) {
        (Some(spec), _) => spec,
        (None, Some(spec)) => spec,
        (None, None) => panic!("a line of the roster has neither a file nor an entry"),
    };
    match spec.stage {
        Stage::Alias { of, .. } => entry(of, table),
        Stage::Built | Stage::Planned => spec,
    }
}

const fn built_on_built(spec: &DaemonSpec, table: &Declarations) {
    let mut at = 0;
    while at < spec.depends_on.len() {
        if matches!(spec.stage, Stage::Built) && !matches!(entry(spec.depends_on[at], table).stage, Stage::Built) {
            panic!("{}", spec.declared.unbuilt);
        }
        at += 1;
    }
}

const fn in_profile(spec: &DaemonSpec, profile: Profile) -> bool {
    let mut at = 0;
    while at < spec.profiles.len() {
        if spec.profiles[at] as usize == profile as usize {
            return true;
        }
        at += 1;
    }
    false
}

const fn closed_in_profiles(spec: &DaemonSpec, table: &Declarations) {
    let mut at = 0;
    while at < spec.depends_on.len() {
        let (on, mut profile) = (entry(spec.depends_on[at], table), 0);
        while profile < spec.profiles.len() {
            if !in_profile(on, spec.profiles[profile]) {
                panic!("{}", spec.declared.profile);
            }
            profile += 1;
        }
        at += 1;
    }
}

/// Whether the daemon is among all that it depends on.
const fn reaches_itself(spec: &DaemonSpec, table: &Declarations) -> bool {
    let (mut seen, mut stack, mut high) = ([false; TYPES], [spec.daemon; TYPES + 1], 1);
    while high > 0 {
        high -= 1;
        let now = entry(stack[high], table);
        let mut at = 0;
        while at < now.depends_on.len() {
            let on = entry(now.depends_on[at], table).daemon;
            if on as usize == spec.daemon as usize {
                return true;
            }
            if !seen[on as usize] {
                seen[on as usize] = true;
                stack[high] = on;
                high += 1;
            }
            at += 1;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::registry::{BASE, Declared, Kind, Setting};

    /// What the check says when a daemon is declared so and the others as they are; here at run time, in a build while
    /// compiling.
    fn says(spec: &'static DaemonSpec) -> Option<String> {
        let mut table: Declarations = std::array::from_fn(|at| Some(DaemonType::ALL[at].spec()));
        let settings = if spec.settings.is_empty() {
            DaemonType::ALL[spec.daemon as usize].spec().settings
        } else {
            spec.settings
        };
        table[spec.daemon as usize] = Some(Box::leak(Box::new(DaemonSpec { settings, ..*spec })));
        let said = std::panic::catch_unwind(|| check(&table)).err()?;
        said.downcast_ref::<String>().cloned().or_else(|| said.downcast_ref::<&str>().map(|s| (*s).to_owned()))
    }

    const fn spec(stage: Stage, depends_on: &'static [DaemonType], profiles: &'static [Profile]) -> DaemonSpec {
        let declared = Declared { cycle: "cycle", unbuilt: "unbuilt", profile: "profile", ..BASE.declared };
        DaemonSpec { daemon: DaemonType::AutoExport, stage, depends_on, profiles, declared, ..BASE }
    }

    const DLQ: &[Setting] =
        &[Setting { key: "batch", doc: "", unit: "", kind: Kind::Switch { default: true }, without_effect: "" }];

    #[test]
    fn contradictions_are_told_apart() {
        use DaemonType::{AutoExport, AutoSync, DlqRetry, EventRouter, TrainingTrigger};
        static GOOD: DaemonSpec = spec(Stage::Built, &[EventRouter, DlqRetry], &[Profile::Standalone]);
        static UNBUILT: DaemonSpec = spec(Stage::Built, &[AutoSync], &[]);
        static PROFILE: DaemonSpec = spec(Stage::Built, &[DlqRetry], &[Profile::Minimal]);
        static OWN: DaemonSpec = spec(Stage::Built, &[AutoExport], &[Profile::Standalone]);
        static CIRCLE: DaemonSpec = spec(Stage::Built, &[TrainingTrigger], &[Profile::Standalone]);
        static OTHER: DaemonSpec =
            DaemonSpec { settings: DLQ, ..spec(Stage::Built, &[EventRouter, DlqRetry], &[Profile::Standalone]) };
        assert_eq!(says(&GOOD), None);
        assert!(says(&OTHER).is_some_and(|said| said.contains("known.rs")), "settings that others go by are gone");
        assert_eq!(says(&UNBUILT).as_deref(), Some("unbuilt"));
        assert_eq!(says(&PROFILE).as_deref(), Some("profile"));
        assert_eq!(says(&OWN).as_deref(), Some("cycle"));
        assert_eq!(says(&CIRCLE).as_deref(), Some("cycle"));
    }
}
