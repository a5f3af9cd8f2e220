//! The loss curves as an SVG.

use plotters::prelude::*;

use super::checkpoint::EpochLosses;
use crate::failure::Failure;

/// Draws policy and value losses over the epochs, learned and held back.
pub fn losses(history: &[EpochLosses], title: &str) -> Result<String, Failure> {
    let mut svg = String::new();
    draw(history, title, &mut svg).map_err(|e| Failure::internal("drawing the loss curves", e))?;
    Ok(svg)
}

fn draw(history: &[EpochLosses], title: &str, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(svg, (800, 600)).into_drawing_area();
    root.fill(&WHITE)?;
    let root = root.titled(title, ("sans-serif", 20))?;
    let (upper, lower) = root.split_vertically(280);
    curve(&upper, "policy: cross-entropy", history, |l| l.train.policy, |l| l.validation.policy)?;
    curve(&lower, "value: mean squared error", history, |l| l.train.value, |l| l.validation.value)?;
    root.present()?;
    Ok(())
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn curve(
    area: &Area<'_>,
    name: &str,
    history: &[EpochLosses],
    train: fn(&EpochLosses) -> f32,
    validation: fn(&EpochLosses) -> f32,
) -> Result<(), Box<dyn std::error::Error>> {
    let all = || history.iter().flat_map(|l| [train(l), validation(l)]);
    let low = all().fold(f32::INFINITY, f32::min) * 0.95;
    let high = all().fold(f32::NEG_INFINITY, f32::max) * 1.05 + 1e-6;
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .caption(name, ("sans-serif", 14))
        .x_label_area_size(28)
        .y_label_area_size(48)
        .build_cartesian_2d(1.0f32..(history.len().max(2) as f32), low.min(high - 1e-6)..high)?;
    chart.configure_mesh().x_desc("epoch").x_label_formatter(&|x| format!("{x:.0}")).draw()?;
    let points = |f: fn(&EpochLosses) -> f32| history.iter().enumerate().map(move |(i, l)| (i as f32 + 1.0, f(l)));
    for (label, f, colour) in [("learned", train, BLUE), ("held back", validation, RED)] {
        chart
            .draw_series(LineSeries::new(points(f), colour.stroke_width(2)))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour));
    }
    chart.configure_series_labels().border_style(BLACK).background_style(WHITE).draw()?;
    Ok(())
}
