//! `ringrift daemon list`: every daemon and its state.
use crate::cli::Done;
use crate::cli::look::{Row, Seen};
use crate::cli::out::{Out, Text};
use crate::cli::registry::category;
use crate::cli::world::World;
use crate::contract::health::State;
use clap::Args;

/// List daemons and their states, one per line.
#[derive(Debug, Args)]
pub struct List {
    /// Only this category
    #[arg(short, long)]
    category: Option<String>,
    /// Include planned daemons
    #[arg(short, long)]
    all: bool,
}

impl List {
    /// Prints them.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let wanted = self.category.as_deref().map(category).transpose()?;
        let mut rows = Seen::look(world)?.daemons();
        rows.retain(|r| self.all || r.state != State::Planned);
        rows.retain(|r| wanted.is_none_or(|c| c.name() == r.category));
        out.either("daemons", &rows, || {
            let line = |r: &Row| {
                vec![
                    Text::new(r.tone(), format!("{} {}", r.dot(), r.name)),
                    Text::new(r.tone(), r.words()),
                    Text::dim(&r.category),
                    Text::plain(if r.reason.is_empty() { &r.last } else { &r.reason }),
                ]
            };
            out.table(&["  NAME", "STATE", "CATEGORY", "ACTIVITY"], rows.iter().map(line).collect())
        })
    }
}
