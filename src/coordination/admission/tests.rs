//! Admission: every reason at once, tokens only for success, and no limit passed whatever is asked and however the
//! clock jumps.
use super::*;
use crate::contract::config::{BreakerRules, Limit};
use crate::contract::coordinator::GateView;
use crate::contract::time::Span;
use crate::coordination::gate::Bars;
use proptest::prelude::*;
use std::time::Instant;

const START: Mono = Mono::of_us(0);

fn after(seconds: i64) -> Mono {
    START + Span::SECOND * seconds
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).expect("a node")
}

struct Numbers {
    limits: Limits,
    admission: Admission,
    safeguards: Safeguards,
    gates: Vec<Gate>,
    own: NodeId,
}

impl Numbers {
    fn usual() -> Numbers {
        let (limits, admission, safeguards) = (Limits::default(), Admission::default(), Safeguards::default());
        Numbers { limits, admission, safeguards, gates: Vec::new(), own: node("a") }
    }
    fn rules(&self) -> Rules<'_> {
        let Numbers { limits, admission, safeguards, gates, own } = self;
        Rules { limits, admission, safeguards, gates, own, selfplay_factor: 1.0 }
    }
}

fn ask(kind: JobType, node: &NodeId) -> Ask<'_> {
    Ask { kind, node, cores: Some(crate::coordination::limits::Cores::of(64)) }
}

#[test]
fn every_reason_is_given_at_once_and_none_is_hidden_by_another() {
    let mut numbers = Numbers::usual();
    let limit = Limit { per_node: Some(0), cluster: Some(0) };
    numbers.limits.selfplay = limit;
    let view = GateView { gate: "memory".into(), open: false, why: "full".into(), unknown: false };
    numbers.gates = vec![Gate { view, bars: Bars::All, local: true }];
    let rules = numbers.rules();
    let mut decisions = Decisions::new(&rules, START);
    let a = node("a");
    (decisions.tokens.level, decisions.selfplay_tokens.level) = (0, 0);
    decisions.barred = vec![Reason::new(ReasonCode::Halted, "halted"), Reason::new(ReasonCode::Paused, "paused")];
    decisions
        .reservations
        .insert(a.clone(), Reservation { purpose: Purpose::Gauntlet, until: after(9), by: "me".into() });
    let mut breaker = Breaker::default();
    breaker.fail(&BreakerRules::default(), START, "out of memory", true);
    decisions.breakers.insert((a.clone(), JobType::Selfplay), breaker);
    decisions.starts.entry(a.clone()).or_default().record(&numbers.admission, JobType::Selfplay, START);
    let reasons = decisions.reasons(&rules, ask(JobType::Selfplay, &a), START + Span::of_us(1));
    let wanted = [
        "halted",
        "paused",
        "all types: rate limit reached (admission.per_minute = 60)",
        "selfplay: rate limit reached (admission.selfplay_per_minute = 30)",
        "cooldown",
        "reserved for gauntlet by me for another 9 s",
        "OPEN for another 300 s: out of memory",
        "0 of 0 slots on node a",
        "0 of 0 slots in the cluster",
        "memory: full",
    ];
    assert_eq!(reasons.len(), wanted.len(), "{reasons:#?}");
    use ReasonCode as Code;
    let codes = [
        Code::Halted,
        Code::Paused,
        Code::Rate,
        Code::Rate,
        Code::Spacing,
        Code::Reserved,
        Code::Breaker,
        Code::Slots,
        Code::Slots,
        Code::Gate,
    ];
    assert_eq!(reasons.iter().map(|reason| reason.code).collect::<Vec<_>>(), codes);
    for (reason, words) in reasons.iter().zip(wanted) {
        assert!(reason.text.contains(words), "{words:?} in {reason:?}");
    }
}

#[test]
fn a_refusal_spends_nothing() {
    let numbers = Numbers::usual();
    let rules = numbers.rules();
    let (a, mut decisions) = (node("a"), Decisions::new(&rules, START));
    assert!(decisions.take(&rules, ask(JobType::Training, &a), START));
    let before = decisions.clone();
    for _ in 0..100 {
        assert!(!decisions.take(&rules, ask(JobType::Training, &a), after(5)));
    }
    assert_eq!(decisions, before);
    assert_eq!(decisions.tokens.tokens(rules.rate(), START), 9);
}

#[test]
fn a_reserved_node_takes_what_it_is_reserved_for() {
    let numbers = Numbers::usual();
    let rules = numbers.rules();
    let (a, mut decisions) = (node("a"), Decisions::new(&rules, START));
    decisions
        .reservations
        .insert(a.clone(), Reservation { purpose: Purpose::Gauntlet, until: after(60), by: "me".into() });
    for (kind, may) in [
        (JobType::Selfplay, false),
        (JobType::Training, false),
        (JobType::Evaluation, true),
        (JobType::Tournament, true),
    ] {
        assert_eq!(decisions.fits(&rules, ask(kind, &a), START), may, "{kind}");
        assert!(decisions.fits(&rules, ask(kind, &a), after(60)), "{kind}: it has ended");
        assert!(decisions.fits(&rules, ask(kind, &node("b")), START), "{kind}: another node");
    }
}

