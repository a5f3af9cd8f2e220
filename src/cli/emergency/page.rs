//! The emergency halt as it is shown.
use crate::cli::out::{Out, Tone};
use crate::cli::text;
use crate::cli::world::World;
use crate::contract::coordinator::EmergencyView;

/// Whether it is on, by whom and why, and what was done.
pub fn page(view: &EmergencyView, world: &World, out: &Out) -> String {
    if !view.halted {
        return format!("{} no emergency halt\n", out.paint(Tone::Good, "●"));
    }
    let since =
        if view.since_us > 0 { format!(", {} ago", text::age(view.since_us, world.now_us)) } else { String::new() };
    let by = if view.by.is_empty() { String::new() } else { format!(" by {}", view.by) };
    let mut page = format!("{} HALTED{by}{since}: {}\n", out.paint(Tone::Bad, "●"), view.reason);
    for step in &view.done {
        page += &format!("  {} {step}\n", out.paint(Tone::Dim, "→"));
    }
    page + "  no job starts until `ringrift emergency clear`\n"
}
