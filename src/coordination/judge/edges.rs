//! What needs what: the graph over which consequences are folded into their causes.
use super::conditions::{config_subject, host};
use super::jobs::{job_type, suite};
use super::view::View;
use crate::contract::coordinator::conditions::Conditions;
use crate::contract::error::Exit;
use crate::contract::problem::{Code, Kind, Problem, Subject};
use crate::contract::registry::{Category, DaemonType, Hub, built};

fn daemon(daemon: DaemonType) -> Subject {
    Subject::new(Kind::Daemon, daemon.name())
}

fn socket(hub: Hub) -> Subject {
    Subject::new(Kind::Socket, hub.socket_unit())
}

fn coordinator() -> Subject {
    Subject::new(Kind::Hub, "coordinator")
}

/// What a thing needs to be well.
pub fn needs(view: &View<'_>, subject: &Subject) -> Vec<Subject> {
    match subject.kind {
        Kind::Daemon => DaemonType::parse(&subject.name).map(|d| of_daemon(view, d)).unwrap_or_default(),
        Kind::Hub if subject.name == "coordinator" => {
            let unit = "ringrift-coordinator.service";
            [vec![socket(Hub::Coordinator), socket(Hub::Router), host("disk")], refusal(view, unit)].concat()
        }
        // The master runs without any hub. What it misses then is theirs.
        Kind::Hub if subject.name == "master" => {
            let missed = vec![daemon(DaemonType::EventRouter), coordinator(), host("disk")];
            [if view.running { missed } else { Vec::new() }, refusal(view, "ringrift-master.service")].concat()
        }
        Kind::Socket => of_socket(&subject.name),
        Kind::Events => of_events(view, &subject.name),
        Kind::JobType => vec![suite()],
        Kind::ConfigKey => of_config_key(view, &subject.name),
        _ => Vec::new(),
    }
}

/// A process that refused its configuration is mended with the files on disk.
fn refusal(view: &View<'_>, unit: &str) -> Vec<Subject> {
    let refused = view.facts.unit(unit).is_some_and(|u| u.exited_with(Exit::Config));
    if refused { vec![config_subject()] } else { Vec::new() }
}

fn of_daemon(view: &View<'_>, of: DaemonType) -> Vec<Subject> {
    let spec = of.spec();
    let mut all: Vec<Subject> = spec.depends_on.iter().map(|d| daemon(d.resolve())).collect();
    all.extend(spec.hard.iter().chain(&spec.serves).map(|hub| socket(*hub)));
    // A daemon whose events need a reader waits for that reader.
    all.extend(built().filter(|other| other.before_emitter.contains(&of)).map(|other| daemon(other.daemon)));
    all.push(host("disk"));
    all.extend(refusal(view, &of.unit()));
    all.retain(|need| *need != daemon(of));
    all
}

fn of_socket(name: &str) -> Vec<Subject> {
    let router = || vec![daemon(DaemonType::EventRouter)];
    match name {
        "ringrift-router.socket" => router(),
        "ringrift-coordinator.socket" | "ringrift-job.socket" => vec![coordinator()],
        "ringrift-catalog.socket" => built().filter(|s| s.serves == Some(Hub::Catalog)).map(|s| daemon(s.daemon)).collect(),
        _ => Vec::new(),
    }
}

fn of_events(view: &View<'_>, topic: &str) -> Vec<Subject> {
    match topic {
        "standing" => {
            let names = view.router.iter().flat_map(|r| &r.standing);
            let daemons = names.filter_map(|name| DaemonType::parse(name.as_str()).ok()).map(daemon);
            daemons.chain([host("disk"), coordinator()]).collect()
        }
        "outbox" => vec![daemon(DaemonType::EventRouter), socket(Hub::Router)],
        // Without its socket's file nobody reaches the router, which is shown as the socket's.
        "socket" => vec![socket(Hub::Router)],
        _ => Vec::new(),
    }
}

/// A configuration goes on when work is granted, jobs succeed and the daemons of the loop hand it over.
fn of_config_key(view: &View<'_>, key: &str) -> Vec<Subject> {
    let mut all = vec![suite(), coordinator(), Subject::new(Kind::Hub, "master"), host("disk"), host("inodes"), host("emergency flags")];
    let none = Conditions::default();
    let conditions = view.coordinator.as_ref().map_or(&none, |c| &c.conditions);
    let of_key = conditions.waiting.iter().filter(|w| w.config_key.as_str() == key).map(|w| w.work_type);
    all.extend(of_key.map(job_type));
    all.extend(conditions.failing.iter().filter(|f| f.config_key.as_str() == key).map(|f| job_type(f.work_type)));
    let hands_over = |c: Category| matches!(c, Category::Pipeline | Category::Evaluation | Category::Distribution);
    all.extend(built().filter(|s| hands_over(s.category)).map(|s| daemon(s.daemon)));
    all
}

/// In a circle the lighter one is the cause: what a person did or what cannot work, before what merely is not up.
pub fn weight(problems: &[Problem], subject: &Subject) -> u8 {
    let weights = problems.iter().filter(|p| p.subject == *subject).map(|p| match p.code {
        Code::UnitMasked | Code::UnitMissing | Code::ConfigRefused | Code::DataUnusable => 0,
        Code::DaemonHeld => 1,
        Code::DaemonFailed | Code::DaemonCrashing | Code::RouterDown | Code::CoordinatorDown => 2,
        Code::DaemonDegraded | Code::DaemonSilent => 3,
        Code::SocketFailed => 4,
        _ => 5,
    });
    weights.min().unwrap_or(u8::MAX)
}
