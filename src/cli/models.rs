//! `ringrift models list`: champions, candidates and their ratings.
use super::out::{Out, Text, Tone};
use super::world::World;
use super::{Done, hub, text};
use crate::contract::catalog::method;
use crate::contract::catalog::{ArtefactFilter, ArtefactRecord, Rating};
use crate::contract::ids::ConfigKey;
use crate::contract::registry::Hub;
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

/// Models.
#[derive(Debug, Subcommand)]
pub enum Models {
    /// List the models in the catalog, newest first; the champion is marked
    List(List),
}

/// List models.
#[derive(Debug, Args)]
pub struct List {
    /// Only this configuration
    key: Option<ConfigKey>,
    /// Maximum number of models
    #[arg(short = 'n', long, default_value_t = 50, value_name = "N")]
    lines: u32,
}

#[derive(Serialize)]
struct Model {
    #[serde(flatten)]
    artefact: ArtefactRecord,
    champion: bool,
    rating: Option<Rating>,
}

impl Models {
    /// Runs the verb.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let Models::List(list) = self;
        list.run(world, out)
    }
}

impl List {
    /// Prints them.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let mut catalog = hub::ask(world, Hub::Catalog)?;
        let filter = ArtefactFilter {
            kind: Some("model".into()),
            config_key: self.key,
            limit: Some(self.lines),
            ..ArtefactFilter::default()
        };
        let mut found: Vec<ArtefactRecord> = Vec::new();
        let take = |artefact| {
            found.push(artefact);
            true
        };
        filter.walk(|page| catalog.ask(method::List, page), take)?;
        // A rebuilt catalog has entered them in another order.
        found.sort_by_key(|artefact| std::cmp::Reverse(artefact.created_us));
        let stages = catalog.ask(method::Stages, &json!({}))?;
        let mut ratings: Vec<Rating> = Vec::new();
        let mut keys: Vec<&ConfigKey> = found.iter().map(|a| &a.config_key).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            ratings.extend(catalog.ask(method::Ratings, &json!({ "config_key": key }))?.ratings);
        }
        let leads =
            |a: &ArtefactRecord| stages.stages.iter().filter_map(|s| s.champion.as_ref()).any(|c| c.model_id == a.id);
        let models: Vec<Model> = found
            .into_iter()
            .map(|a| Model {
                champion: leads(&a),
                rating: ratings.iter().find(|r| r.model_id == a.id).cloned(),
                artefact: a,
            })
            .collect();
        out.either("models", &models, || {
            let rows = models.iter().map(|m| line(m, world)).collect::<Vec<_>>();
            match rows.is_empty() {
                true => "no model has been trained yet\n".to_owned(),
                false => out.table(&["  MODEL", "CONFIG", "ELO", "95 %", "GAMES", "AGE", "JOB"], rows),
            }
        })
    }
}

fn line(m: &Model, world: &World) -> Vec<Text> {
    let (tone, mark) = if m.champion { (Tone::Good, "★") } else { (Tone::Plain, " ") };
    let rating = m.rating.as_ref();
    vec![
        Text::new(tone, format!("{mark} {}", text::short(m.artefact.id.as_str()))),
        Text::plain(m.artefact.config_key.as_str()),
        Text::number(rating.map(|r| format!("{:+.0}", r.elo)).unwrap_or_default()),
        Text::plain(rating.map(|r| format!("{:+.0} to {:+.0}", r.elo_low, r.elo_high)).unwrap_or_default()),
        Text::number(rating.map(|r| r.games_played.to_string()).unwrap_or_default()),
        Text::number(text::age(m.artefact.created_us, world.now_us)),
        Text::plain(m.artefact.job_id.as_str()),
    ]
}
