//! `ringrift optimizer`: utilisation of the nodes, the controllers' decisions with reasons, the self-play target.
use super::out::{Out, Text, Tone};
use super::world::World;
use super::{Done, hub, text};
use crate::contract::coordinator::method;
use crate::contract::coordinator::optimizer::{Action, NodeUse, Rates, Utilization};
use crate::contract::registry::Hub;
use clap::Args;
use serde::Serialize;
use serde_json::json;

/// Show the utilisation of the nodes and the controllers' decisions.
#[derive(Debug, Args)]
pub struct Optimizer {
    /// Number of requests for a self-play target to show
    #[arg(short = 'n', long, default_value_t = 5, value_name = "N")]
    lines: usize,
}

#[derive(Serialize)]
struct Shown {
    utilization: Utilization,
    rates: Rates,
}

impl Optimizer {
    /// Prints it.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let mut coordinator = hub::ask(world, Hub::Coordinator)?;
        let mut shown = Shown {
            utilization: coordinator.ask(method::Utilization, &json!({}))?,
            rates: coordinator.ask(method::Rates, &json!({}))?,
        };
        shown.rates.log.truncate(self.lines);
        out.either("optimizer", &shown, || tell(&shown, world, out))
    }
}

fn percent(value: Option<f64>) -> Text {
    Text::number(value.map_or("unknown".into(), |p| format!("{p:.0} %")))
}

fn node(n: &NodeUse, world: &World) -> Vec<Text> {
    let tone = match n.advice.action {
        Action::None => Tone::Good,
        Action::ScaleUp => Tone::Busy,
        Action::ScaleDown => Tone::Warn,
    };
    vec![
        Text::plain(&n.node),
        percent(n.seen.cpu_percent),
        if n.seen.gpus.is_empty() { Text::dim("none") } else { percent(n.seen.gpu_percent) },
        percent(n.seen.memory_percent),
        Text::number(format!("{} of {}", n.advice.running, n.advice.most)),
        Text::new(tone, format!("{} → {}", n.advice.action.name(), n.advice.jobs)),
        Text::number(text::age(n.at_us.us(), world.now_us)),
        Text::plain(&n.advice.reason),
    ]
}

fn tell(shown: &Shown, world: &World, out: &Out) -> String {
    let used = &shown.utilization;
    let mut all = match used.nodes.is_empty() {
        true => {
            "no measurements yet; RESOURCE_OPTIMIZER takes one a minute: `ringrift daemon status resource_optimizer`\n"
                .to_owned()
        }
        false => {
            let rows = used.nodes.iter().map(|n| node(n, world)).collect();
            out.table(&["NODE", "CPU", "GPU", "MEMORY", "JOBS", "TARGET", "MEASURED", "REASON"], rows)
        }
    };
    all += &format!("\nself-play target: {} games/h\n", used.rate.round());
    if !shown.rates.log.is_empty() {
        let rows = shown.rates.log.iter().map(|r| {
            vec![
                Text::number(text::age(r.at_us.us(), world.now_us)),
                Text::plain(&r.requestor),
                Text::number(format!("{:.0}", r.requested)),
                Text::number(format!("{:.0}", r.rate)),
                Text::plain([std::slice::from_ref(&r.reason), &r.why].concat().join("; ")),
            ]
        });
        all += &out.table(&["AGO", "REQUESTED BY", "REQUESTED", "TARGET", "REASON"], rows.collect());
    }
    all
}
