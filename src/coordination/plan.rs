//! What applying a profile starts, stops and leaves alone. Pure.
use crate::contract::config::Config;
use crate::contract::host::UnitView;
use crate::contract::master::Plan;
use crate::contract::registry::{DaemonType, Profile, stop_order};

/// Why a daemon is kept out of every profile: the key that says so.
pub fn disabled(config: &Config, daemon: DaemonType) -> Option<String> {
    if config.master.skip_daemons {
        return Some("master.skip_daemons: true".into());
    }
    let key = daemon.snake();
    (!config.daemons.of(daemon).enabled).then(|| format!("daemons.{key}.enabled: false"))
}

/// Why a daemon is not started or restarted by name, with the way out.
pub fn refused(config: &Config, daemon: DaemonType) -> Option<String> {
    let key = disabled(config, daemon)?;
    let name = key.split(':').next().unwrap_or_default();
    Some(format!(
        "disabled by {key} (find it with `ringrift config show --origin {name}`); change it, then `ringrift config \
            reload`"
    ))
}

/// The members of a profile that shall run under this configuration, in start order.
pub fn wanted(profile: Profile, config: &Config) -> Vec<DaemonType> {
    profile.built().into_iter().filter(|d| disabled(config, *d).is_none()).collect()
}

/// What applying the profile does, seen from the units as they are. A failed member is started again: applying is
/// asking for it.
pub fn plan(profile: Profile, config: &Config, units: &[UnitView]) -> Plan {
    toward(profile, wanted(profile, config), config, units)
}

/// The same, where people want other daemons up than the profile's.
pub fn toward(profile: Profile, wanted: Vec<DaemonType>, config: &Config, units: &[UnitView]) -> Plan {
    let up = |d: &DaemonType| {
        let name = d.unit();
        units.iter().any(|u| u.name == name && u.is_up())
    };
    let running: Vec<DaemonType> =
        crate::contract::registry::built().map(|s| s.daemon).filter(|d| up(d) && !wanted.contains(d)).collect();
    let names = |list: Vec<DaemonType>| list.into_iter().map(|d| d.name().to_owned()).collect::<Vec<_>>();
    let (stay, start): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|d| up(d));
    let disabled =
        profile.built().into_iter().filter_map(|d| disabled(config, d).map(|key| format!("{} ({key})", d.name())));
    Plan {
        profile: profile.name().into(),
        start: names(start),
        stop: names(stop_order(&running)),
        stay: names(stay),
        planned: names(profile.planned()),
        disabled: disabled.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::registry::built;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn unit(daemon: DaemonType, active: &str) -> UnitView {
        UnitView {
            name: daemon.unit(),
            load_state: "loaded".into(),
            active_state: active.into(),
            ..UnitView::default()
        }
    }

    /// The units after the plan was carried out.
    fn applied(units: &[UnitView], plan: &Plan) -> Vec<UnitView> {
        let daemon = |name: &String| DaemonType::parse(name).expect("a plan has known names");
        let mut after: Vec<UnitView> = units.to_vec();
        for (names, state) in [(&plan.start, "active"), (&plan.stop, "inactive")] {
            for name in names {
                after.retain(|u| u.name != daemon(name).unit());
                after.push(unit(daemon(name), state));
            }
        }
        after
    }

    fn any_units() -> impl Strategy<Value = Vec<UnitView>> {
        let states = ["active", "inactive", "failed", "activating", "deactivating"];
        let daemons: Vec<DaemonType> = built().map(|s| s.daemon).collect();
        proptest::collection::vec(0..states.len(), daemons.len())
            .prop_map(move |picks| daemons.iter().zip(picks).map(|(d, p)| unit(*d, states[p])).collect())
    }

    fn any_profile() -> impl Strategy<Value = Profile> {
        (0..Profile::ALL.len()).prop_map(|at| Profile::ALL[at])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_plan_is_closed_and_applying_it_twice_changes_nothing(units in any_units(), profile in any_profile()) {
            let config = Config::default();
            let plan = plan(profile, &config, &units);
            let members: BTreeSet<String> = plan.start.iter().chain(&plan.stay).cloned().collect();
            for name in &members {
                let daemon = DaemonType::parse(name).expect("known");
                for dependency in daemon.spec().depends_on.iter().map(|d| d.resolve()).filter(|d| d.spec().is_built()) {
                    prop_assert!(members.contains(dependency.name()), "{name} without {dependency}");
                }
            }
            prop_assert!(plan.stop.iter().all(|name| !members.contains(name)));
            let again = super::plan(profile, &config, &applied(&units, &plan));
            prop_assert_eq!((again.start, again.stop), (vec![], vec![]));
        }

        #[test]
        fn order_is_dependencies_first_and_stopping_is_the_reverse(units in any_units(), from in any_profile(), to in any_profile()) {
            let config = Config::default();
            let position = |list: &[String], d: DaemonType| list.iter().position(|n| n == d.name());
            for plan in [plan(from, &config, &units), plan(to, &config, &units)] {
                for name in plan.start.iter().chain(&plan.stop) {
                    let daemon = DaemonType::parse(name).expect("known");
                    for dependency in daemon.spec().depends_on.iter().map(|d| d.resolve()) {
                        if let (Some(a), Some(b)) = (position(&plan.start, dependency), position(&plan.start, daemon)) {
                            prop_assert!(a < b, "{dependency} starts after {daemon}");
                        }
                        if let (Some(a), Some(b)) = (position(&plan.stop, dependency), position(&plan.stop, daemon)) {
                            prop_assert!(a > b, "{dependency} stops before {daemon}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_disabled_member_is_named_with_its_key_and_stopped() {
        let mut config = Config::default();
        config.daemons.of_mut(DaemonType::AutoExport).enabled = false;
        let plan = plan(Profile::Standalone, &config, &[unit(DaemonType::AutoExport, "active")]);
        assert_eq!(plan.disabled, ["AUTO_EXPORT (daemons.auto_export.enabled: false)"]);
        assert_eq!(plan.stop, ["AUTO_EXPORT"]);
        assert!(!plan.start.contains(&"AUTO_EXPORT".to_owned()));
        assert!(
            refused(&config, DaemonType::AutoExport)
                .is_some_and(|why| why.contains("--origin daemons.auto_export.enabled"))
        );
        assert_eq!(refused(&config, DaemonType::Evaluation), None);
        config.master.skip_daemons = true;
        assert_eq!(super::plan(Profile::Standalone, &config, &[]).start, Vec::<String>::new());
    }
}
