//! AUTO_PROMOTION: promotes a candidate that the sequential test accepts; refuses every other, with the reason.
use crate::contract::config::{Config, Promotion};
use crate::contract::daemon::{Daemon, HandlerError, Input, Out};
use crate::contract::events::{self, EvaluationCompleted, Payload};
use crate::contract::health::Health;
use crate::contract::registry::declare;
use crate::coordination::promotion::{Verdict, decide, tier};

declare! {
    AutoPromotion {
        name: "AUTO_PROMOTION",
        purpose: "Promotes a candidate that passes the sequential test, rejects every other",
        category: Category::Evaluation,
        profiles: &[Profile::Standalone, Profile::Coordinator],
        depends_on: &[D::EventRouter, D::DataPipeline, D::Evaluation],
        order: Some(20),
        publishes: &[E::ModelPromoted, E::PromotionRejected, E::PromotionFailed],
        subscribes: &[E::EvaluationCompleted],
        hard: &[Hub::Router, Hub::Catalog],
    }
    asks [clock, catalog]
}

/// The daemon.
#[derive(Debug)]
pub struct AutoPromotion {
    gate: Promotion,
}

impl Daemon for AutoPromotion {
    fn new(config: &Config) -> Self {
        AutoPromotion { gate: config.promotion.clone() }
    }

    fn configure(&mut self, config: &Config) {
        *self = Self::new(config);
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("waiting for match results")),
            Input::Event { payload: Payload::EvaluationCompleted(result), .. } => self.verdict(result, ports, out)?,
            _ => {}
        }
        Ok(())
    }
}

impl AutoPromotion {
    fn verdict(&self, result: EvaluationCompleted, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        let stage = ports.catalog.stage(&result.config_key)?;
        let generation = stage.next_generation();
        let champion = stage.champion;
        let mut verdict = decide(&result, champion.as_ref().map(|c| &c.model_id), &self.gate);
        let record = ports.catalog.get(&result.model_id)?;
        if let Some(other) = record.as_ref().map(|r| r.rules_version).filter(|v| *v != stage.rules_version) {
            verdict =
                Verdict::Refuse(format!("it has rules version {other}, the current one is {}", stage.rules_version));
        }
        let short = result.model_id.as_str()[..12].to_owned();
        let line = match (verdict, record) {
            (Verdict::Promote, Some(record)) if !record.path.is_empty() => {
                let previous_elo = champion.as_ref().map(|c| c.elo);
                let tier = tier(&result.board_type, result.num_players, result.vs_random, result.vs_heuristic);
                let line = format!(
                    "{}: {short} promoted to generation {generation}, Elo {:+.0}, {tier}",
                    result.config_key, result.elo
                );
                out.publish(events::ModelPromoted {
                    config_key: result.config_key,
                    model_id: result.model_id,
                    model_path: record.path,
                    generation,
                    match_id: result.match_id,
                    new_elo: previous_elo.unwrap_or(0.0) + result.elo,
                    previous_elo,
                    elo_delta: result.elo,
                    supersedes: champion.map(|c| c.model_id),
                    promoted_at: ports.clock.now().us(),
                    tier: tier.into(),
                });
                line
            }
            (Verdict::Refuse(reason), _) => {
                let line = format!("{}: {short} refused: {reason}", result.config_key);
                out.publish(events::PromotionRejected {
                    config_key: result.config_key,
                    model_id: result.model_id,
                    match_id: Some(result.match_id),
                    reason,
                    elo_improvement: Some(result.elo),
                });
                line
            }
            (Verdict::Promote, gone) => {
                let error = match gone {
                    Some(_) => format!("the model {} is not in the store any more", result.model_id),
                    None => format!("the model {} is not in the catalog", result.model_id),
                };
                let line = format!("{}: {short} won and cannot be promoted: {error}", result.config_key);
                out.publish(events::PromotionFailed {
                    config_key: result.config_key,
                    model_id: result.model_id,
                    error,
                });
                out.last(&line);
                out.health(Health::degraded(line));
                return Ok(());
            }
        };
        out.last(&line);
        out.health(Health::healthy(line));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemons::testing::{build, champion, digest, job, key};

    fn result(decision: &str, llr: f64, against: Option<char>) -> EvaluationCompleted {
        EvaluationCompleted {
            config_key: key(),
            board_type: "square8".into(),
            num_players: 2,
            job_id: job("t-1"),
            match_id: digest('d'),
            model_id: digest('a'),
            model_path: String::new(),
            champion_id: against.map(digest),
            games_played: 80,
            wins: 60,
            draws: 0,
            losses: 20,
            win_rate: 0.75,
            elo: 190.0,
            elo_low: 110.0,
            elo_high: 280.0,
            sprt_llr: llr,
            sprt_decision: decision.into(),
            vs_random: Some(0.95),
            vs_heuristic: Some(0.4),
        }
    }

    #[test]
    fn a_stronger_candidate_is_the_next_generation() {
        let fakes = Fakes::new();
        fakes.clock.hold();
        fakes.catalog.hold().artefact("model", 'a', serde_json::json!({}), &[]);
        let out = fakes.event(&mut build::<AutoPromotion>(), result("accept_h1", 3.0, None)).expect("handled");
        let [Payload::ModelPromoted(first)] = &out.events[..] else { panic!("{:?}", out.events) };
        assert_eq!(
            (first.generation, first.new_elo, first.supersedes.clone(), first.tier.as_str()),
            (1, 190.0, None, "sound")
        );
        fakes.catalog.hold().stage.champion = Some(champion('b', 4));
        let out = fakes.event(&mut build::<AutoPromotion>(), result("accept_h1", 3.0, Some('b'))).expect("handled");
        let [Payload::ModelPromoted(next)] = &out.events[..] else { panic!("{:?}", out.events) };
        assert_eq!((next.generation, next.new_elo, next.supersedes.clone()), (5, 290.0, Some(digest('b'))));
    }

    #[test]
    fn a_promotion_that_cannot_be_carried_out_is_said_with_its_reason() {
        let fakes = Fakes::new();
        fakes.catalog.hold();
        let failed = |word: &str| {
            let out = fakes.event(&mut build::<AutoPromotion>(), result("accept_h1", 3.0, None)).expect("handled");
            assert!(
                matches!(&out.events[..], [Payload::PromotionFailed(p)] if p.error.contains(word)),
                "{:?}",
                out.events
            );
        };
        failed("not in the catalog");
        fakes.catalog.hold().artefact("model", 'a', serde_json::json!({}), &[]);
        fakes.catalog.hold().artefacts[0].path.clear();
        failed("not in the store");
    }

    #[test]
    fn an_equal_a_worse_and_a_candidate_of_another_champion_are_refused() {
        let fakes = Fakes::new();
        fakes.catalog.hold().artefact("model", 'a', serde_json::json!({}), &[]);
        for bad in [result("continue", 0.1, None), result("accept_h0", -3.0, None), result("accept_h1", 3.0, Some('e'))]
        {
            let out = fakes.event(&mut build::<AutoPromotion>(), bad).expect("handled");
            assert!(matches!(&out.events[..], [Payload::PromotionRejected(_)]), "{:?}", out.events);
        }
    }
}
