//! Rows with aim and reached, printed as they come and written as JSON and Markdown.
use anyhow::{Context, Result};
use serde::Serialize;
use std::path::Path;

/// One row.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// Our figure and theirs, with units.
    pub figures: String,
    /// The aim, if there is one.
    pub aim: Option<f64>,
    /// The median of the rounds' ratios.
    pub ratio: Option<f64>,
    /// Whether the ratio must be at least the aim, or at most.
    pub at_least: bool,
}

impl Row {
    /// Whether the aim is met; nothing for rows without one.
    pub fn reached(&self) -> Option<bool> {
        let (aim, ratio) = (self.aim?, self.ratio?);
        Some(if self.at_least { ratio >= aim } else { ratio <= aim })
    }
    fn cells(&self) -> [String; 5] {
        let sign = if self.at_least { "≥" } else { "≤" };
        let number = |n: f64| if n >= 10.0 { format!("{n:.1}") } else { format!("{n:.2}") };
        [
            self.what.clone(),
            self.figures.clone(),
            self.aim.map_or_else(|| "—".into(), |aim| format!("{sign} {aim}")),
            self.ratio.map_or_else(|| "—".into(), |ratio| format!("{}x", number(ratio))),
            match self.reached() {
                Some(true) => "yes".into(),
                Some(false) => "no".into(),
                None => "—".into(),
            },
        ]
    }
}

/// All of a run.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Which bench.
    pub name: String,
    /// Date, machine, versions, load, in words.
    pub about: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
}

const HEAD: [&str; 5] = ["", "figures (medians)", "aim", "reached", "met"];

impl Report {
    /// Adds a row and prints it.
    pub fn row(&mut self, row: Row) {
        let [what, figures, aim, ratio, met] = row.cells();
        println!("{what:<52} {figures:<58} aim {aim:<8} reached {ratio:<8} {met}");
        self.rows.push(row);
    }
    /// Adds a line about the run and prints it.
    pub fn about(&mut self, line: String) {
        println!("{line}");
        self.about.push(line);
    }
    /// Writes `NAME.json` and `NAME.md` into a folder.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let file = |end: &str| folder.join(format!("{}.{end}", self.name));
        let write = |path: &Path, text: String| {
            std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
        };
        write(&file("json"), serde_json::to_string_pretty(self)?)?;
        let mut text = self.about.join("  \n");
        text.push_str(&format!("\n\n| {} |\n|---|---|---|---|---|\n", HEAD.join(" | ")));
        for row in &self.rows {
            text.push_str(&format!("| {} |\n", row.cells().join(" | ")));
        }
        write(&file("md"), text)?;
        println!("written: {} and {}", file("json").display(), file("md").display());
        Ok(())
    }
}

/// The value in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// The median of the ratios of values that were measured in the same round.
pub fn ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    median(&ours.iter().zip(theirs).map(|(a, b)| a / b).collect::<Vec<_>>())
}

/// The load of the last minute.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
