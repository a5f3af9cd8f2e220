//! Drawings of state machines from their tables, in Mermaid's language.
use ringrift::contract::coordinator::WorkStatus;
use ringrift::coordination::transition::Cause;

/// A work item's statuses and what leads from one to another.
pub fn items() -> String {
    let mut lines = vec!["```mermaid".to_owned(), "stateDiagram-v2".to_owned()];
    for cause in Cause::ALL {
        let (rule, name) = (cause.rule(), cause.name());
        let arrow = |from: &str| format!("    {from} --> {}: {name}", rule.to.name());
        match rule.from {
            [] => lines.push(arrow("[*]")),
            from => lines.extend(from.iter().map(|status| arrow(status.name()))),
        }
    }
    let ended = WorkStatus::ALL.into_iter().filter(|status| !status.is_active());
    lines.extend(ended.map(|status| format!("    {} --> [*]", status.name())));
    lines.push("```".to_owned());
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drawing_begins_and_ends() {
        let drawn = items();
        assert!(drawn.contains("[*] --> pending: queued\n") && drawn.contains("    failed --> [*]\n"), "{drawn}");
        assert!(!drawn.contains("pending --> completed"), "{drawn}");
    }
}
