//! The table: one entry a daemon, data only. 89 types of the original and the four more names of the seeds.
mod distribution;
mod evaluation;
mod event;
mod feedback;
mod health;
mod pipeline;
mod provider;
mod queue;
mod recovery;
mod resource;
mod sync;

use super::{BASE, Category, DaemonSpec, Hub, Need, Stage};
use crate::contract::events::EventType as E;
use crate::contract::registry::DaemonType as D;

/// The entries by category.
pub(super) const BY_CATEGORY: &[&[DaemonSpec]] = &[
    event::SPECS,
    health::SPECS,
    sync::SPECS,
    pipeline::SPECS,
    evaluation::SPECS,
    distribution::SPECS,
    feedback::SPECS,
    queue::SPECS,
    resource::SPECS,
    recovery::SPECS,
    provider::SPECS,
];
