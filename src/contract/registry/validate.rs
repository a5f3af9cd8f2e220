//! The checks behind `ringrift registry validate`, and the build's registry test.
use super::{BASE, DaemonSpec, DaemonType, Need, OUTSIDE, PROCESSES, Profile, RUNTIME_EVENTS, Stage, all, start_order};
use crate::contract::events::EventType;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What makes the registry invalid.
    pub errors: Vec<String>,
    /// What is worth knowing: planned and outside ends of events, pairs carried by the durable cursor.
    pub notes: Vec<String>,
}

impl Report {
    /// No errors.
    pub fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }
}

/// Checks the registry as built.
pub fn validate() -> Report {
    let specs: Vec<&DaemonSpec> = all().collect();
    let mut report = Report::default();
    entries(&specs, &mut report);
    order(&specs, &mut report);
    profiles(&mut report);
    events(&specs, &mut report);
    report
}

fn entries(specs: &[&DaemonSpec], report: &mut Report) {
    for daemon in DaemonType::ALL {
        match specs.iter().filter(|s| s.daemon == *daemon).count() {
            1 => {}
            n => report.errors.push(format!("{daemon:?} has {n} entries instead of 1")),
        }
    }
    for spec in specs {
        if spec.name.is_empty() || spec.purpose.is_empty() || spec.max_restarts < BASE.max_restarts.min(3) {
            report.errors.push(format!("{:?}: name, purpose or max_restarts is missing", spec.daemon));
        }
        for dep in spec.depends_on {
            if dep.spec().is_deprecated() && !spec.is_deprecated() {
                report.errors.push(format!("{} depends on {}, which is deprecated", spec.name, dep.name()));
            }
            if spec.is_built() && !dep.spec().is_built() {
                report.errors.push(format!("{} is built and depends on {}, which is not", spec.name, dep.name()));
            }
        }
        for port in spec.asks {
            for need in spec.needs.iter().filter(|need| Need::of(*port).contains(need)) {
                let (name, port) = (spec.name, port.name());
                report.errors.push(format!(
                    "{name} declares {need:?} in `needs`, which its port `{port}` brings along; take it out"
                ));
            }
        }
        if let Stage::Alias { of, .. } = spec.stage
            && matches!(of.spec().stage, Stage::Alias { .. })
        {
            report.errors.push(format!("{} is an alias of {}, which is itself an alias", spec.name, of.name()));
        }
    }
}

/// The earlier implementation's words for a wrong order; used on the declared positions.
pub(crate) fn position_errors(specs: &[&DaemonSpec]) -> Vec<String> {
    let mut errors = Vec::new();
    for spec in specs {
        let Some(place) = spec.order else { continue };
        for dep in spec.depends_on {
            let Some(other) = specs.iter().find(|s| s.daemon == *dep).and_then(|s| s.order) else { continue };
            if other > place {
                errors.push(format!(
                    "{0} (pos {place}) depends on {1} (pos {other}), but {1} starts AFTER {0}",
                    spec.name,
                    dep.name()
                ));
            }
        }
    }
    errors
}

fn order(specs: &[&DaemonSpec], report: &mut Report) {
    report.errors.extend(position_errors(specs));
    let order = match start_order(specs.iter().copied()) {
        Ok(order) => order,
        Err(error) => return report.errors.push(error.to_string()),
    };
    let mut placed: Vec<(u8, DaemonType)> = specs.iter().filter_map(|s| Some((s.order?, s.daemon))).collect();
    placed.sort();
    if placed.iter().zip(1..).any(|((place, _), wanted)| *place != wanted) {
        report.errors.push("the positions of the start order are not consecutive numbers from 1 up".into());
    }
    let kept: Vec<DaemonType> = order.iter().copied().filter(|d| d.spec().order.is_some()).collect();
    if kept.iter().ne(placed.iter().map(|(_, d)| d)) {
        let names = |list: &[DaemonType]| list.iter().map(|d| d.name()).collect::<Vec<_>>().join(", ");
        report
            .errors
            .push(format!("the declared positions contradict the dependencies: the order is {}", names(&kept)));
    }
    for spec in specs {
        for emitter in spec.before_emitter {
            let at = |d: DaemonType| order.iter().position(|x| *x == d);
            if at(spec.daemon) > at(*emitter) {
                report.errors.push(format!(
                    "{} must start before {}, whose events it needs",
                    spec.name,
                    emitter.name()
                ));
            }
        }
    }
}

