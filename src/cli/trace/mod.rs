//! `ringrift trace`: what led to an event, a job, a model or a game, and what followed; asked of the hubs that run.
mod found;
mod gather;
mod tree;

use super::Done;
use super::out::{Out, Text, Tone};
use super::text;
use super::world::World;
use clap::Args;
use found::Found;

/// Show the tree from the first event of a chain to the model at its end.
///
/// THING is an event (its id or its place in the log), a job, an artefact (the SHA-256 of a model, of a shard of games
/// or of a sample file, or its first digits) or a game (such as JOB-00042). No unit is started: what only a stopped hub
/// knows is left out with a note.
///
/// Example: ringrift trace 3f0c9a51b2de
#[derive(Debug, Args)]
pub struct Trace {
    /// Event, job, model, shard, samples or game
    #[arg(value_name = "THING")]
    thing: String,
    /// Maximum number of events to show
    #[arg(short = 'n', long, default_value_t = 500, value_name = "N")]
    lines: usize,
}

impl Trace {
    /// Prints it.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let found = gather::gather(world, &self.thing, self.lines)?;
        out.either("trace", &found, || page(&found, world, out))
    }
}

fn page(found: &Found, world: &World, out: &Out) -> String {
    let mut page = format!("{}\n", out.paint(Tone::Bold, &found.about));
    if found.artefacts.len() > 1 {
        let rows = found.artefacts.iter().map(|a| {
            let mark = if a.depth == 0 { Tone::Good } else { Tone::Plain };
            let arrow = match a.depth {
                0 => "●",
                1.. => "from",
                _ => "into",
            };
            vec![
                Text::dim(arrow),
                Text::new(mark, &a.kind),
                Text::new(mark, text::short(&a.id)),
                Text::plain(&a.config_key),
                Text::plain(format!("job {}", a.job_id)),
                Text::dim(format!("{} ago", text::age(a.created_us, world.now_us))),
            ]
        });
        page += &out.table(&[], rows.collect());
        page.push('\n');
    }
    let lines = tree::lines(found);
    let rows = lines.into_iter().map(|line| {
        // To the second: room is dear, and what follows what is seen from the tree.
        let time = line.time_us.map_or(String::new(), |t| text::time(t, world.now_us));
        let time = time.split('.').next().unwrap_or_default().to_owned();
        vec![Text::dim(time), Text::new(line.tone, format!("{}{}", line.branch, line.text))]
    });
    page += &out.table(&[], rows.collect());
    for note in &found.notes {
        page += &format!("{} {note}\n", out.paint(Tone::Warn, "!"));
    }
    page
}
