//! The one decision about a task: may it start on this node now, and if not, every reason why. What is decided is
//! written down at once, so that the next decision knows it.
use super::breaker::{Breaker, Phase};
use super::bucket::{Bucket, Rate};
use super::gate::Gate;
use super::limits::{self, Cores, Usage};
use super::starts::Starts;
use crate::contract::config::{Admission, Limits, Safeguards};
use crate::contract::coordinator::Purpose;
use crate::contract::ids::NodeId;
use crate::contract::reason::{Reason, ReasonCode};
use crate::contract::time::Mono;
use crate::contract::workload::JobType;
use std::collections::{BTreeMap, HashMap};

/// The numbers of the configuration, and how the machine is.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Slots.
    pub limits: &'a Limits,
    /// Rates.
    pub admission: &'a Admission,
    /// Breakers.
    pub safeguards: &'a Safeguards,
    /// The gates as they stand.
    pub gates: &'a [Gate],
    /// The node whose machine the gates judge.
    pub own: &'a NodeId,
    /// Share of the self-play rate that back-pressure leaves, 0 to 1.
    pub selfplay_factor: f64,
}

impl Rules<'_> {
    /// The rate of all types together.
    pub fn rate(&self) -> Rate {
        Rate::new(self.admission.per_minute, self.admission.burst)
    }
    /// The rate of self-play.
    pub fn selfplay_rate(&self) -> Rate {
        Rate { factor: self.selfplay_factor, ..Rate::new(self.admission.selfplay_per_minute, self.admission.burst) }
    }
}

/// One more task.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Its type.
    pub kind: JobType,
    /// Where.
    pub node: &'a NodeId,
    /// The node's logical processors, if known.
    pub cores: Option<Cores>,
}

/// A node that is kept free for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// For what.
    pub purpose: Purpose,
    /// Until when.
    pub until: Mono,
    /// Who asked.
    pub by: String,
}

/// Everything that has been decided and still counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Decisions {
    /// Slots taken.
    pub usage: Usage,
    /// Tokens of all types together.
    pub tokens: Bucket,
    /// Tokens of self-play.
    pub selfplay_tokens: Bucket,
    /// Breakers that are not blank.
    pub breakers: BTreeMap<(NodeId, JobType), Breaker>,
    /// Nodes kept free.
    pub reservations: BTreeMap<NodeId, Reservation>,
    /// Recent starts by node.
    pub starts: HashMap<NodeId, Starts>,
    /// What bars everything: halted, paused, stopping.
    pub barred: Vec<Reason>,
}

impl Decisions {
    /// Nothing taken, buckets full.
    pub fn new(rules: &Rules<'_>, now: Mono) -> Decisions {
        Decisions {
            usage: Usage::default(),
            tokens: Bucket::full(rules.rate(), now),
            selfplay_tokens: Bucket::full(rules.selfplay_rate(), now),
            breakers: BTreeMap::new(),
            reservations: BTreeMap::new(),
            starts: HashMap::new(),
            barred: Vec::new(),
        }
    }

    fn breaker(&self, ask: Ask<'_>) -> Option<&Breaker> {
        // Most nodes have none; a key is made only when there is something to find.
        if self.breakers.is_empty() { None } else { self.breakers.get(&(ask.node.clone(), ask.kind)) }
    }

    fn reserved(&self, ask: Ask<'_>, now: Mono) -> Option<&Reservation> {
        self.reservations.get(ask.node).filter(|r| r.until > now && !r.purpose.admits(ask.kind))
    }

    /// Whether the node takes it: all that does not depend on other nodes.
    fn fits_node(&self, rules: &Rules<'_>, ask: Ask<'_>, now: Mono) -> bool {
        let running = self.usage.on(ask.kind, ask.node);
        limits::has_room(rules.limits, &self.usage, ask.kind, ask.node, ask.cores)
            && self.reserved(ask, now).is_none()
            && self.breaker(ask).is_none_or(|b| b.lets_through(&rules.safeguards.breaker, running, now))
            && !self.starts.get(ask.node).is_some_and(|s| s.waits(rules.admission, ask.kind, now))
            && !rules.gates.iter().any(|g| g.stops(ask.kind, running, ask.node == rules.own))
    }

    /// Whether nothing but nodes is against the type: not barred, and there are tokens.
    pub fn may_start(&self, rules: &Rules<'_>, kind: JobType, now: Mono) -> bool {
        self.barred.is_empty()
            && self.tokens.tokens(rules.rate(), now) > 0
            && (kind != JobType::Selfplay || self.selfplay_tokens.tokens(rules.selfplay_rate(), now) > 0)
    }

    /// The same answer as `reasons`, without the words.
    pub fn fits(&self, rules: &Rules<'_>, ask: Ask<'_>, now: Mono) -> bool {
        self.may_start(rules, ask.kind, now) && self.fits_node(rules, ask, now)
    }

