//! `ringrift artefacts`: deletes what the retention rules do not keep, explains what they keep, and rebuilds the
//! catalog from files and events.
use super::out::{Out, Text, Tone};
use super::world::World;
use super::{Done, hub, text};
use crate::contract::catalog::method;
use crate::contract::catalog::{Fate, Rebuilt};
use crate::contract::envelope::Event;
use crate::contract::error::Failure;
use crate::contract::registry::Hub;
use crate::contract::router::{Delivery, Interest, Replay};
use clap::{Args, Subcommand};
use serde_json::json;

/// Events in one call.
const BATCH: usize = 50;
/// Bytes from which on a call is sent; a frame holds four times as many.
const BATCH_BYTES: usize = 256 << 10;

/// The artefact store.
#[derive(Debug, Subcommand)]
pub enum Artefacts {
    /// Delete artefacts that the retention rules do not keep; --dry-run only lists them and why the rest is kept
    Prune(Prune),
    /// Add artefacts and results to the catalog that are in the store or the event log but not in the catalog
    Rebuild(Rebuild),
}

/// Delete artefacts that the retention rules do not keep. DATA_PIPELINE does this once a minute.
#[derive(Debug, Args)]
pub struct Prune {
    /// Only list what would be deleted and why the rest is kept
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// List only what is deleted
    #[arg(long)]
    going: bool,
}

/// Rebuild the catalog: check each file in the store against its SHA-256, then read the whole event log.
#[derive(Debug, Args)]
pub struct Rebuild {}

impl Artefacts {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        match self {
            Artefacts::Prune(verb) => verb.run(world, out),
            Artefacts::Rebuild(_) => rebuild(world, out),
        }
    }
}

impl Prune {
    fn run(self, world: &World, out: &Out) -> Done {
        let mut catalog = hub::ask(world, Hub::Catalog)?;
        let found = catalog.ask(method::Prune, &json!({ "dry_run": self.dry_run }))?;
        let shown: Vec<Fate> = found.fates.into_iter().filter(|f| !(self.going && f.stays)).collect();
        out.either("fates", &shown, || {
            let going: Vec<&Fate> = shown.iter().filter(|f| !f.stays).collect();
            let bytes: u64 = going.iter().map(|f| f.bytes).sum();
            let word = if self.dry_run { "would be deleted" } else { "deleted" };
            let rows = shown.iter().map(|f| {
                let (tone, what) = if f.stays { (Tone::Plain, "stays") } else { (Tone::Warn, word) };
                vec![
                    Text::new(tone, what),
                    Text::plain(text::short(f.id.as_str())),
                    Text::plain(&f.kind),
                    Text::plain(f.config_key.as_str()),
                    Text::number(text::bytes(f.bytes)),
                    Text::plain(&f.why),
                ]
            });
            let table = out.table(&["", "ARTEFACT", "KIND", "CONFIG", "SIZE", "REASON"], rows.collect());
            format!("{table}{}: {}, {}\n", word, text::count(going.len(), "artefact"), text::bytes(bytes))
        })
    }
}

fn rebuild(world: &World, out: &Out) -> Done {
    let mut done = Rebuilt::default();
    loop {
        let ask = json!({ "files": true, "after": done.next, "events": [] });
        done.add(hub::ask(world, Hub::Catalog)?.ask(method::Rebuild, &ask)?);
        if done.next.is_none() {
            break;
        }
    }
    let types = [
        "work_started",
        "work_completed",
        "work_failed",
        "model_promoted",
        "promotion_rejected",
        "model_distribution_complete",
    ];
    let interest = Interest { types: types.map(str::to_owned).to_vec(), categories: Vec::new() };
    let (mut part, mut bytes) = (Vec::new(), 0);
    let mut send = |part: &mut Vec<Event>| -> Result<(), Failure> {
        done.add(hub::ask(world, Hub::Catalog)?.ask(method::Rebuild, &json!({ "files": false, "events": part }))?);
        part.clear();
        Ok(())
    };
    let mut router = hub::ask(world, Hub::Router)?;
    router.stream("Replay", &Replay { interest, ..Replay::default() }, false, |delivery: Delivery| {
        let Some(event) = delivery.event else { return Ok(()) };
        bytes += serde_json::to_vec(&event).map_or(0, |text| text.len());
        part.push(event);
        if part.len() >= BATCH || bytes > BATCH_BYTES {
            bytes = 0;
            send(&mut part)?;
        }
        Ok(())
    })?;
    send(&mut part)?;
    out.either("rebuilt", &done, || summary(&done))
}

fn summary(done: &Rebuilt) -> String {
    let mut page = format!(
        "added to the catalog: {} from files, {} from the event log\n",
        text::count(done.files as usize, "artefact"),
        text::count(done.events as usize, "event")
    );
    for problem in &done.problems {
        page += &format!("  not added: {problem}\n");
    }
    page
}
