//! Draws how the optimizer kept a machine within its band, from the samples of scripts/bench-optimizer, and says it in
//! figures.
use anyhow::{Context, Result, ensure};
use clap::Parser;
use plotters::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use std::path::PathBuf;

/// The band that configuration gives by default, percent.
const BAND: (f64, f64) = (60.0, 80.0);

/// Draws samples of the optimizer.
#[derive(Debug, Parser)]
struct Args {
    /// A file with one sample a line.
    samples: PathBuf,
    /// Where the picture and the figures go.
    #[arg(long)]
    out: PathBuf,
    /// The day, for the title.
    #[arg(long)]
    date: String,
}

#[derive(Debug, Deserialize)]
struct Line {
    second: f64,
    other: f64,
    answer: Value,
}

/// What the machine was at one moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    minute: f64,
    other: f64,
    percent: f64,
    running: f64,
    wanted: f64,
}

fn sample(text: &str) -> Option<Sample> {
    let line: Line = serde_json::from_str(text).ok()?;
    let node = line.answer.pointer("/optimizer/utilization/nodes/0")?;
    let number = |path: &str| node.pointer(path).and_then(Value::as_f64);
    Some(Sample {
        minute: line.second / 60.0,
        other: line.other,
        percent: number("/seen/cpu_percent")?,
        running: number("/advice/running")?,
        wanted: number("/advice/jobs")?,
    })
}

fn main() -> Result<()> {
    let args = Args::parse();
    let text = std::fs::read_to_string(&args.samples).with_context(|| format!("reading {}", args.samples.display()))?;
    let samples: Vec<Sample> = text.lines().filter_map(sample).collect();
    ensure!(
        samples.len() > 10,
        "{} has {} samples that can be read; more than 10 are wanted",
        args.samples.display(),
        samples.len()
    );
    let svg = args.out.join("optimizer.svg");
    draw(&samples, &svg, &args.date).map_err(|e| anyhow::anyhow!("drawing {}: {e}", svg.display()))?;
    let table = args.out.join("optimizer.md");
    std::fs::write(&table, figures(&samples)).with_context(|| format!("writing {}", table.display()))
}

/// One row for each stretch between two changes of the other work.
fn figures(samples: &[Sample]) -> String {
    let mut text = String::from(
        "| minutes | other load | mean utilisation | time in target range | jobs | changes of the number of jobs \
            |\n|--|--|--:|--:|--:|--:|\n",
    );
    for stretch in samples.chunk_by(|a, b| a.other == b.other) {
        // The first minute is the way there.
        let settled: Vec<&Sample> = stretch.iter().filter(|s| s.minute >= stretch[0].minute + 1.0).collect();
        let count = settled.len().max(1) as f64;
        let mean = |of: fn(&Sample) -> f64| settled.iter().map(|s| of(s)).sum::<f64>() / count;
        let inside = settled.iter().filter(|s| (BAND.0..=BAND.1).contains(&s.percent)).count() as f64 / count;
        let changes = settled.windows(2).filter(|pair| pair[0].running != pair[1].running).count();
        text.push_str(&format!(
            "| {:.0} to {:.0} | {} | {:.0} % | {:.0} % | {:.1} | {changes} |\n",
            stretch[0].minute,
            stretch[stretch.len() - 1].minute,
            if stretch[0].other > 0.0 { "a whole core" } else { "none" },
            mean(|s| s.percent),
            100.0 * inside,
            mean(|s| s.running),
        ));
    }
    text
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(samples: &[Sample], path: &std::path::Path, date: &str) -> Drawn {
    let root = SVGBackend::new(path, (800, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let end = samples.last().map_or(1.0, |s| s.minute);
    let most = samples.iter().map(|s| s.running.max(s.wanted)).fold(4.0, f64::max) + 1.0;
    let mut chart = ChartBuilder::on(&root)
        .margin(8)
        .caption(format!("self-play under the optimizer on a real machine, {date}"), ("sans-serif", 18))
        .x_label_area_size(36)
        .y_label_area_size(52)
        .right_y_label_area_size(44)
        .build_cartesian_2d(0.0..end, 0.0..100.0)?
        .set_secondary_coord(0.0..end, 0.0..most * 2.0);
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("minutes")
        .y_desc("use of the processors")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0} %"))
        .draw()?;
    chart.configure_secondary_axes().y_desc("self-play jobs").y_label_formatter(&|y| format!("{y:.0}")).draw()?;
    chart.draw_series([Rectangle::new([(0.0, BAND.0), (end, BAND.1)], GREEN.mix(0.12).filled())])?;
    for stretch in samples.chunk_by(|a, b| a.other == b.other).filter(|s| s[0].other > 0.0) {
        let (from, to) = (stretch[0].minute, stretch[stretch.len() - 1].minute);
        chart.draw_series([Rectangle::new([(from, 0.0), (to, 4.0)], BLACK.mix(0.3).filled())])?;
    }
    chart
        .draw_series(LineSeries::new(samples.iter().map(|s| (s.minute, s.percent)), BLUE.stroke_width(2)))?
        .label("use of the processors")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], BLUE));
    let steps =
        samples.windows(2).flat_map(|pair| [(pair[0].minute, pair[0].running), (pair[1].minute, pair[0].running)]);
    chart
        .draw_secondary_series(LineSeries::new(steps, RED.stroke_width(2)))?
        .label("self-play jobs that run")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], RED));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    root.present()?;
    Ok(())
}
