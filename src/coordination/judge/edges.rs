//! What needs what: the graph over which consequences are folded into their causes.
use super::conditions::{gate_subject, host, unmeasured};
use super::configuration::config_subject;
use super::jobs::{job_type, suite};
use super::view::{COORDINATOR, MASTER, View};
use crate::contract::coordinator::conditions::Conditions;
use crate::contract::error::Exit;
use crate::contract::health::HealthCause;
use crate::contract::problem::{Code, Kind, Problem, Severity, Subject};
use crate::contract::registry::{Category, DaemonType, Hub, built};
use crate::contract::workload::JobType;

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
            let own = vec![socket(Hub::Coordinator), socket(Hub::Router)];
            [own, storage(), refusal(view, "coordinator", COORDINATOR)].concat()
        }
        // The master runs without any hub. What it misses then is theirs.
        Kind::Hub if subject.name == "master" => {
            let missed = if view.running { vec![daemon(DaemonType::EventRouter), coordinator()] } else { Vec::new() };
            [missed, storage(), refusal(view, "master", MASTER)].concat()
        }
        Kind::Socket => of_socket(&subject.name),
        Kind::Events => of_events(view, &subject.name),
        Kind::JobType => storage(),
        Kind::ConfigKey => of_config_key(view, &subject.name),
        _ => Vec::new(),
    }
}

/// What everything needs that stores something.
fn storage() -> Vec<Subject> {
    vec![host("disk"), host("inodes")]
}

/// A process that refused its configuration, at its start or when it read it again, is mended with the files on disk.
fn refusal(view: &View<'_>, folder: &str, unit: &str) -> Vec<Subject> {
    let at_start = view.facts.unit(unit).is_some_and(|u| u.exited_with(Exit::Config));
    let again = view.facts.reports.get(folder).and_then(|r| r.config.as_ref()).is_some_and(|taken| taken.refused);
    if at_start || again { vec![config_subject()] } else { Vec::new() }
}

fn of_daemon(view: &View<'_>, of: DaemonType) -> Vec<Subject> {
    let spec = of.spec();
    let mut all: Vec<Subject> = spec.depends_on.iter().map(|d| daemon(d.resolve())).collect();
    all.extend(spec.hard.iter().chain(&spec.serves).map(|hub| socket(*hub)));
    // A daemon whose events need a reader waits for that reader.
    all.extend(built().filter(|other| other.before_emitter.contains(&of)).map(|other| daemon(other.daemon)));
    all.extend(storage());
    if let Some(HealthCause::Jobs(kind)) = blamed(view, of.name()) {
        all.push(job_type(kind));
    }
    all.extend(refusal(view, &of.kebab(), &of.unit()));
    if !view.running && !view.process(of.name()).is_some_and(|p| p.is_up()) {
        // It is the master that starts it.
        all.push(Subject::new(Kind::Hub, "master"));
    }
    all.retain(|need| *need != daemon(of));
    all
}

/// Where a daemon says that its trouble comes from.
fn blamed(view: &View<'_>, name: &str) -> Option<HealthCause> {
    view.process(name)?.health.cause()
}

fn of_socket(name: &str) -> Vec<Subject> {
    let router = || vec![daemon(DaemonType::EventRouter)];
    match name {
        "ringrift-router.socket" => router(),
        "ringrift-coordinator.socket" | "ringrift-job.socket" => vec![coordinator()],
        "ringrift-catalog.socket" => {
            built().filter(|s| s.serves == Some(Hub::Catalog)).map(|s| daemon(s.daemon)).collect()
        }
        _ => Vec::new(),
    }
}

fn of_events(view: &View<'_>, topic: &str) -> Vec<Subject> {
    match topic {
        "standing" => {
            let names = view.router.iter().flat_map(|r| &r.standing);
            let daemons = names.filter_map(|name| DaemonType::parse(name.as_str()).ok()).map(daemon);
            daemons.chain(storage()).chain([coordinator()]).collect()
        }
        "outbox" => vec![daemon(DaemonType::EventRouter), socket(Hub::Router)],
        // Without its socket's file nobody reaches the router, which is shown as the socket's.
        "socket" => vec![socket(Hub::Router)],
        _ => Vec::new(),
    }
}

/// A configuration goes on when work is granted, jobs succeed and the daemons of the loop hand it over.
fn of_config_key(view: &View<'_>, key: &str) -> Vec<Subject> {
    let mut all = vec![suite(), coordinator(), Subject::new(Kind::Hub, "master"), host("disk"), host("inodes")];
    let none = Conditions::default();
    let conditions = view.coordinator.as_ref().map_or(&none, |c| &c.conditions);
    all.extend(conditions.gates.iter().filter(|g| g.unknown).map(gate_subject));
    all.push(unmeasured());
    let of_key = conditions.waiting.iter().filter(|w| w.config_key.as_str() == key).map(|w| w.work_type);
    all.extend(of_key.map(job_type));
    all.extend(conditions.failing.iter().filter(|f| f.config_key.as_str() == key).map(|f| job_type(f.work_type)));
    let hands_over = |c: Category| matches!(c, Category::Pipeline | Category::Evaluation | Category::Distribution);
    all.extend(built().filter(|s| hands_over(s.category)).map(|s| daemon(s.daemon)));
    all
}

