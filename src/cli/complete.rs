//! What the shells complete beside verbs and options: names of daemons, profiles, event types, configurations and jobs.
use super::hub;
use super::world::World;
use crate::contract::coordinator::method;
use crate::contract::coordinator::{Listed, WorkFilter};
use crate::contract::events::EventType;
use crate::contract::registry::{Hub, Profile, all};
use crate::contract::workload::JobType;
use clap_complete::engine::CompletionCandidate;

/// Most jobs that are offered.
const JOBS: u32 = 100;

/// Every daemon, with what it is for.
pub fn daemons() -> Vec<CompletionCandidate> {
    all().map(|spec| CompletionCandidate::new(spec.name).help(Some(spec.purpose.into()))).collect()
}

/// Every profile.
pub fn profiles() -> Vec<CompletionCandidate> {
    Profile::ALL.iter().map(|profile| CompletionCandidate::new(profile.name())).collect()
}

/// Every type of event.
pub fn events() -> Vec<CompletionCandidate> {
    EventType::ALL.iter().map(|event| CompletionCandidate::new(event.info().name)).collect()
}

/// Every type of job.
pub fn job_types() -> Vec<CompletionCandidate> {
    JobType::ALL.iter().map(|kind| CompletionCandidate::new(kind.name())).collect()
}

/// The configurations that the loop works on.
pub fn configs() -> Vec<CompletionCandidate> {
    let loaded = World::real().config();
    loaded
        .map(|loaded| loaded.config.master.configs.iter().map(|key| CompletionCandidate::new(key.as_str())).collect())
        .unwrap_or_default()
}

/// Jobs that wait or run; none without a coordinator.
pub fn jobs() -> Vec<CompletionCandidate> {
    let ask = || -> Result<Listed, crate::contract::error::Failure> {
        hub::ask(&World::real(), Hub::Coordinator)?
            .ask(method::List, &WorkFilter { limit: Some(JOBS), ..WorkFilter::default() })
    };
    let offer = |item: &crate::contract::coordinator::WorkItem| {
        let what = format!("{} {} {}", item.work.work_type.name(), item.work.config_key, item.status.name());
        CompletionCandidate::new(item.work_id.as_str()).help(Some(what.into()))
    };
    ask().map(|listed| listed.items.iter().map(offer).collect()).unwrap_or_default()
}
