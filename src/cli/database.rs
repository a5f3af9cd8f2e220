//! `ringrift database`: data lost with a damaged database, and the confirmation that somebody has read the notice.
use super::Done;
use super::control::Master;
use super::out::{Out, Text, Tone};
use super::text;
use super::world::World;
use crate::contract::error::{Exit, Failure};
use crate::contract::notice::{Notice, Subject};
use clap::{Args, Subcommand};

/// Databases.
#[derive(Debug, Subcommand)]
pub enum Database {
    /// List unconfirmed notices: replaced databases, quarantined files, suspended deletions
    List(List),
    /// Confirm a notice; `ringrift status` then no longer shows it
    Confirm(Confirm),
}

/// List unconfirmed notices.
#[derive(Debug, Args)]
pub struct List {}

/// Confirm the loss of a database or of a file in the artefact store.
#[derive(Debug, Args)]
pub struct Confirm {
    /// Database, for example catalog, or the notice's name in `ringrift database list`
    name: String,
}

impl Database {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        match self {
            Database::List(_) => list(world, out),
            Database::Confirm(verb) => verb.run(world, out),
        }
    }
}

fn list(world: &World, out: &Out) -> Done {
    let notices = world.notices.read();
    out.either("notices", &notices, || match notices.is_empty() {
        true => "nothing to confirm\n".to_owned(),
        false => {
            let rows = notices.iter().map(|n| {
                vec![
                    Text::new(Tone::Bad, &n.id),
                    Text::number(text::age(n.since_us, world.now_us)),
                    Text::plain(&n.what),
                    Text::plain(&n.next),
                ]
            });
            out.table(&["NOTICE", "AGE", "MESSAGE", "TO CONFIRM"], rows.collect())
        }
    })
}

impl Confirm {
    fn run(self, world: &World, out: &Out) -> Done {
        let notices = world.notices.read();
        let Some(notice) = notices.iter().find(|n| self.names(n)) else {
            return Err(Failure::new(Exit::Usage, format!("no unconfirmed notice {:?}", self.name))
                .hint("`ringrift database list` lists them"));
        };
        confirm(world, out, std::slice::from_ref(notice))
    }

    fn names(&self, notice: &Notice) -> bool {
        notice.id == self.name || matches!(&notice.subject, Subject::Database { name, .. } if *name == self.name)
    }
}

/// Has the master remove notices.
pub fn confirm(world: &World, out: &Out, notices: &[Notice]) -> Done {
    let master = Master::connect(world, "confirming")?;
    let ids: Vec<&str> = notices.iter().map(|n| n.id.as_str()).collect();
    for id in &ids {
        master.confirm(id)?;
    }
    out.either("confirmed", &ids, || ids.iter().map(|id| format!("confirmed: {id}\n")).collect())
}