#[test]
fn self_play_alone_is_held_back_by_back_pressure() {
    let numbers = Numbers::usual();
    let rules = Rules { selfplay_factor: 0.0, ..numbers.rules() };
    let mut decisions = Decisions::new(&rules, START);
    decisions.selfplay_tokens.level = 0;
    assert!(!decisions.fits(&rules, ask(JobType::Selfplay, &node("a")), after(3600)));
    assert!(decisions.fits(&rules, ask(JobType::Training, &node("a")), after(3600)));
}

#[test]
fn five_hundred_nodes_of_thirty_two_jobs() {
    let mut numbers = Numbers::usual();
    numbers.limits.selfplay = Limit { per_node: Some(32), cluster: None };
    numbers.admission = Admission {
        per_minute: 10_000_000,
        selfplay_per_minute: 10_000_000,
        burst: 1_000_000,
        cooldown_ms: 0,
        window_starts: 1_000_000,
        ..Admission::default()
    };
    let rules = numbers.rules();
    let nodes: Vec<NodeId> = (0..500).map(|n| node(&format!("node-{n:03}"))).collect();
    let mut decisions = Decisions::new(&rules, START);
    let begin = Instant::now();
    for round in 0..32 {
        for node in &nodes {
            assert!(decisions.take(&rules, ask(JobType::Selfplay, node), START + Span::of_us(round)), "{round} {node}");
        }
    }
    let each = begin.elapsed() / 16_000;
    assert_eq!(decisions.usage.in_all(JobType::Selfplay), 16_000);
    let begin = Instant::now();
    assert!(
        nodes.iter().all(|node| !decisions.take(&rules, ask(JobType::Selfplay, node), START + Span::of_us(99))),
        "all full"
    );
    let refused = begin.elapsed() / 500;
    // One item of the queue goes to the emptiest of 500 nodes.
    let list: Vec<_> = nodes
        .iter()
        .map(|n| crate::coordination::queue::Node {
            id: n.clone(),
            cores: Some(crate::coordination::limits::Cores::of(64)),
            most_selfplay: None,
        })
        .collect();
    let begin = Instant::now();
    for number in 0..500 {
        decisions.usage.free(JobType::Selfplay, &nodes[number as usize * 7 % 500]);
        let one = vec![crate::coordination::queue::Candidate { number, kind: JobType::Selfplay }];
        let granted = crate::coordination::queue::pick(one, &list, &rules, &mut decisions, START + Span::of_us(100));
        assert_eq!(granted[0].node, nodes[number as usize * 7 % 500]);
    }
    println!(
        "500 nodes × 32 jobs: admit {each:?}, refuse {refused:?}, place one of the queue {:?}",
        begin.elapsed() / 500
    );
}

proptest! {
    #[test]
    fn no_limit_is_passed_and_both_answers_agree(
        asks in prop::collection::vec((0usize..9, 0usize..4, any::<bool>(), -3_700i64..3_700), 1..400),
    ) {
        let numbers = Numbers::usual();
        let rules = numbers.rules();
        let nodes: Vec<NodeId> = (0..4).map(|n| node(&format!("n{n}"))).collect();
        let (mut decisions, mut now, mut latest, mut granted) = (Decisions::new(&rules, START), START, START, 0i64);
        for (kind, at, release, step) in asks {
            // The clock may jump back by up to an hour at any step.
            now += Span::of_us(step * 100_000);
            latest = latest.max(now);
            let (kind, node) = (JobType::ALL[kind], &nodes[at]);
            if release {
                decisions.usage.free(kind, node);
            }
            let reasons = decisions.reasons(&rules, ask(kind, node), now);
            prop_assert_eq!(reasons.is_empty(), decisions.fits(&rules, ask(kind, node), now), "{:?}", reasons);
            let before = decisions.clone();
            if decisions.take(&rules, ask(kind, node), now) { granted += 1 } else { prop_assert_eq!(&before, &decisions) }
            prop_assert!(granted <= 10 + (latest - START).secs() + 1, "more than the rate allows");
            for kind in JobType::ALL {
                let limit = rules.limits.of(kind);
                prop_assert!(limit.cluster.is_none_or(|most| decisions.usage.in_all(kind) <= most));
                for node in &nodes {
                    prop_assert!(limits::per_node(rules.limits, kind, Some(limits::Cores::of(64))).is_none_or(|most| decisions.usage.on(kind, node) <= most));
                }
            }
        }
    }
}
