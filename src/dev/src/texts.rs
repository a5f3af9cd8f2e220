//! Files with a part by hand and a part that is generated.
use crate::{states, yaml};
use ringrift::contract::registry::{DaemonType, built};

/// Puts the generated part into the text; the error says what the text lacks.
pub type Change = fn(&str) -> Result<String, String>;

/// The files.
pub const ALL: &[(&str, Change)] = &[
    ("config/unified_loop.yaml", configuration),
    ("packaging/polkit-1/rules.d/50-ringrift.rules", polkit),
    ("packaging/dbus-1/system.d/org.ringrift.Master1.conf", |_| Ok(ringrift::contract::rights::policy())),
    ("README.md", readme),
    ("docs/glossary.md", glossary),
];

/// Replaces what stands from `start` on and before `end`.
fn between(text: &str, start: &str, end: &str, part: &str) -> Result<String, String> {
    let from = text.find(start).ok_or_else(|| format!("there is no {start:?}"))?;
    let to = text[from..].find(end).ok_or_else(|| format!("there is no {end:?} after {start:?}"))? + from;
    Ok(format!("{}{part}{}", &text[..from], &text[to..]))
}

fn configuration(text: &str) -> Result<String, String> {
    between(text, "#daemons:\n", "\n## ", &yaml::daemons())
}

/// The units that the master may start and stop, three a line.
fn polkit(text: &str) -> Result<String, String> {
    let units: Vec<String> = ringrift::units::generate().iter().map(|unit| format!("{:?}", unit.name)).collect();
    let lines: Vec<String> = units.chunks(3).map(|three| format!("    {}", three.join(", "))).collect();
    between(text, "var RINGRIFT_UNITS = [", "\n];", &format!("var RINGRIFT_UNITS = [\n{}", lines.join(",\n")))
}

fn readme(text: &str) -> Result<String, String> {
    let counted = format!("The registry names {} daemons; {} are built", DaemonType::ALL.len(), built().count());
    between(text, "The registry names ", ", the others are PLANNED", &counted)
}

/// The drawing of a job's states.
fn glossary(text: &str) -> Result<String, String> {
    between(text, "```mermaid\n", "\nThe drawing is", &states::items())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_its_marks_is_refused_by_what_it_lacks() {
        assert_eq!(between("a[b]c", "[", "]", "[x"), Ok("a[x]c".into()));
        assert_eq!(readme("nothing"), Err("there is no \"The registry names \"".into()));
    }
}
