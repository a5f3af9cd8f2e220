//! `ringrift targets`: utilisation targets and gains, and where each of them is set.
use super::Done;
use super::out::{Out, Text, Tone};
use super::world::World;
use clap::Args;

/// Show the utilisation targets and the controller's gains with their origin.
#[derive(Debug, Args)]
pub struct Targets {}

impl Targets {
    /// Prints them.
    pub fn run(self, world: &World, out: &Out) -> Done {
        let config = world.config()?;
        let ours = |key: &str| key.starts_with("resource_targets.") || key == "runtime.coordinator_dir";
        let shown: Vec<_> = config.show().into_iter().filter(|k| ours(&k.key)).collect();
        out.either("targets", &shown, || {
            let t = &config.config.resource_targets;
            let band = |name: &str, low: f64, target: f64, high: f64| {
                format!(
                    "{name}: target {target} % (range {low} to {high} %); jobs are added below {} %, removed above {} \
                        %\n",
                    t.scale_up, t.scale_down
                )
            };
            let rows = shown.iter().map(|k| {
                let tone = if k.default { Tone::Plain } else { Tone::Busy };
                vec![Text::new(tone, &k.key), Text::dim(&k.origin), Text::plain(k.value.to_string())]
            });
            let table = out.table(&["KEY", "ORIGIN", "VALUE"], rows.collect());
            band("CPU", t.cpu_min, t.cpu_target, t.cpu_max)
                + &band("GPU", t.gpu_min, t.gpu_target, t.gpu_max)
                + "\n"
                + &table
        })
    }
}
