//! `ringrift pipeline show`: where each configuration stands in the cycle.
use crate::cli::out::{Out, Text, Tone};
use crate::cli::world::World;
use crate::cli::{Done, hub, text};
use crate::contract::catalog::StageState;
use crate::contract::catalog::method;
use crate::contract::coordinator::CoordinatorStatus;
use crate::contract::coordinator::conditions::Waiting;
use crate::contract::error::{Exit, Failure};
use crate::contract::ids::ConfigKey;
use crate::contract::registry::Hub;
use crate::coordination::judge;
use clap::Args;
use serde_json::json;

/// Show the stage of each configuration in the training cycle.
#[derive(Debug, Args)]
pub struct Show {
    /// Only this configuration
    key: Option<ConfigKey>,
}

/// The stages in their order, as the catalog names them.
const STAGES: [&str; 5] = ["selfplay", "npz_export", "training", "evaluation", "promotion"];

impl Show {
    /// Prints it; while the catalog is away, DATA_PIPELINE's last word with its age.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let stages = match hub::ask(world, Hub::Catalog).and_then(|mut c| c.ask(method::Stages, &json!({}))) {
            Ok(listed) => listed.stages,
            Err(why) if matches!(why.exit, Exit::Unavailable | Exit::NotPermitted) => snapshot(world, out, why)?,
            Err(other) => return Err(other),
        };
        let stages: Vec<StageState> =
            stages.into_iter().filter(|s| self.key.as_ref().is_none_or(|k| s.config_key == *k)).collect();
        out.either("stages", &stages, || match stages.is_empty() {
            true => "no games have been played yet; `ringrift jobs list` shows queued jobs\n".into(),
            false => {
                let waits = waiting(world);
                stages.iter().map(|s| page(s, &waits, world, out)).collect::<Vec<_>>().join("\n")
            }
        })
    }
}

/// What DATA_PIPELINE last wrote into its status file.
fn snapshot(world: &World, out: &Out, why: Failure) -> Result<Vec<StageState>, Failure> {
    let Some(report) = world.report("data-pipeline") else { return Err(why) };
    let found = report.snapshot.get("stages").cloned().and_then(|s| serde_json::from_value(s).ok());
    let Some(stages) = found else { return Err(why) };
    out.aside(
        Tone::Warn,
        "note:",
        &format!("{why}; showing its last report, {} old", text::age(report.time_us, world.now_us)),
    );
    Ok(stages)
}

/// What waits, by the coordinator's last word.
fn waiting(world: &World) -> Vec<Waiting> {
    let status = world
        .report("coordinator")
        .and_then(|report| serde_json::from_value::<CoordinatorStatus>(report.snapshot).ok());
    status.map(|status| status.conditions.waiting).unwrap_or_default()
}

fn page(s: &StageState, waits: &[Waiting], world: &World, out: &Out) -> String {
    let graph: Vec<String> =
        STAGES
            .iter()
            .map(|name| {
                if *name == s.stage {
                    out.paint(Tone::Good, &format!("● {name}"))
                } else {
                    out.paint(Tone::Dim, name)
                }
            })
            .collect();
    let (generation, elo) = s.champion.as_ref().map_or((0, 0.0), |c| (c.generation, c.elo));
    let since = text::age(s.since_us, world.now_us);
    let mut page = format!("{} generation {generation}, {elo:+.0} Elo\n", out.paint(Tone::Bold, s.config_key.as_str()));
    page += &format!("  {}\n", graph.join(out.paint(Tone::Dim, " → ").as_str()));
    page += &format!("  {} for {since}: {}\n", s.stage, s.reason);
    if let Some(why) = waits.iter().find(|w| w.config_key == s.config_key).and_then(judge::waits_for) {
        page += &format!("{}\n", out.wrapped(&format!("waits: {why}"), 2).join("\n"));
    }
    if !s.set_aside.is_empty() {
        let since = s.rules_since_us.map_or_else(String::new, |at| format!(" since {}", text::age(at, world.now_us)));
        let aside: Vec<String> = s.set_aside.iter().map(ToString::to_string).collect();
        page += &format!("  rules version {}{since}; kept but not used: {}\n", s.rules_version, aside.join("; "));
    }
    let rows = vec![
        vec![
            Text::dim("  games"),
            Text::number(s.games.to_string()),
            Text::plain(format!("{} since the last export", s.games_since_export)),
        ],
        vec![Text::dim("  samples"), Text::number(s.samples.to_string()), Text::plain("")],
        vec![Text::dim("  models"), Text::number(s.models.to_string()), Text::plain(champion(s, world))],
        vec![
            Text::dim("  matches"),
            Text::number(s.matches.to_string()),
            Text::plain(format!("{} rejected since the last promotion", s.refusals)),
        ],
    ];
    page + &out.table(&[], rows)
}

fn champion(s: &StageState, world: &World) -> String {
    match &s.champion {
        Some(c) => format!(
            "champion {} promoted {} ago",
            text::short(c.model_id.as_str()),
            text::age(c.promoted_us, world.now_us)
        ),
        None => "no champion yet: self-play uses the untrained network".into(),
    }
}
