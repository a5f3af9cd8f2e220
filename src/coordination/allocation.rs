//! How self-play is shared among configurations: those with fewer games get more, none gets nothing.
use super::rates;
use std::collections::BTreeMap;

/// What is known of a configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Need {
    /// Its key.
    pub config_key: String,
    /// Games in the catalog.
    pub games: u64,
    /// Games still wanted before the next export.
    pub missing: u64,
    /// Players; games of three and four are scarcer for the same work.
    pub players: u8,
}

/// The earlier implementation's floor: none gets less than half of an even share.
const FLOOR: f64 = 0.5;

/// Shares that sum to 1: the configurations' weights by their games, times 1.5 for three and four players (the earlier
/// implementation's floor for them).
pub fn shares(needs: &[Need]) -> BTreeMap<String, f64> {
    if needs.is_empty() {
        return BTreeMap::new();
    }
    let balance = rates::weights(&needs.iter().map(|n| (n.config_key.clone(), n.games)).collect());
    let weight = |n: &Need| balance[&n.config_key] * if n.players > 2 { 1.5 } else { 1.0 };
    let total: f64 = needs.iter().map(weight).sum();
    let floor = FLOOR / needs.len() as f64;
    let raised: Vec<(String, f64)> =
        needs.iter().map(|n| (n.config_key.clone(), (weight(n) / total).max(floor))).collect();
    let sum: f64 = raised.iter().map(|(_, share)| share).sum();
    raised.into_iter().map(|(key, share)| (key, share / sum)).collect()
}

/// Priority of a configuration's self-play jobs: 50, up to 80 the closer the next export is.
pub fn priority(missing: u64, threshold: u64) -> u8 {
    let done = 1.0 - (missing as f64 / threshold.max(1) as f64).clamp(0.0, 1.0);
    50 + (done * 30.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn need(key: &str, games: u64) -> Need {
        Need { config_key: key.into(), games, missing: 0, players: 2 }
    }

    #[test]
    fn fewer_games_mean_a_larger_share() {
        let shares = shares(&[need("a", 0), need("b", 1000)]);
        assert!(shares["a"] > 0.7 && shares["b"] > 0.2, "{shares:?}");
        assert_eq!(priority(50, 50), 50);
        assert_eq!(priority(0, 50), 80);
    }

    proptest! {
        #[test]
        fn shares_sum_to_one_and_none_starves(games in proptest::collection::vec(0u64..100_000, 1..12)) {
            let needs: Vec<Need> = games.iter().enumerate().map(|(i, g)| need(&format!("c{i:02}"), *g)).collect();
            let shares = shares(&needs);
            prop_assert!((shares.values().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(shares.values().all(|s| *s >= 0.3 / needs.len() as f64));
        }
    }
}
