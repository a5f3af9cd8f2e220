//! The first gate: may a candidate replace the champion? Everything that is not a clear yes is a no with its reason.
use crate::contract::config::Promotion;
use crate::contract::events::EvaluationCompleted;
use crate::contract::ids::Digest;

/// The verdict on a candidate.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It becomes champion.
    Promote,
    /// It does not, because.
    Refuse(String),
}

/// The log-likelihood ratio at which the test accepts "stronger": Wald's upper bound.
pub fn upper_bound(gate: &Promotion) -> f64 {
    ((1.0 - gate.beta) / gate.alpha).ln()
}

/// Decides on one match. `champion` is the one that leads now; the match must have been played against it.
pub fn decide(result: &EvaluationCompleted, champion: Option<&Digest>, gate: &Promotion) -> Verdict {
    let refuse = |why: String| Verdict::Refuse(why);
    if result.champion_id.as_ref() != champion {
        let name = |id: Option<&Digest>| id.map_or("the untrained network".to_owned(), |d| d.as_str()[..12].to_owned());
        return refuse(format!(
            "the match was played against {}, but the champion is now {}",
            name(result.champion_id.as_ref()),
            name(champion)
        ));
    }
    if Some(&result.model_id) == champion {
        return refuse("the candidate is the champion itself".into());
    }
    if result.games_played == 0 || result.wins + result.draws + result.losses != result.games_played {
        return refuse(format!(
            "the match is inconsistent: {} games, but {} wins, {} draws, {} losses",
            result.games_played, result.wins, result.draws, result.losses
        ));
    }
    if result.games_played > gate.max_games {
        return refuse(format!("{} games played; the maximum is {}", result.games_played, gate.max_games));
    }
    let bound = upper_bound(gate);
    // A ratio that is not a number compares as "not reached". The last hundredth allows for rounding in the match's
    // file.
    let reached = result.sprt_llr >= bound - 0.01;
    match result.sprt_decision.as_str() {
        "accept_h1" if reached => Verdict::Promote,
        "accept_h1" => refuse(format!(
            "the decision accept_h1 contradicts the log-likelihood ratio {:.3}, which is below {bound:.3}",
            result.sprt_llr
        )),
        "accept_h0" => refuse(format!(
            "not stronger by {} Elo: log-likelihood ratio {:.2} after {} games, Elo {:+.0}",
            gate.elo1, result.sprt_llr, result.games_played, result.elo
        )),
        "continue" => refuse(format!(
            "undecided after {} games: log-likelihood ratio {:.2}, Elo {:+.0}",
            result.games_played, result.sprt_llr, result.elo
        )),
        other => refuse(format!("unknown decision {other:?}")),
    }
}

/// The earlier implementation's thresholds on two players' small boards: share of points against random and heuristic.
const TIERS: [(&str, u8, f64, f64); 12] = [
    ("square8", 2, 0.90, 0.85),
    ("square8", 3, 0.65, 0.55),
    ("square8", 4, 0.60, 0.50),
    ("hex8", 2, 0.90, 0.85),
    ("hex8", 3, 0.65, 0.55),
    ("hex8", 4, 0.60, 0.50),
    ("square19", 2, 0.85, 0.70),
    ("square19", 3, 0.60, 0.45),
    ("square19", 4, 0.55, 0.40),
    ("hexagonal", 2, 0.85, 0.65),
    ("hexagonal", 3, 0.55, 0.40),
    ("hexagonal", 4, 0.50, 0.35),
];

/// The tier that a model's scores against the baselines give it: proven, sound, learning, or unknown. It opens no gate.
pub fn tier(board: &str, players: u8, vs_random: Option<f64>, vs_heuristic: Option<f64>) -> &'static str {
    let Some((.., random, heuristic)) = TIERS.iter().find(|(b, p, ..)| *b == board && *p == players) else {
        return "unknown";
    };
    match (vs_random, vs_heuristic) {
        (Some(r), Some(h)) if r >= *random && h >= *heuristic => "proven",
        (Some(r), _) if r >= *random => "sound",
        (Some(_), _) => "learning",
        (None, _) => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ids::{ConfigKey, JobId};
    use proptest::prelude::*;

    fn digest(fill: char) -> Digest {
        Digest::new(fill.to_string().repeat(64)).expect("a digest")
    }

    fn result(decision: &str, llr: f64) -> EvaluationCompleted {
        EvaluationCompleted {
            config_key: ConfigKey::new("square8_2p").expect("a key"),
            board_type: "square8".into(),
            num_players: 2,
            job_id: JobId::new("t-1").expect("an id"),
            match_id: digest('c'),
            model_id: digest('a'),
            model_path: "/m".into(),
            champion_id: Some(digest('b')),
            games_played: 100,
            wins: 70,
            draws: 0,
            losses: 30,
            win_rate: 0.7,
            elo: 147.0,
            elo_low: 80.0,
            elo_high: 220.0,
            sprt_llr: llr,
            sprt_decision: decision.into(),
            vs_random: None,
            vs_heuristic: None,
        }
    }

    #[test]
    fn only_a_clear_yes_promotes() {
        let gate = Promotion::default();
        let champion = digest('b');
        let verdict = |r: &EvaluationCompleted| decide(r, Some(&champion), &gate);
        assert_eq!(verdict(&result("accept_h1", 2.95)), Verdict::Promote);
        for bad in [
            result("accept_h1", 1.0),
            result("accept_h1", f64::NAN),
            result("accept_h0", -2.95),
            result("continue", 2.0),
            result("yes", 9.0),
            EvaluationCompleted { champion_id: None, ..result("accept_h1", 3.0) },
            EvaluationCompleted { wins: 71, ..result("accept_h1", 3.0) },
            EvaluationCompleted { games_played: 0, wins: 0, losses: 0, ..result("accept_h1", 3.0) },
            EvaluationCompleted { model_id: digest('b'), ..result("accept_h1", 3.0) },
        ] {
            assert!(matches!(verdict(&bad), Verdict::Refuse(_)), "{bad:?}");
        }
        assert!(
            matches!(decide(&result("accept_h1", 3.0), None, &gate), Verdict::Refuse(_)),
            "the champion is the untrained network"
        );
    }

    #[test]
    fn tiers_follow_the_originals_thresholds() {
        assert_eq!(tier("square8", 2, Some(0.95), Some(0.86)), "proven");
        assert_eq!(tier("square8", 2, Some(0.95), Some(0.50)), "sound");
        assert_eq!(tier("square8", 2, Some(0.10), Some(0.99)), "learning");
        assert_eq!(tier("square8", 2, None, None), "unknown");
    }

    proptest! {
        #[test]
        fn below_the_bound_nothing_is_promoted(llr in -20.0f64..2.9, decision in "accept_h1|accept_h0|continue|.*") {
            let champion = digest('b');
            let verdict = decide(&result(&decision, llr), Some(&champion), &Promotion::default());
            prop_assert!(matches!(verdict, Verdict::Refuse(_)));
        }
    }
}
