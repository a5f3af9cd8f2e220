//! `ringrift artefacts`: what of the artefact store would go and why the rest stays; the catalog made anew from files and events.
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
    /// Delete what the retention rules let go; with --dry-run only show it, and why the rest stays
    Prune(Prune),
    /// Enter into the catalog what is in the artefact store and in the event log and is missing there
    Rebuild(Rebuild),
}

/// Delete what the retention rules let go. DATA_PIPELINE does so every minute by itself.
#[derive(Debug, Args)]
pub struct Prune {
    /// Only show what would go and why the rest stays
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Show only what goes
    #[arg(long)]
    going: bool,
}

/// Rebuild the catalog: each file of the store is checked against its SHA-256, then the event log is read from its beginning.
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
            let word = if self.dry_run { "would go" } else { "deleted" };
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
            let table = out.table(&["", "ARTEFACT", "KIND", "CONFIG", "SIZE", "WHY"], rows.collect());
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
    let types = ["work_started", "work_completed", "work_failed", "model_promoted", "promotion_rejected", "model_distribution_complete"];
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
        "the catalog has {} from the files and {} from the event log that it had not\n",
        text::count(done.files as usize, "artefact"),
        text::count(done.events as usize, "event")
    );
    for problem in &done.problems {
        page += &format!("  not taken over: {problem}\n");
    }
    page
}