fn profiles(report: &mut Report) {
    for profile in Profile::ALL {
        let members = profile.members();
        for member in &members {
            if member.spec().is_deprecated() {
                report.errors.push(format!("profile {profile} has the deprecated member {}", member.name()));
            }
            for dep in member.spec().depends_on {
                if !members.contains(&dep.resolve()) {
                    report.errors.push(format!(
                        "profile {profile} has {} but not {}, on which it depends",
                        member.name(),
                        dep.name()
                    ));
                }
            }
        }
        let planned = profile.planned();
        if !planned.is_empty() {
            report.notes.push(format!("profile {profile}: {} of {} members are planned", planned.len(), members.len()));
        }
    }
}

/// Emitters and subscribers of an event: (name, built).
type Ends = (Vec<(String, bool)>, Vec<(String, bool)>);

/// Both ends of an event.
fn ends(event: EventType, specs: &[&DaemonSpec]) -> Ends {
    let mut emitters: Vec<(String, bool)> =
        specs.iter().filter(|s| s.publishes.contains(&event)).map(|s| (s.name.to_owned(), s.is_built())).collect();
    if RUNTIME_EVENTS.contains(&event) {
        emitters.push(("every daemon's runtime".into(), true));
    }
    emitters.extend(PROCESSES.iter().filter(|p| p.publishes.contains(&event)).map(|p| (p.binary.to_owned(), true)));
    let mut subscribers: Vec<(String, bool)> =
        specs.iter().filter(|s| s.subscribes.contains(&event)).map(|s| (s.name.to_owned(), s.is_built())).collect();
    subscribers.extend(PROCESSES.iter().filter(|p| p.subscribes.contains(&event)).map(|p| (p.binary.to_owned(), true)));
    (emitters, subscribers)
}

fn events(specs: &[&DaemonSpec], report: &mut Report) {
    let mut cursor_pairs = 0;
    for event in EventType::ALL {
        let name = event.info().name;
        let (emitters, subscribers) = ends(*event, specs);
        let outside = OUTSIDE.iter().find(|(e, _)| e == event);
        for (side, list) in [("emitter", &emitters), ("subscriber", &subscribers)] {
            match (list.is_empty(), list.iter().any(|(_, built)| *built), outside) {
                (true, _, None) => report.errors.push(missing(name, *event, side)),
                (true, _, Some((_, why))) => {
                    report.notes.push(format!("{name}: its {side} is outside the suite: {why}"))
                }
                (false, false, _) => report.notes.push(format!("{name}: its {side}s are planned: {}", join(list))),
                (false, true, _) => {}
            }
        }
        cursor_pairs += emitters.len() * subscribers.len();
    }
    // A subscription is durable and registered before emitters start, so every pair without an order edge is carried by
    // its cursor.
    report.notes.push(format!("{cursor_pairs} emitter-subscriber pairs, each delivered by a durable cursor"));
}

/// What an event lacks, the rule, and where to put it right.
fn missing(name: &str, event: EventType, side: &str) -> String {
    let field = if side == "emitter" { "publishes" } else { "subscribes" };
    format!(
        "{name} has no {side}: add E::{event:?} to `{field}` in the declaration of a daemon (src/daemons) or of a process \
         (src/contract/registry/processes.rs); if its {side} is outside the suite, add it to OUTSIDE there, with its \
         name"
    )
}