    /// Every reason against it; empty: it may start.
    pub fn reasons(&self, rules: &Rules<'_>, ask: Ask<'_>, now: Mono) -> Vec<Reason> {
        let mut reasons = self.barred.clone();
        reasons.extend(self.token_reasons(rules, ask.kind, now));
        if let Some((_, why)) = self.starts.get(ask.node).and_then(|s| s.wait(rules.admission, ask.kind, now)) {
            reasons.push(Reason::new(ReasonCode::Spacing, format!("node {}: {why}", ask.node)));
        }
        if let Some(r) = self.reserved(ask, now) {
            let seconds = (r.until - now).secs_left();
            let text =
                format!("node {} is reserved for {} by {} for another {seconds} s", ask.node, r.purpose.name(), r.by);
            reasons.push(Reason::new(ReasonCode::Reserved, text));
        }
        let running = self.usage.on(ask.kind, ask.node);
        if let Some(b) = self.breaker(ask).filter(|b| !b.lets_through(&rules.safeguards.breaker, running, now)) {
            reasons.push(Reason::new(ReasonCode::Breaker, breaker_reason(b, rules, ask, running, now)));
        }
        reasons.extend(limits::reasons(rules.limits, &self.usage, ask.kind, ask.node, ask.cores));
        reasons.extend(
            rules
                .gates
                .iter()
                .filter(|g| g.stops(ask.kind, running, ask.node == rules.own))
                .map(|g| Reason::new(ReasonCode::Gate, g.reason())),
        );
        reasons
    }

    fn token_reasons(&self, rules: &Rules<'_>, kind: JobType, now: Mono) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let mut look = |bucket: &Bucket, rate: Rate, what: &str, key: &str| {
            if bucket.tokens(rate, now) > 0 {
                return;
            }
            let when = match bucket.next(rate, now) {
                Some(at) => format!("next token in {} ms", (at - now).ms() + 1),
                None => "no tokens while back-pressure is active".into(),
            };
            let text = format!("{what}: rate limit reached ({key} = {}); {when}", rate.per_minute);
            reasons.push(Reason::new(ReasonCode::Rate, text));
        };
        look(&self.tokens, rules.rate(), "all types", "admission.per_minute");
        if kind == JobType::Selfplay {
            look(&self.selfplay_tokens, rules.selfplay_rate(), "selfplay", "admission.selfplay_per_minute");
        }
        reasons
    }

    /// Takes the slot and the tokens if nothing is against it; false: nothing was taken.
    pub fn take(&mut self, rules: &Rules<'_>, ask: Ask<'_>, now: Mono) -> bool {
        if !self.fits(rules, ask, now) {
            return false;
        }
        self.tokens.take(rules.rate(), now);
        if ask.kind == JobType::Selfplay {
            self.selfplay_tokens.take(rules.selfplay_rate(), now);
        }
        self.usage.take(ask.kind, ask.node);
        match self.starts.get_mut(ask.node) {
            Some(starts) => starts.record(rules.admission, ask.kind, now),
            None => self.starts.entry(ask.node.clone()).or_default().record(rules.admission, ask.kind, now),
        }
        true
    }

    /// When something that waits for the clock changes by itself: tokens, pauses, breakers, reservations. Gates are
    /// looked at anyway.
    pub fn next_change(&self, rules: &Rules<'_>, now: Mono) -> Option<Mono> {
        let tokens = [self.tokens.next(rules.rate(), now), self.selfplay_tokens.next(rules.selfplay_rate(), now)];
        let starts = self
            .starts
            .values()
            .flat_map(|s| JobType::ALL.into_iter().filter_map(|kind| s.wait(rules.admission, kind, now)));
        let breakers = self.breakers.values().filter_map(|b| b.ready_at(&rules.safeguards.breaker));
        let reserved = self.reservations.values().map(|r| r.until);
        let all = tokens.into_iter().flatten().chain(starts.map(|(at, _)| at)).chain(breakers).chain(reserved);
        all.filter(|at| *at > now).min()
    }
}

fn breaker_reason(b: &Breaker, rules: &Rules<'_>, ask: Ask<'_>, running: u32, now: Mono) -> String {
    let (kind, node, rules) = (ask.kind, ask.node, &rules.safeguards.breaker);
    match (b.phase(rules, now), b.ready_at(rules)) {
        (Phase::Open, Some(at)) => {
            format!(
                "circuit breaker for {kind} on {node} is OPEN for another {} s: {}",
                (at - now).secs_left(),
                b.reason
            )
        }
        _ => format!(
            "circuit breaker for {kind} on {node} is HALF_OPEN: {running} of {} trial jobs running",
            rules.probes
        ),
    }
}

#[cfg(test)]
mod tests;
