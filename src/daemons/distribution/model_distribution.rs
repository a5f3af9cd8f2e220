//! MODEL_DISTRIBUTION: brings the champion to where self-play reads it. On one machine: the verified atomic switch of a
//! link.
use crate::contract::catalog::Champion;
use crate::contract::config::Config;
use crate::contract::daemon::{Daemon, HandlerError, Input, Out};
use crate::contract::events::{self, Payload};
use crate::contract::health::Health;
use crate::contract::ids::{ConfigKey, Digest};
use crate::contract::registry::declare;

declare! {
    ModelDistribution {
        name: "MODEL_DISTRIBUTION",
        purpose: "Verifies a promoted model and makes it the current one atomically",
        category: Category::Distribution,
        profiles: &[Profile::Standalone, Profile::Coordinator],
        depends_on: &[D::EventRouter, D::Evaluation, D::AutoPromotion],
        order: Some(21),
        publishes: &[E::ModelDistributionStarted, E::ModelDistributionComplete, E::ModelDistributionFailed],
        subscribes: &[E::ModelPromoted, E::RulesChanged],
    }
    asks [clock, catalog, node, models]
}

/// The daemon.
#[derive(Debug)]
pub struct ModelDistribution {
    keys: Vec<ConfigKey>,
}

impl Daemon for ModelDistribution {
    fn new(config: &Config) -> Self {
        ModelDistribution { keys: config.master.configs.clone() }
    }

