//! `ringrift events dlq`: dead letters.
use crate::cli::out::{Out, Text};
use crate::cli::world::World;
use crate::cli::{Done, hub, text};
use crate::contract::ids::SubscriberName;
use crate::contract::registry::Hub;
use crate::contract::router::calls::{Count, DeadLetterShown};
use crate::contract::router::{DeadLetter, DeadLetterFilter, DeadLetterList};
use clap::{Args, Subcommand};
use serde_json::json;

/// Dead letters.
#[derive(Debug, Subcommand)]
pub enum Dlq {
    /// List dead letters, oldest first
    List(Which),
    /// Show one letter with all its errors
    Show {
        /// Number of the letter
        id: u64,
    },
    /// Deliver letters again, with a new set of attempts
    Redrive(Which),
    /// Delete letters
    Purge(Which),
}

/// Which letters.
#[derive(Debug, Args)]
pub struct Which {
    /// Number of a letter
    id: Option<u64>,
    /// All letters of one subscriber
    #[arg(short, long)]
    subscriber: Option<SubscriberName>,
    /// All letters
    #[arg(short, long)]
    all: bool,
}

impl Which {
    fn filter(&self) -> DeadLetterFilter {
        DeadLetterFilter { id: self.id, subscriber: self.subscriber.clone(), ..DeadLetterFilter::default() }
    }

    /// The filter of a change, which must name its letters.
    fn change(&self) -> Result<DeadLetterFilter, crate::contract::error::Failure> {
        use crate::contract::error::{Exit, Failure};
        if self.id.is_none() && self.subscriber.is_none() && !self.all {
            return Err(
                Failure::new(Exit::Usage, "no dead letter named").hint("give a number, --subscriber NAME or --all")
            );
        }
        Ok(self.filter())
    }
}

impl Dlq {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        match self {
            Dlq::List(which) => list(world, out, &which.filter()),
            Dlq::Show { id } => show(world, out, id),
            Dlq::Redrive(which) => change(world, out, "DeadLetterRedrive", "queued for delivery", &which.change()?),
            Dlq::Purge(which) => change(world, out, "DeadLetterPurge", "deleted", &which.change()?),
        }
    }
}

fn kind(letter: &DeadLetter) -> &str {
    letter.event.as_ref().map_or("?", |e| e.event_type().map_or(e.kind.as_str(), |t| t.info().name))
}

fn list(world: &World, out: &Out, filter: &DeadLetterFilter) -> Done {
    let listed: DeadLetterList = hub::ask(world, Hub::Router)?.call("DeadLetterList", filter)?;
    out.either("letters", &listed.letters, || {
        let rows = listed.letters.iter().map(|l| {
            vec![
                Text::number(l.id.to_string()),
                Text::plain(l.subscriber.as_str()),
                Text::plain(kind(l)),
                Text::number(l.attempts.to_string()),
                Text::number(l.redriven.to_string()),
                Text::number(text::age(l.dead_us, world.now_us)),
                Text::plain(&l.reason),
            ]
        });
        let more = if listed.truncated {
            "there are more, younger ones; --subscriber NAME lists those of one subscriber\n"
        } else {
            ""
        };
        match listed.letters.is_empty() {
            true => "no dead letters\n".to_owned(),
            false => {
                out.table(&["ID", "SUBSCRIBER", "EVENT", "ATTEMPTS", "REDRIVES", "AGE", "REASON"], rows.collect())
                    + more
            }
        }
    })
}

fn show(world: &World, out: &Out, id: u64) -> Done {
    let letter = hub::ask(world, Hub::Router)?.call::<DeadLetterShown>("DeadLetterShow", &json!({ "id": id }))?.letter;
    out.either("letter", &letter, || {
        let mut page = format!("dead letter {}: {} for {}\n", letter.id, kind(&letter), letter.subscriber);
        for (when, why) in &letter.history {
            page += &format!("  {}  {why}\n", text::time(*when, world.now_us));
        }
        if let Some(event) = &letter.event {
            page += &(serde_json::to_string_pretty(event).unwrap_or_default() + "\n");
        }
        page + &format!("`ringrift events dlq redrive {}` delivers it again\n", letter.id)
    })
}

fn change(world: &World, out: &Out, method: &str, what: &str, filter: &DeadLetterFilter) -> Done {
    let done: Count = hub::ask(world, Hub::Router)?.call(method, filter)?;
    out.either("count", &done.count, || format!("{} {what}\n", text::count(done.count as usize, "dead letter")))
}
