//! Slices: who yields to whom when processor and disk are short.
use super::names::MANUAL;
use super::text::Text;
use crate::contract::workload::JobType;

/// The files.
pub fn files() -> Vec<(String, String)> {
    let mut files = vec![
        slice("ringrift", "the whole suite", None),
        slice(
            "ringrift-core",
            "hubs and master",
            Some((1000, "All daemons wait for the hubs' answers; hubs use little CPU time.")),
        ),
        slice(
            "ringrift-daemons",
            "daemons",
            Some((500, "They decide what the jobs do next; they use little CPU time.")),
        ),
        slice("ringrift-jobs", "jobs", Some((50, "Jobs get the remaining CPU time, which is nearly all of it."))),
    ];
    for kind in JobType::ALL {
        let name = format!("ringrift-jobs-{kind}");
        files.push(slice(&name, &format!("jobs of type {kind}"), Some(weight(kind))));
    }
    files
}

/// A type's share of processor and disk among the jobs; 100 is systemd's default.
fn weight(kind: JobType) -> (u32, &'static str) {
    match kind {
        JobType::Selfplay => (20, "Fills free capacity and yields to every other stage."),
        JobType::Export => (200, "Short; training waits for it."),
        JobType::Training => (100, "The main work."),
        JobType::Evaluation => (200, "A promotion waits for it."),
        JobType::Tournament => (50, "Nothing waits for it."),
        JobType::Cmaes => (50, "Nothing waits for it."),
        JobType::Pipeline => (100, "Contains the other stages."),
        JobType::Improvement => (100, "Contains the other stages."),
        JobType::Sync => (100, "Mostly waits for the network."),
    }
}

fn slice(name: &str, what: &str, weight: Option<(u32, &str)>) -> (String, String) {
    let text = Text::new()
        .section("Unit")
        .set("Description", format!("RingRift slice for {what}"))
        .set("Documentation", MANUAL)
        .section("Slice")
        .with(|t| match weight {
            Some((weight, why)) => t.why(why).set("CPUWeight", weight).set("IOWeight", weight),
            None => {
                t.why("Accounting for `ringrift status`; put limits for the whole suite into a drop-in of this unit.")
            }
        })
        .set("CPUAccounting", "yes")
        .set("MemoryAccounting", "yes")
        .done();
    (format!("{name}.slice"), text)
}