    fn configure(&mut self, config: &Config) {
        *self = Self::new(config);
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy("waiting for promotions")),
            Input::Event { payload: Payload::ModelPromoted(p), .. } => {
                switch(&p.config_key, &p.model_id, &p.model_path, p.generation, ports, out);
            }
            Input::Event { payload: Payload::RulesChanged(p), .. } => {
                begin_anew(&p.config_key, p.rules_version, ports, out)?
            }
            // What failed, or was restored from a backup, is put right here.
            Input::Tick { .. } => {
                for key in &self.keys {
                    withdraw(key, ports, out)?;
                    if let Some(champion) = overdue(key, ports)? {
                        switch(key, &champion.model_id, &champion.model_path, champion.generation, ports, out);
                    }
                    begin_anew(key, ports.catalog.stage(key)?.rules_version, ports, out)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Takes a model of other rules away from self-play; the first champion under the new ones takes its place.
fn begin_anew(key: &ConfigKey, force: u32, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
    let Some(current) = ports.models.current(key).map_err(HandlerError::Failed)? else { return Ok(()) };
    let Some(record) = ports.catalog.get(&current)? else { return Ok(()) };
    if record.rules_version != force && ports.models.clear(key).map_err(HandlerError::Failed)? {
        let line = format!(
            "{key}: the untrained network plays: {} is of rules version {}, {force} is in force",
            short(&current),
            record.rules_version
        );
        out.last(&line);
        out.health(Health::healthy(line));
    }
    Ok(())
}

/// Takes a model away from self-play that is not in the store any more, damaged or deleted; the untrained network plays
/// until a switch to the champion that is left.
fn withdraw(key: &ConfigKey, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
    let Some(current) = ports.models.current(key).map_err(HandlerError::Failed)? else { return Ok(()) };
    let gone = ports.catalog.get(&current)?.is_some_and(|record| record.path.is_empty());
    if gone && ports.models.clear(key).map_err(HandlerError::Failed)? {
        let next = match ports.catalog.stage(key)?.champion {
            Some(champion) => format!("generation {}, {}", champion.generation, short(&champion.model_id)),
            None => "the untrained network".into(),
        };
        let line =
            format!("{key}: the model {} is no longer in the store; self-play continues with {next}", short(&current));
        tracing::warn!("{line}");
        out.last(&line);
        out.health(Health::degraded(line));
    }
    Ok(())
}

fn short(model: &Digest) -> &str {
    &model.as_str()[..12]
}

/// The champion, if the node plays with another model.
fn overdue(key: &ConfigKey, ports: &Ports<'_>) -> Result<Option<Champion>, HandlerError> {
    let Some(champion) = ports.catalog.stage(key)?.champion else { return Ok(None) };
    let current = ports.models.current(key).map_err(HandlerError::Failed)?;
    Ok((current.as_ref() != Some(&champion.model_id)).then_some(champion))
}

fn switch(key: &ConfigKey, model: &Digest, path: &str, generation: u32, ports: &Ports<'_>, out: &mut Out) {
    let node = ports.node.node();
    let begun = ports.clock.now();
    let (config_key, model_id) = (key.clone(), model.clone());
    let short = &model.as_str()[..12];
    match ports.models.switch(key, model, path) {
        Ok(_) => {
            let duration_seconds = (ports.clock.now() - begun).secs_f64().max(0.0);
            let target_hosts = vec![node.clone()];
            out.publish(events::ModelDistributionStarted {
                config_key: config_key.clone(),
                model_id: model_id.clone(),
                target_hosts: vec![node],
            });
            out.publish(events::ModelDistributionComplete {
                config_key,
                model_id,
                model_path: path.into(),
                generation,
                target_hosts,
                duration_seconds,
            });
            let line = format!("{key}: self-play uses generation {generation}, {short}");
            out.last(&line);
            out.health(Health::healthy(line));
        }
        Err(error) => {
            out.health(Health::unhealthy(format!(
                "{key}: generation {generation} could not be switched to: {error}; tried again at the next tick"
            )));
            out.last(format!("{key}: {short} not distributed"));
            out.publish(events::ModelDistributionFailed { config_key, model_id, error });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::health::HealthStatus;
    use crate::contract::workload::BUILT_IN_RULES;
    use crate::daemons::testing::{build, champion, digest, key};

    fn promoted() -> events::ModelPromoted {
        events::ModelPromoted {
            config_key: key(),
            model_id: digest('a'),
            model_path: "/store/a".into(),
            generation: 1,
            match_id: digest('d'),
            new_elo: 1.0,
            previous_elo: None,
            elo_delta: 1.0,
            supersedes: None,
            promoted_at: 1,
            tier: "sound".into(),
        }
    }

    #[test]
    fn a_promotion_switches_and_says_so() {
        let fakes = Fakes::new();
        fakes.clock.hold();
        fakes.node.hold();
        fakes.models.hold();
        let out = fakes.event(&mut build::<ModelDistribution>(), promoted()).expect("handled");
        assert!(
            matches!(&out.events[..], [_, Payload::ModelDistributionComplete(c)] if c.generation == 1),
            "{:?}",
            out.events
        );
        assert_eq!(fakes.models.hold().model, Some(digest('a')));
    }

    #[test]
    fn a_model_of_other_rules_is_taken_away_from_self_play() {
        let fakes = Fakes::new();
        fakes.catalog.hold().artefact("model", 'a', serde_json::json!({}), &[]);
        fakes.models.hold().model = Some(digest('a'));
        let changed =
            |rules_version| events::RulesChanged { config_key: key(), rules_version, previous: 1, reason: "x".into() };
        let mut daemon: ModelDistribution = build();
        fakes.event(&mut daemon, changed(BUILT_IN_RULES)).expect("handled");
        assert_eq!(fakes.models.hold().model, Some(digest('a')), "it is of these rules");
        fakes.event(&mut daemon, changed(BUILT_IN_RULES + 1)).expect("handled");
        assert_eq!(fakes.models.hold().model, None);
        fakes.models.hold().model = Some(digest('a'));
        fakes.catalog.hold().stage.rules_version = BUILT_IN_RULES + 1;
        fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled");
        assert_eq!(fakes.models.hold().model, None, "the tick catches what the event missed");
    }

    #[test]
    fn a_quarantined_champion_makes_room_for_the_one_before_it_or_the_untrained_network() {
        let fakes = Fakes::new();
        fakes.clock.hold();
        fakes.node.hold();
        fakes.catalog.hold().artefact("model", 'b', serde_json::json!({}), &[]);
        fakes.catalog.hold().artefacts.iter_mut().for_each(|record| record.path.clear());
        let mut daemon: ModelDistribution = build();
        fakes.models.hold().model = Some(digest('b'));
        let out = fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled");
        let health = out.health.expect("said");
        assert!(
            health.message.contains("no longer in the store") && health.message.contains("untrained"),
            "{health:?}"
        );
        assert_eq!((fakes.models.hold().model.clone(), health.status), (None, HealthStatus::Degraded));
        fakes.models.hold().model = Some(digest('b'));
        fakes.catalog.hold().stage.champion = Some(champion('a', 1));
        let out = fakes.give(&mut daemon, Input::Tick { number: 2 }).expect("handled");
        assert!(
            matches!(&out.events[..], [_, Payload::ModelDistributionComplete(c)] if c.generation == 1),
            "{:?}",
            out.events
        );
        assert_eq!(fakes.models.hold().model, Some(digest('a')));
    }

    #[test]
    fn a_failure_is_unhealthy_and_the_tick_puts_it_right() {
        let fakes = Fakes::new();
        fakes.clock.hold();
        fakes.node.hold();
        let mut daemon: ModelDistribution = build();
        fakes.models.hold().error = Some("SHA-256 differs".into());
        let out = fakes.event(&mut daemon, promoted()).expect("handled");
        assert!(matches!(&out.events[..], [Payload::ModelDistributionFailed(_)]));
        assert_eq!(out.health.map(|h| h.status), Some(HealthStatus::Unhealthy));
        fakes.models.hold().error = None;
        fakes.catalog.hold().stage.champion = Some(champion('a', 1));
        let out = fakes.give(&mut daemon, Input::Tick { number: 1 }).expect("handled");
        assert!(matches!(&out.events[..], [_, Payload::ModelDistributionComplete(_)]));
        assert!(fakes.give(&mut daemon, Input::Tick { number: 2 }).expect("handled").events.is_empty());
    }
}
