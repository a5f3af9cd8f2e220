//! The strength of a run as an SVG: points against fixed players over the minutes, and Elo added up over the
//! promotions.

use plotters::prelude::*;

use super::Strength;
use super::schedule::Side;
use crate::failure::Failure;

/// Draws both.
pub fn strength(s: &Strength) -> Result<String, Failure> {
    let mut svg = String::new();
    draw(s, &mut svg).map_err(|e| Failure::internal("drawing the strength", e))?;
    Ok(svg)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(s: &Strength, svg: &mut String) -> Drawn {
    let root = SVGBackend::with_string(svg, (800, 640)).into_drawing_area();
    root.fill(&WHITE)?;
    let set = &s.run.setting;
    let load = s.run.load.map_or(String::new(), |[mean, ..]| format!(", load average {mean:.1}"));
    let date = if set.date.is_empty() { String::new() } else { format!(", {}", set.date) };
    let title = format!("{}: {} minutes from nothing on {} cores{load}{date}", set.config, set.minutes, set.cores);
    let root = root.titled(&title, ("sans-serif", 18))?;
    let (upper, lower) = root.split_vertically(330);
    shares(&upper, s)?;
    ratings(&lower, s)?;
    root.present()?;
    Ok(())
}

fn shares(area: &Area<'_>, s: &Strength) -> Drawn {
    let games = s.plan.games;
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(24)
        .caption(format!("points in {games} paired games, with 95 % intervals"), ("sans-serif", 14))
        .x_label_area_size(32)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..f64::from(set_minutes(s)), 0.0..100.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("minutes")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0} %"))
        .draw()?;
    let sides = [
        (Side::Random, "against random", BLUE),
        (Side::Heuristic, "against heuristic", RED),
        (Side::Generation(0), "against the untrained network", RGBColor(0, 140, 60)),
    ];
    for (side, label, colour) in sides {
        let points: Vec<(f64, [f64; 3])> = s
            .run
            .generations
            .iter()
            .filter_map(|g| Some((g.minute, s.of(g.number, side)?.share().map(|v| 100.0 * v))))
            .collect();
        chart.draw_series(
            points.iter().map(|&(x, [mid, low, high])| ErrorBar::new_vertical(x, low, mid, high, colour.filled(), 6)),
        )?;
        chart
            .draw_series(LineSeries::new(points.iter().map(|&(x, [mid, ..])| (x, mid)), colour.stroke_width(2)))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .border_style(BLACK)
        .background_style(WHITE)
        .draw()?;
    Ok(())
}

fn set_minutes(s: &Strength) -> u32 {
    s.run.setting.minutes.max(1)
}

fn ratings(area: &Area<'_>, s: &Strength) -> Drawn {
    let add = |of: &dyn Fn(u32) -> Option<f64>| {
        let mut sum = 0.0;
        let points = s.run.generations.iter().map_while(|g| {
            sum += if g.number == 0 { 0.0 } else { of(g.number)? };
            Some((g.minute, sum))
        });
        points.collect::<Vec<_>>()
    };
    let promoted = add(&|g| s.run.generations.get(g as usize).map(|g| g.promotion_elo[0]));
    let rematch = add(&|g| s.of(g, Side::Generation(g - 1)).map(|p| p.elo[0]));
    let top = promoted.iter().chain(&rematch).map(|&(_, y)| y).fold(100.0, f64::max) * 1.05;
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(24)
        .caption("Elo over the untrained network, added up over the promotions", ("sans-serif", 14))
        .x_label_area_size(32)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..f64::from(set_minutes(s)), 0.0..top)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("minutes")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:+.0}"))
        .draw()?;
    let games = s.plan.rematch_games;
    let series = [
        ("matches that promoted (ended when decided)".to_owned(), promoted, BLUE),
        (format!("rematches of {games} games"), rematch, RED),
    ];
    for (label, points, colour) in series.into_iter().filter(|(_, p, _)| p.len() > 1) {
        chart.draw_series(points.iter().map(|&p| Circle::new(p, 3, colour.filled())))?;
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .border_style(BLACK)
        .background_style(WHITE)
        .draw()?;
    Ok(())
}