/// What a problem does to what needs its subject, and what may do it to the problem's own subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It has a cure of its own, which stays due whatever else is wrong; what needs its subject cannot work.
    Cause,
    /// Likewise, and what needs its subject works with less.
    Burden,
    /// Likewise, and nothing waits for it.
    Alone,
    /// Nothing can be stored: also processes and jobs end because of it.
    Full,
    /// Room runs short: no new work begins, and those who say that it is the room that they miss follow from it.
    Low,
    /// Jobs of a type fail by themselves: only without room to store things they end because of something else.
    JobsFail(JobType),
    /// Jobs of a type fail or are barred, which stays due whatever else is wrong.
    JobsBarred(JobType),
    /// The configuration on disk is invalid: whoever looks has seen it, or processes refused it.
    Invalid,
    /// A process refused the configuration on disk.
    Refused,
    /// A process fails by itself: of what it needs only room to store things makes it end.
    Fails,
    /// A process hangs; so may those that ask it.
    Hangs,
    /// A process is not there, or not ready.
    Down,
    /// It is about to be there.
    Starts,
    /// It works with less than it should.
    Weak,
    /// Likewise, and it says that it is the room that it misses.
    MissesRoom,
    /// Likewise, and it says that it is because jobs of this type fail.
    MissesJobs(JobType),
    /// Nothing goes on.
    Stands,
}

impl Role {
    /// Whether one problem may follow from this one where its subject needs this one's.
    pub fn explains(self, other: Role) -> bool {
        use Role::{Alone, Burden, Cause, Down, Fails, Full, Hangs, Invalid, Low, Refused, Stands, Starts, Weak};
        use Role::{JobsBarred, JobsFail, MissesJobs, MissesRoom};
        match other {
            Cause | Burden | Alone | Full | Low | Invalid | JobsBarred(_) => false,
            MissesRoom => self == Low || self.explains(Weak),
            MissesJobs(kind) => self == JobsFail(kind) || self == JobsBarred(kind) || self.explains(Weak),
            Refused => self == Invalid,
            Fails | JobsFail(_) => self == Full,
            Hangs => matches!(self, Full | Hangs),
            Down | Starts => matches!(self, Cause | Full | Invalid | Refused | Fails | Hangs | Down | Starts),
            Weak => matches!(self, Cause | Burden | Full | Invalid | Refused | Fails | Hangs | Down | Starts),
            // What stands since minutes does not stand because something starts in this moment.
            Stands => !matches!(self, Alone | Starts | Stands),
        }
    }
}

/// The role of a problem.
pub fn role(view: &View<'_>, problem: &Problem) -> Role {
    // The hubs' codes say that they are down; whether they failed their units say.
    let has_failed = || {
        let process = view.process(&problem.subject.name);
        let unit = process.and_then(|p| view.facts.unit(p.unit.as_deref()?));
        unit.is_some_and(|u| u.active_state == "failed" || u.is_backing_off())
    };
    match problem.code {
        Code::UnitMasked | Code::UnitMissing | Code::DataUnusable | Code::Bus | Code::Halt | Code::QueuePaused => {
            Role::Cause
        }
        Code::DaemonHeld if view.process(&problem.subject.name).is_some_and(|p| p.is_up()) => Role::Burden,
        Code::DaemonHeld => Role::Cause,
        Code::ConfigInvalid => Role::Invalid,
        Code::ConfigRefused if problem.subject == config_subject() => Role::Invalid,
        Code::ConfigRefused => Role::Refused,
        Code::DiskFull => Role::Full,
        Code::Inodes if problem.severity == Severity::Broken => Role::Full,
        Code::Inodes | Code::DiskLow => Role::Low,
        Code::Gate => Role::Burden,
        Code::DaemonFailed | Code::DaemonCrashing | Code::DaemonBackoff => Role::Fails,
        Code::MasterDown | Code::RouterDown | Code::CoordinatorDown if problem.severity == Severity::Notice => {
            Role::Starts
        }
        Code::MasterDown | Code::RouterDown | Code::CoordinatorDown if has_failed() => Role::Fails,
        Code::MasterDown | Code::RouterDown | Code::CoordinatorDown | Code::SocketFailed => Role::Down,
        Code::DaemonStarting => Role::Starts,
        Code::DaemonStuckStarting | Code::DaemonDown => Role::Down,
        Code::DaemonSilent | Code::MasterStuck => Role::Hangs,
        Code::JobOom | Code::BreakerOpen => {
            JobType::from_name(&problem.subject.name).map_or(Role::Burden, Role::JobsBarred)
        }
        Code::JobFailing => JobType::from_name(&problem.subject.name).map_or(Role::Fails, Role::JobsFail),
        Code::DaemonDegraded => match blamed(view, &problem.subject.name) {
            Some(HealthCause::Space) => Role::MissesRoom,
            Some(HealthCause::Jobs(kind)) => Role::MissesJobs(kind),
            None => Role::Weak,
        },
        Code::MasterDegraded | Code::Outbox | Code::EventLog => Role::Weak,
        Code::LoopStalled | Code::LaneStands => Role::Stands,
        Code::DiskForecast
        | Code::WatchDown
        | Code::ConfigNotLoaded
        | Code::NoPromotion
        | Code::RulesChanged
        | Code::SubscriberLag
        | Code::DeadLetters => Role::Alone,
        Code::DatabaseLost | Code::ArtefactLost | Code::ClockHold | Code::Clock | Code::GpuLost | Code::Unknown => {
            Role::Alone
        }
    }
}

/// In a circle the lighter one is the cause: what a person did or what cannot work, before what merely is not up.
pub fn weight(code: Code) -> u8 {
    match code {
        Code::UnitMasked | Code::UnitMissing | Code::ConfigRefused | Code::DataUnusable => 0,
        Code::DaemonHeld => 1,
        Code::DaemonFailed | Code::DaemonCrashing | Code::RouterDown | Code::CoordinatorDown => 2,
        Code::DaemonDegraded | Code::DaemonSilent => 3,
        Code::SocketFailed => 4,
        _ => 5,
    }
}
