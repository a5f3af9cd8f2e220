//! The strength of a run as a table in Markdown, and a finished match as a line.

use std::fmt::Write as _;

use super::schedule::Side;
use super::{Played, Strength};

/// A finished match in one line.
pub fn line(played: &Played) -> String {
    let name = |side: Side| match side {
        Side::Generation(0) => "untrained".to_owned(),
        Side::Generation(g) => format!("generation {g}"),
        Side::Random => "random".to_owned(),
        Side::Heuristic => "heuristic".to_owned(),
    };
    let t = &played.tally;
    let (first, second) = (name(played.fixture.first), name(played.fixture.second));
    format!(
        "{first} – {second}: +{} ={} -{}, {}, Elo {}",
        t.wins,
        t.draws,
        t.losses,
        share(Some(played)),
        elo(Some(played.elo))
    )
}

fn share(played: Option<&Played>) -> String {
    played.map_or(String::new(), |p| {
        let [mid, low, high] = p.share().map(|v| 100.0 * v);
        format!("{mid:.1} % ({low:.0}–{high:.0})")
    })
}

fn elo(found: Option<[f64; 3]>) -> String {
    // A match won in all its pairs has no upper bound; the estimate stands at the scale's end.
    let bound = |v: f64| if v.abs() > 1500.0 { "∞".to_owned() } else { format!("{v:+.0}") };
    found.map_or(String::new(), |[mid, low, high]| format!("{mid:+.0} ({} to {})", bound(low), bound(high)))
}

/// The table with what a reader needs to judge it.
pub fn markdown(s: &Strength) -> String {
    let mut out = String::new();
    let set = &s.run.setting;
    let load = s
        .run
        .load
        .map_or("not recorded".to_owned(), |[mean, low, high]| format!("{mean:.1} (mean; {low:.1} to {high:.1})"));
    let date = if set.date.is_empty() { String::new() } else { format!("{}: ", set.date) };
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{date}{}, {} minutes from nothing on {} cores, version {}, load average {load}: {} games of self-play, {} \
            models trained, {} promoted, {} refused.\n",
        set.config,
        set.minutes,
        set.cores,
        set.version,
        s.run.games,
        s.run.trained,
        s.run.champion(),
        s.run.refused
    );
    let _ = writeln!(
        out,
        "Matches: {} games of pairs with exchanged seats, search budget {}; in brackets the 95 % interval. The match that promoted a generation\n\
         ended as soon as it decided; the rematch has {} games, fixed beforehand.\n",
        s.plan.games, s.plan.simulations, s.plan.rematch_games
    );
    out += "| generation | minute | promoted with (Elo) | rematch (Elo) | vs random | vs heuristic | vs untrained \
        |\n|--:|--:|--:|--:|--:|--:|--:|\n";
    for g in &s.run.generations {
        let promoted = if g.number == 0 {
            String::new()
        } else {
            format!("{} in {} games", elo(Some(g.promotion_elo)), g.promotion_games)
        };
        let rematch = g.number.checked_sub(1).and_then(|before| s.of(g.number, Side::Generation(before)));
        let cells = [
            promoted,
            elo(rematch.map(|p| p.elo)),
            share(s.of(g.number, Side::Random)),
            share(s.of(g.number, Side::Heuristic)),
            share(s.of(g.number, Side::Generation(0))),
        ];
        let _ = writeln!(out, "| {} | {:.1} | {} |", g.number, g.minute, cells.join(" | "));
    }
    let contradicted = s.contradicted();
    let rematches = s.played.iter().filter(
        |p| matches!((p.fixture.first, p.fixture.second), (Side::Generation(a), Side::Generation(b)) if a == b + 1),
    );
    let _ = writeln!(
        out,
        "\n{} of {} promotions were played again; {}.",
        rematches.count(),
        s.run.champion(),
        if contradicted.is_empty() {
            "none is contradicted (upper 95 % bound below 0)".to_owned()
        } else {
            format!("contradicted (upper 95 % bound below 0): generation {contradicted:?}")
        }
    );
    if !s.not_played.is_empty() {
        let _ = writeln!(out, "{} matches were not played for want of time.", s.not_played.len());
    }
    out
}
