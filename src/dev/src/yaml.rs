//! The daemons' part of the configuration file: every key with its meaning, range and default, commented out.
use ringrift::contract::registry::{Category, DaemonSpec, Kind, Stage, by_category};

/// Columns of a line at most.
const WIDTH: usize = 120;

/// From `#daemons:` to the last of them.
pub fn daemons() -> String {
    let mut text = String::from("#daemons:\n");
    for category in Category::ALL {
        text += &format!("#  # ---- {} ----\n", category.name());
        by_category(category).for_each(|spec| text += &section(spec));
    }
    text
}

fn section(spec: &DaemonSpec) -> String {
    let suffix = match spec.stage {
        Stage::Built => String::new(),
        Stage::Planned => " (planned)".into(),
        Stage::Alias { of, .. } => format!(" (another name of {})", of.name()),
    };
    let mut text = wrapped("#  # ", &format!("{}: {}{suffix}.", spec.name, spec.purpose));
    let key = spec.daemon.snake();
    if spec.settings.is_empty() {
        return text + &format!("#  {key}: {{enabled: true, interval: {}}}\n", spec.interval);
    }
    text += &format!("#  {key}:\n#    enabled: true\n#    interval: {}\n", spec.interval);
    for setting in spec.settings {
        text += &wrapped("#    # ", &setting.describe());
        text += &format!("#    {}: {}\n", setting.key, scalar(&setting.kind));
    }
    text
}

/// The default; a text in quotes where YAML would take it for something else.
fn scalar(kind: &Kind) -> String {
    let text = kind.default_text();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    match kind {
        Kind::Text { .. } if !text.chars().all(plain) || !text.contains(['/', '.']) || text.parse::<f64>().is_ok() => {
            format!("{text:?}")
        }
        _ => text,
    }
}

/// The text in lines of at most `WIDTH` columns, each with the prefix.
fn wrapped(prefix: &str, text: &str) -> String {
    let (mut lines, mut line) = (String::new(), prefix.to_owned());
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() > WIDTH && line != prefix {
            lines += &format!("{}\n", line.trim_end());
            line = prefix.to_owned();
        }
        line += word;
        line.push(' ');
    }
    lines + line.trim_end() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringrift::contract::registry::Form;

    #[test]
    fn texts_that_yaml_would_misread_are_quoted() {
        let text = |default| scalar(&Kind::Text { default, form: Form::Any });
        assert_eq!((text("/var/x.db"), text("127.0.0.1")), ("/var/x.db".into(), "127.0.0.1".into()));
        assert_eq!(
            (text(""), text("yes"), text("1.5"), text("a: b")),
            ("\"\"".into(), "\"yes\"".into(), "\"1.5\"".into(), "\"a: b\"".into())
        );
    }

    #[test]
    fn no_line_is_too_long() {
        assert!(daemons().lines().all(|l| l.chars().count() <= WIDTH));
    }
}
