//! The table of rights against the interface files, the D-Bus policy and the manual page.
use super::*;
use crate::contract::ids::SubscriberName;
use std::collections::BTreeSet;

const INTERFACES: [&str; 5] = [
    include_str!("../interfaces/org.varlink.service.varlink"),
    include_str!("../interfaces/org.ringrift.Router.varlink"),
    include_str!("../interfaces/org.ringrift.Coordinator.varlink"),
    include_str!("../interfaces/org.ringrift.Catalog.varlink"),
    include_str!("../interfaces/org.ringrift.Job.varlink"),
];
const MASTER: &str = include_str!("../../../packaging/dbus-1/interfaces/org.ringrift.Master1.xml");

/// All methods that the interface files promise.
fn promised() -> BTreeSet<String> {
    let mut methods = BTreeSet::new();
    for file in INTERFACES {
        let interface = file.lines().find_map(|line| line.strip_prefix("interface ")).expect("an interface");
        for name in file.lines().filter_map(|line| line.strip_prefix("method ")) {
            methods.insert(format!("{interface}.{}", name.split('(').next().expect("a name")));
        }
    }
    for line in MASTER.lines().filter_map(|line| line.trim().strip_prefix("<method name=\"")) {
        methods.insert(format!("{}.{}", crate::contract::master::INTERFACE, line.split('"').next().expect("a name")));
    }
    methods
}

#[test]
fn every_method_has_one_row_and_every_row_a_method() {
    let rows: Vec<String> = rows().map(|row| format!("{}.{}", row.interface, row.method)).collect();
    let set: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(set.len(), rows.len(), "a method has two rows");
    let promised = promised();
    assert!(promised.len() > 60, "{promised:?}");
    assert_eq!(set, promised);
}

#[test]
fn a_method_without_a_row_is_for_nobody() {
    for method in [
        "org.ringrift.Router.Drop",
        "Publish",
        "",
        ".",
        "org.ringrift.Coordinator.Publish",
        "org.ringrift.Router.publish",
    ] {
        for class in Class::ALL {
            assert_eq!(judge(method, class), Verdict::Unknown, "{method}");
        }
    }
}

/// The decision, class by class: what is asked of the suite by its users.
#[test]
fn each_class_may_what_it_is_for() {
    let may = |class, interface: &str, methods: &[&str], allowed: bool| {
        for method in methods {
            let verdict = judge(&format!("org.ringrift.{interface}.{method}"), class);
            assert_eq!(verdict == Verdict::Allowed, allowed, "{class:?} {interface}.{method}: {verdict:?}");
        }
    };
    let (see, read) = (["Status", "Safeguards", "Limits"], ["List", "Show", "QueueOrder", "Leases"]);
    let control = ["Pause", "Resume", "Halt", "Clear", "Cancel", "StopWork", "Enqueue", "ResetBreakers"];
    let own = ["Dispatch", "Report", "Flags", "Observe"];
    for class in Class::ALL {
        may(class, "Coordinator", &see, true);
        let reads = matches!(class, Class::Member | Class::Admin | Class::Suite | Class::Root);
        may(class, "Coordinator", &read, reads);
        may(class, "Router", &["Publish", "Subscribe", "Replay", "Fetch"], reads);
        may(class, "Master1", &["ListJobs"], reads);
        let controls = matches!(class, Class::Admin | Class::Suite | Class::Root);
        may(class, "Coordinator", &control, controls);
        may(class, "Router", &["Retire", "DeadLetterPurge", "DeadLetterRedrive"], controls);
        may(class, "Master1", &["ApplyProfile", "StopDaemon", "Reload"], matches!(class, Class::Admin | Class::Root));
        may(class, "Coordinator", &own, class.is_own());
        may(class, "Job", &["Take", "Renew", "Finish"], class == Class::Job || class.is_own());
    }
}

#[test]
fn the_daemons_names_are_theirs() {
    let may = |class, name: &str| may_subscribe(class, &SubscriberName::new(name).expect("a name"));
    for name in [
        "data-pipeline",
        "auto-sync@ephemeral",
        "auto-sync",
        "DATA_PIPELINE",
        "ringrift-auto-export",
        "master",
        "coordinator",
    ] {
        assert!(!may(Class::Member, name) && !may(Class::Admin, name), "{name}");
        assert!(may(Class::Suite, name) && may(Class::Root, name), "{name}");
    }
    for name in ["my-dashboard", "data-pipeline2", "grafana.events"] {
        assert!(may(Class::Member, name), "{name}");
    }
}

#[test]
fn the_page_has_every_method() {
    let page = page();
    for row in rows() {
        assert!(page.contains(&format!("\n{}\t", row.method)), "{}", row.method);
    }
    assert!(page.lines().all(|line| line.len() <= 200), "a line of the page is too long");
}
