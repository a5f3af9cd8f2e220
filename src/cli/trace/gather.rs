//! Finding the chain: from what was asked for to its first event, then all that belongs to it.
use super::found::{Artefact, Found, Placed};
use crate::cli::hub::{self, Asked};
use crate::cli::text;
use crate::cli::world::World;
use crate::contract::catalog::{ArtefactFilter, ArtefactRecord, LineageStep};
use crate::contract::envelope::Event;
use crate::contract::error::{Exit, Failure};
use crate::contract::events::Category;
use crate::contract::ids::{Digest, EventId, JobId};
use crate::contract::registry::Hub;
use crate::contract::router::calls::Fetched;
use crate::contract::router::{Delivery, Fetch, Interest, Replay};
use crate::contract::time::Wall;
use crate::contract::{catalog, coordinator};
use serde_json::json;
use std::collections::BTreeSet;

/// An artefact is looked for by its first digits among the newest this many.
const NEWEST: u32 = 10_000;
/// Fewest digits that are taken for an artefact.
const DIGITS: usize = 6;
/// More ancestors and descendants than these are not of use on a page.
const MAX_ARTEFACTS: usize = 60;
/// A job's events stand at most this long before its item and after its end: clocks differ, and the outbox may wait for
/// the router.
const SLACK_US: i64 = 3_600_000_000;

/// The hubs, as far as they run.
struct Hubs {
    router: Asked,
    coordinator: Option<Asked>,
    catalog: Option<Asked>,
}

/// Everything about a thing.
pub fn gather(world: &World, thing: &str, lines: usize) -> Result<Found, Failure> {
    let mut found = Found::default();
    let mut optional = |hub, what: &str| match hub::ask(world, hub) {
        Ok(asked) => Some(asked),
        Err(failure) => {
            found.notes.push(format!("{what} not shown: {}", failure.message));
            None
        }
    };
    let coordinator = optional(Hub::Coordinator, "jobs are");
    let catalog = optional(Hub::Catalog, "artefacts are");
    let mut hubs = Hubs { router: hub::ask(world, Hub::Router)?, coordinator, catalog };
    let entry = enter(&mut hubs, thing, &mut found)?;
    found.entry = entry.as_ref().map(|e| e.event.id.to_string());
    if let Some(entry) = entry {
        let root = entry.event.correlation.clone().unwrap_or_else(|| entry.event.id.clone());
        chain(&mut hubs, &root, lines, &mut found)?;
        if !found.events.iter().any(|placed| placed.event.id == entry.event.id) {
            found.events.push(Placed { seq: entry.seq, event: entry.event });
        }
        found.root = Some(root.to_string());
    }
    jobs(&mut hubs, &mut found);
    Ok(found)
}

/// The event by which the chain is entered.
fn enter(hubs: &mut Hubs, thing: &str, found: &mut Found) -> Result<Option<Fetched>, Failure> {
    if let Ok(seq) = thing.parse::<u64>() {
        found.about = format!("event at position {seq}");
        return event(hubs, Fetch { seq: Some(seq), id: None }).map(Some);
    }
    if let Ok(id) = EventId::new(thing) {
        found.about = format!("event {id}");
        return event(hubs, Fetch { id: Some(id), seq: None }).map(Some);
    }
    let hexadecimal =
        (DIGITS..=64).contains(&thing.len()) && thing.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if hexadecimal && let Some(record) = artefact(hubs, thing, found)? {
        found.about = format!(
            "{} {} of {}, made by job {}",
            record.kind,
            text::short(record.id.as_str()),
            record.config_key,
            record.job_id
        );
        return job(hubs, &record.job_id, Some(record.created_us), found);
    }
    // A game is named after its job.
    let game = thing
        .rsplit_once('-')
        .filter(|(job, n)| n.len() == 5 && n.bytes().all(|b| b.is_ascii_digit()) && job.contains('-'));
    let name = game.map_or(thing, |(job, _)| job);
    let Ok(id) = JobId::new(name) else {
        return Err(Failure::new(Exit::Usage, format!("{thing:?} is not an event, job, artefact or game"))
            .hint("`ringrift events tail`, `ringrift jobs list` and `ringrift models list` list them"));
    };
    found.about = match game {
        Some((_, n)) => format!("game {n} of job {id}"),
        None => format!("job {id}"),
    };
    let entry = job(hubs, &id, None, found)?;
    if entry.is_none() && found.jobs.is_empty() {
        return Err(Failure::new(Exit::Failure, format!("{thing:?} not found"))
            .hint("its events may have been deleted; `ringrift jobs list` and `ringrift models list` list them"));
    }
    Ok(entry)
}

fn event(hubs: &mut Hubs, ask: Fetch) -> Result<Fetched, Failure> {
    hubs.router.call("Fetch", &ask)
}

