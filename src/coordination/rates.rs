//! How many games an hour the cluster should play: what is asked for, what its use allows, and how it is shared.
use crate::contract::config::{Optimizer, ResourceTargets};
use crate::contract::coordinator::optimizer::RateUrgency;
use std::collections::BTreeMap;

/// The cluster's use, percent; absent: unknown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Use {
    /// Of the resource that is used most.
    pub percent: Option<f64>,
    /// Of the GPUs' memory.
    pub gpu_memory: Option<f64>,
}

/// An answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Negotiated {
    /// Games an hour.
    pub rate: f64,
    /// What was done to the request, and why.
    pub why: Vec<String>,
}

/// Percent points over which a factor runs to its end.
const RUN: f64 = 50.0;

/// Above 1 when there is room, below 1 when there is none, 1 within the band.
fn factor(targets: &ResourceTargets, percent: f64) -> f64 {
    let (low, high) = (targets.cpu_min.min(targets.gpu_min), targets.cpu_max.max(targets.gpu_max));
    if percent < low {
        (1.0 + (low - percent) / RUN).min(1.5)
    } else if percent > high {
        (1.0 - (percent - high) / RUN).max(0.5)
    } else {
        1.0
    }
}

/// A request for a rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request<'a> {
    /// Games an hour.
    pub rate: f64,
    /// Whether measurements count.
    pub urgency: RateUrgency,
    /// Why, for people.
    pub reason: &'a str,
}

/// Answers a request for a rate. What is not known is no reason for more than there is.
pub fn negotiate(
    targets: &ResourceTargets,
    settings: &Optimizer,
    current: f64,
    request: Request<'_>,
    used: Use,
) -> Negotiated {
    let (mut why, requested) = (Vec::new(), request.rate);
    let mut rate = requested;
    if request.urgency == RateUrgency::Emergency {
        why.push(format!("granted as requested (emergency): {}", request.reason));
    } else {
        match used.percent {
            Some(percent) => {
                let factor = factor(targets, percent);
                if factor != 1.0 {
                    why.push(format!("× {factor:.2}: cluster {percent:.0} % busy"));
                }
                rate *= factor;
            }
            None if requested > current => {
                why.push(format!("not raised above {current:.0}: cluster utilisation unknown"));
                rate = current;
            }
            None => why.push("cluster utilisation unknown".into()),
        }
        let squeeze = match used.gpu_memory {
            Some(m) if m > 90.0 => Some((0.3, m)),
            Some(m) if m > 80.0 => Some((0.7, m)),
            _ => None,
        };
        if let Some((factor, memory)) = squeeze {
            why.push(format!("× {factor}: GPU memory {memory:.0} % full"));
            rate *= factor;
        }
    }
    let bounded = rate.clamp(settings.rate_min, settings.rate_max);
    if bounded != rate {
        why.push(format!("limited to {} to {} games/h", settings.rate_min, settings.rate_max));
    }
    Negotiated { rate: bounded, why }
}

/// Adjusts the rate to the use by itself, by 30 % at most.
pub fn feedback(targets: &ResourceTargets, settings: &Optimizer, current: f64, used: Use) -> Negotiated {
    let request = Request { rate: current, urgency: RateUrgency::Normal, reason: "" };
    let asked = negotiate(targets, settings, current, request, used);
    let rate = asked.rate.clamp(current * 0.7, current * 1.3).clamp(settings.rate_min, settings.rate_max);
    Negotiated { rate, why: asked.why }
}

/// Weights of configurations by their games: those with few get up to twice their share, those with many down to half.
pub fn weights(games: &BTreeMap<String, u64>) -> BTreeMap<String, f64> {
    let mean = games.values().sum::<u64>() as f64 / (games.len().max(1)) as f64;
    let weight = |count: u64| match count as f64 / mean {
        _ if mean <= 0.0 => 1.0,
        ratio if ratio < 0.7 => 1.0 + (0.7 - ratio) / 0.7,
        ratio if ratio > 1.3 => (1.0 - (ratio - 1.3) / 2.6).max(0.5),
        _ => 1.0,
    };
    games.iter().map(|(config, count)| (config.clone(), weight(*count))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ask(rate: f64, reason: &str, percent: Option<f64>, gpu_memory: Option<f64>) -> Negotiated {
        judge(Request { rate, urgency: RateUrgency::Normal, reason }, percent, gpu_memory)
    }

    fn judge(request: Request<'_>, percent: Option<f64>, gpu_memory: Option<f64>) -> Negotiated {
        negotiate(&ResourceTargets::default(), &Optimizer::default(), 1000.0, request, Use { percent, gpu_memory })
    }

    #[test]
    fn the_use_of_the_cluster_moves_the_rate_and_says_why() {
        for (percent, rate) in
            [(70.0, 2000.0), (60.0, 2000.0), (40.0, 2800.0), (10.0, 3000.0), (90.0, 1600.0), (100.0, 1200.0)]
        {
            let answer = ask(2000.0, "momentum_accelerating", Some(percent), None);
            assert!((answer.rate - rate).abs() < 1e-6, "{percent}: {answer:?}");
            assert_eq!(answer.why.is_empty(), rate == 2000.0);
        }
        assert_eq!(ask(2000.0, "", Some(70.0), Some(85.0)).rate, 1400.0);
        assert_eq!(ask(2000.0, "", Some(70.0), Some(95.0)).rate, 600.0);
        assert_eq!(ask(9000.0, "", Some(70.0), None).rate, 5000.0);
        assert_eq!(ask(1.0, "", Some(70.0), None).rate, 100.0);
    }

    #[test]
    fn unknown_use_raises_nothing_and_an_emergency_goes_first() {
        assert_eq!(ask(2000.0, "", None, None).rate, 1000.0);
        assert_eq!(ask(500.0, "", None, None).rate, 500.0);
        let emergency = Request { rate: 4000.0, urgency: RateUrgency::Emergency, reason: "drain" };
        assert_eq!(judge(emergency, Some(100.0), Some(99.0)).rate, 4000.0);
        assert!(ask(4000.0, "EMERGENCY drain", Some(100.0), Some(99.0)).rate < 4000.0, "words alone decide nothing");
    }

    #[test]
    fn few_games_get_more_weight() {
        let games = [("a", 0), ("b", 100), ("c", 110), ("d", 400)].map(|(c, n)| (c.to_owned(), n)).into();
        let weights = weights(&games);
        assert_eq!((weights["a"], weights["c"]), (2.0, 1.0));
        assert!(weights["b"] > 0.9 && weights["d"] < 0.8, "{weights:?}");
        assert_eq!(super::weights(&[("a".to_owned(), 0)].into())["a"], 1.0);
    }

    proptest! {
        #[test]
        fn a_rate_is_always_within_its_bounds(current in 100.0f64..5000.0, percent in prop::option::of(0.0f64..100.0), memory in prop::option::of(0.0f64..100.0)) {
            let (targets, settings) = (ResourceTargets::default(), Optimizer::default());
            let adjusted = feedback(&targets, &settings, current, Use { percent, gpu_memory: memory }).rate;
            prop_assert!((100.0..=5000.0).contains(&adjusted) && adjusted >= current * 0.7 - 1e-9 && adjusted <= current * 1.3 + 1e-9);
        }
    }
}