fn join(list: &[(String, bool)]) -> String {
    list.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::registry::Rule;

    #[test]
    fn the_registry_is_valid() {
        let report = validate();
        assert_eq!(report.errors, Vec::<String>::new());
    }

    #[test]
    fn an_event_that_lacks_an_end_is_told_with_the_rule_and_the_file() {
        let mut report = Report::default();
        events(&[], &mut report);
        let started = report
            .errors
            .iter()
            .find(|e| e.starts_with("TRAINING_STARTED has no subscriber"))
            .expect("the runtime has none");
        for word in
            ["E::TrainingStarted", "`subscribes`", "src/daemons", "src/contract/registry/processes.rs", "OUTSIDE"]
        {
            assert!(started.contains(word), "{started}");
        }
    }

    #[test]
    fn every_name_is_its_types_and_every_setting_named_elsewhere_is_there() {
        for spec in all() {
            let snake: String = format!("{:?}", spec.daemon)
                .chars()
                .flat_map(|c| c.is_uppercase().then_some('_').into_iter().chain([c]))
                .collect();
            assert_eq!(snake.trim_start_matches('_').to_uppercase(), spec.name);
            let has = |key: &str| spec.settings.iter().any(|s| s.key == key);
            for rule in spec.rules {
                let (Rule::AtLeast(one, other) | Rule::Differ(one, other)) = rule;
                assert!(has(one) && has(other), "{}: {rule:?} names a setting that it does not have", spec.name);
            }
            for need in spec.needs() {
                if let Need::Tcp { address, ports, hosts } = need {
                    assert!(
                        has(address) && has(hosts) && ports.iter().all(|port| has(port)),
                        "{}: {need:?} names a setting that it does not have",
                        spec.name
                    );
                }
            }
            for setting in spec.settings.iter().filter(|s| !s.unit.is_empty()) {
                let stem = setting.unit.trim_end_matches('s');
                assert!(
                    setting.doc.to_lowercase().contains(stem),
                    "{}.{}: its meaning does not say {}",
                    spec.name,
                    setting.key,
                    setting.unit
                );
            }
        }
    }

    #[test]
    fn a_wrong_position_is_told_in_the_words_of_the_original() {
        let pipeline = DaemonSpec {
            daemon: DaemonType::DataPipeline,
            name: "DATA_PIPELINE",
            order: Some(3),
            depends_on: &[DaemonType::AutoSync],
            ..BASE
        };
        let sync = DaemonSpec { daemon: DaemonType::AutoSync, name: "AUTO_SYNC", order: Some(5), ..BASE };
        assert_eq!(
            position_errors(&[&pipeline, &sync]),
            ["DATA_PIPELINE (pos 3) depends on AUTO_SYNC (pos 5), but AUTO_SYNC starts AFTER DATA_PIPELINE"]
        );
    }

    #[test]
    fn a_cycle_is_named_whole() {
        let a = DaemonSpec {
            daemon: DaemonType::AutoSync,
            name: "AUTO_SYNC",
            depends_on: &[DaemonType::Evaluation],
            ..BASE
        };
        let b = DaemonSpec {
            daemon: DaemonType::Evaluation,
            name: "EVALUATION",
            depends_on: &[DaemonType::DlqRetry],
            ..BASE
        };
        let c =
            DaemonSpec { daemon: DaemonType::DlqRetry, name: "DLQ_RETRY", depends_on: &[DaemonType::AutoSync], ..BASE };
        let error = start_order([&a, &b, &c].into_iter()).expect_err("a cycle");
        assert_eq!(error.to_string(), "dependency cycle: AUTO_SYNC -> EVALUATION -> DLQ_RETRY -> AUTO_SYNC");
    }

    #[test]
    fn names_are_read_in_three_spellings() {
        for text in ["AUTO_SYNC", "auto_sync", "auto-sync"] {
            assert_eq!(DaemonType::parse(text), Ok(DaemonType::AutoSync));
        }
        let error = DaemonType::parse("auto_sink").expect_err("no such daemon");
        assert_eq!(error.nearest[0], "AUTO_SYNC");
        assert_eq!(DaemonType::AutoSync.unit(), "ringrift-auto-sync.service");
    }
}