/// An artefact by its hash or the first digits of it, with what it was made from and what was made of it.
fn artefact(hubs: &mut Hubs, digits: &str, found: &mut Found) -> Result<Option<ArtefactRecord>, Failure> {
    let Some(catalog) = &mut hubs.catalog else { return Ok(None) };
    let record = match Digest::new(digits) {
        Ok(id) => catalog.ask(catalog::method::Get, &json!({ "id": id }))?.artefact,
        Err(_) => {
            let mut fits = Vec::new();
            let take = |a: ArtefactRecord| {
                fits.extend(a.id.as_str().starts_with(digits).then_some(a));
                fits.len() < 2
            };
            let newest = ArtefactFilter { limit: Some(NEWEST), ..ArtefactFilter::default() };
            newest.walk(|page| catalog.ask(catalog::method::List, page), take)?;
            let mut fits = fits.into_iter();
            match (fits.next(), fits.next()) {
                (None, _) => return Ok(None),
                (Some(one), None) => one,
                (Some(_), Some(_)) => {
                    return Err(Failure::new(Exit::Usage, format!("more than one artefact starts with {digits}"))
                        .hint("give more digits"));
                }
            }
        }
    };
    let catalog::Lineage { mut steps, left_out } =
        catalog.ask(catalog::method::Lineage, &json!({ "id": record.id }))?;
    steps.sort_by_key(|step| (-step.depth, step.artefact.seq));
    if steps.len() > MAX_ARTEFACTS || left_out > 0 {
        let (shown, all) = (steps.len().min(MAX_ARTEFACTS), steps.len() as u64 + left_out);
        found.notes.push(format!("showing the nearest {shown} of {all} artefacts"));
        steps.sort_by_key(|step| step.depth.abs());
        steps.truncate(MAX_ARTEFACTS);
        steps.sort_by_key(|step| (-step.depth, step.artefact.seq));
    }
    found.artefacts = steps
        .into_iter()
        .map(|LineageStep { depth, artefact: a }| Artefact {
            depth,
            kind: a.kind,
            id: a.id.to_string(),
            config_key: a.config_key.to_string(),
            job_id: a.job_id.to_string(),
            created_us: a.created_us,
        })
        .collect();
    Ok(Some(record))
}

/// The event that a job's chain is entered by: what caused it or, when nothing did, its own. `near`: when it is known
/// to have run.
fn job(hubs: &mut Hubs, id: &JobId, near: Option<i64>, found: &mut Found) -> Result<Option<Fetched>, Failure> {
    let item = hubs
        .coordinator
        .as_mut()
        .and_then(|c| c.ask(coordinator::method::Show, &json!({ "work_id": id })).ok())
        .map(|shown| shown.item);
    if let Some(cause) = item.as_ref().and_then(|item| item.work.cause.clone())
        && let Ok(entry) = event(hubs, Fetch { id: Some(cause), seq: None })
    {
        found.jobs.extend(item);
        return Ok(Some(entry));
    }
    let from = item.as_ref().map(|item| item.created_us.us() - SLACK_US);
    let to = item.as_ref().and_then(|item| item.completed_us).map(Wall::us).or(near).map(|end| end + SLACK_US);
    let ask = Replay {
        interest: Interest { types: Vec::new(), categories: vec![Category::Work] },
        key: item.as_ref().map(|item| item.work.config_key.clone()),
        since_us: from,
        ..Replay::default()
    };
    found.jobs.extend(item);
    let mut own: Vec<Fetched> = Vec::new();
    hubs.router.stream("Replay", &ask, false, |delivery: Delivery| {
        if let Some(event) = delivery.event.filter(|e| work_id(e) == Some(id.as_str()))
            && to.is_none_or(|to| event.time_us <= to)
        {
            own.push(Fetched { seq: delivery.seq, event });
        }
        Ok(())
    })?;
    // Events of a job that nothing caused begin a chain each; what came of it hangs on the last one.
    let last = own.pop();
    found.events.extend(own.into_iter().map(|f| Placed { seq: f.seq, event: f.event }));
    if last.is_none() && !found.jobs.is_empty() {
        found.notes.push("the job's events have been deleted".into());
    }
    Ok(last)
}

/// The job that an event is about.
pub fn work_id(event: &Event) -> Option<&str> {
    ["work_id", "task_id", "job_id"].into_iter().find_map(|field| event.payload.get(field)?.as_str())
}

/// All events of a chain.
fn chain(hubs: &mut Hubs, root: &EventId, lines: usize, found: &mut Found) -> Result<(), Failure> {
    let first = event(hubs, Fetch { id: Some(root.clone()), seq: None }).ok();
    let mut ask = Replay { correlation: Some(root.clone()), ..Replay::default() };
    match &first {
        Some(first) => ask.from = first.seq,
        None => {
            found.notes.push(format!("the first event {root} has been deleted"));
            // The id tells when it was made.
            ask.since_us = root.time_us().map(|us| us - SLACK_US);
        }
    }
    let (mut left, have) = (0, found.events.iter().map(|p| p.event.id.clone()).collect::<BTreeSet<_>>());
    let events = &mut found.events;
    hubs.router.stream("Replay", &ask, false, |delivery: Delivery| {
        match delivery.event {
            Some(event) if have.contains(&event.id) => {}
            Some(event) if events.len() < lines => events.push(Placed { seq: delivery.seq, event }),
            Some(_) => left += 1,
            None => {}
        }
        Ok(())
    })?;
    if left > 0 {
        found.notes.push(format!("{left} more events in the chain; raise --lines"));
    }
    Ok(())
}

/// The jobs that the events are about.
fn jobs(hubs: &mut Hubs, found: &mut Found) {
    let Some(coordinator) = &mut hubs.coordinator else { return };
    let known: BTreeSet<String> = found.jobs.iter().map(|job| job.work_id.to_string()).collect();
    let named: BTreeSet<&str> =
        found.events.iter().filter_map(|placed| work_id(&placed.event)).filter(|id| !known.contains(*id)).collect();
    for id in named {
        // One that the queue has forgotten is told by its events alone.
        if let Ok(shown) = coordinator.ask(coordinator::method::Show, &json!({ "work_id": id })) {
            found.jobs.push(shown.item);
        }
    }
}
