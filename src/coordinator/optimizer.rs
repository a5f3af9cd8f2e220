//! The use of the nodes: remembers what was observed, lets the controllers decide, and keeps the rate of games that was
//! agreed on.
use super::change::Change;
use super::refusal::Refusal;
use super::rows;
use crate::contract::coordinator::optimizer::{
    Action, Advice, AgreedRate, MaxSelfplay, NegotiateRate, NodeUse, Observe, Rates, Scale, SelfplayBound, ShouldScale,
    Utilization,
};
use crate::contract::ids::NodeId;
use crate::contract::time::Span;
use crate::contract::workload::JobType;
use crate::coordination::optimizer::{self, Load, Measured, Memory};
use crate::coordination::{hardware, rates};
use rusqlite::{OptionalExtension, params};
use serde::de::DeserializeOwned;

/// Periods after which an observation is too old to act on.
const FRESH: i64 = 3;
/// Requests for a rate that are kept.
const KEPT: u32 = 50;

fn fresh_for(cx: &Change<'_>) -> Span {
    Span::of_secs(cx.state.config.optimizer.period_seconds.into()) * FRESH
}

fn check(call: &Observe) -> Result<(), Refusal> {
    let percents = [
        ("cpu_percent", call.cpu_percent),
        ("selfplay_cpu_percent", call.selfplay_cpu_percent),
        ("memory_percent", call.memory_percent),
        ("gpu_percent", call.gpu_percent),
        ("gpu_memory_percent", call.gpu_memory_percent),
    ];
    for (parameter, value) in percents {
        if value.is_some_and(|v| !(0.0..=100.0).contains(&v)) {
            return Err(Refusal::bad(parameter, "must be a percentage from 0 to 100; omit it if unknown"));
        }
    }
    if call.cpus == 0 || call.gpus.len() > 64 {
        return Err(Refusal::bad("cpus", "must have at least one processor and at most 64 GPUs"));
    }
    Ok(())
}

/// Takes an observation in and says how many self-play jobs the node should run.
pub fn observe(cx: &mut Change<'_>, call: &Observe) -> Result<Advice, Refusal> {
    check(call)?;
    let node = call.node.clone().unwrap_or_else(|| cx.state.node.clone());
    let config = cx.state.config.clone();
    let (targets, settings) = (&config.resource_targets, &config.optimizer);
    let machine =
        hardware::Machine { cores: Some(call.cpus), memory_bytes: call.memory_bytes, gpus: call.gpus.clone() };
    let most =
        hardware::selfplay_jobs(&config.limits, &machine).jobs.min(config.limits.selfplay.per_node.unwrap_or(u32::MAX));
    let running = rows::usage(cx.db)?.on(JobType::Selfplay, &node);
    let safe = &config.safeguards;
    let full = match (call.memory_percent, call.gpu_memory_percent) {
        (Some(m), _) if m >= safe.memory.warning => Some("memory is nearly full"),
        (_, Some(m)) if m >= safe.gpu.critical => Some("the GPUs' memory is nearly full"),
        (None, _) => Some("memory utilisation is unknown"),
        _ => None,
    };
    let load = Load { running, most, full };
    // A job is a thread until its use was measured; of a GPU it takes its share of the jobs that fit. The controllers
    // tolerate that this is wrong by half.
    let (thread, fits) = (100.0 / f64::from(call.cpus), 100.0 / f64::from(most.max(1)));
    let resources = [
        ("cpu", call.cpu_percent, thread, call.selfplay_cpu_percent, optimizer::cpu_band(targets)),
        ("gpu", call.gpu_percent.filter(|_| !call.gpus.is_empty()), fits, None, optimizer::gpu_band(targets)),
    ];
    let mut memories = Vec::new();
    for (name, percent, believed, used_by_jobs, band) in resources {
        let Some(percent) = percent else { continue };
        let mut memory: Memory = stored(cx, &node, name)?.unwrap_or_default();
        let per_job = optimizer::per_job(&mut memory, believed, used_by_jobs, running, percent > band.high);
        let measured = Measured { percent, per_job };
        let wish = optimizer::wish(targets, settings, &band, &mut memory, measured, &load, cx.now.wall);
        memories.push((name, measured, wish, memory));
    }
    let mut wishes: Vec<_> =
        memories.iter_mut().map(|(name, measured, wish, memory)| (*name, *measured, wish.clone(), memory)).collect();
    let decision = optimizer::decide(settings, &load, &mut wishes);
    drop(wishes);
    for (name, _, _, memory) in &memories {
        let sql = "INSERT INTO controller (node, resource, memory) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET \
            memory = excluded.memory";
        cx.db.prepare_cached(sql)?.execute(params![node.as_str(), name, serde_json::to_string(memory)?])?;
    }
    let advice = Advice {
        action: decision.action,
        // One job always may run: the processors' scheduler shares them, and a loop that stands still frees nothing.
        jobs: decision.jobs.max(1),
        running,
        delta: decision.delta,
        most,
        reason: decision.reason,
        confidence: decision.confidence,
    };
    let seen = NodeUse { node: node.to_string(), at_us: cx.now.wall, seen: call.clone(), advice: advice.clone() };
    let sql = "INSERT INTO node_use (node, body) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET body = excluded.body";
    cx.db.prepare_cached(sql)?.execute(params![node.as_str(), serde_json::to_string(&seen)?])?;
    cx.state.managers.advice.insert(node, (cx.now.mono, advice.clone()));
    if advice.delta > 0 {
        cx.state.look_again();
    }
    Ok(advice)
}

fn stored<T: DeserializeOwned>(cx: &Change<'_>, node: &NodeId, resource: &str) -> Result<Option<T>, Refusal> {
    let sql = "SELECT memory FROM controller WHERE node = ?1 AND resource = ?2";
    let text: Option<String> =
        cx.db.prepare_cached(sql)?.query_row([node.as_str(), resource], |row| row.get(0)).optional()?;
    // A memory of another version is no reason to stop: the controller starts over.
    Ok(text.and_then(|t| serde_json::from_str(&t).ok()))
}

/// Self-play jobs that a node may run by its hardware, and by the optimizer's wish while that is fresh; nothing while
/// it was not observed.
pub fn cap(cx: &Change<'_>, node: &NodeId) -> Option<u32> {
    let (at, advice) = cx.state.managers.advice.get(node)?;
    let fresh = cx.now.mono - *at <= fresh_for(cx);
    // What the hardware allows does not grow old; what the controllers want does.
    Some(if fresh { advice.jobs.min(advice.most) } else { advice.most })
}

fn nodes(cx: &Change<'_>) -> Result<Vec<NodeUse>, Refusal> {
    let mut statement = cx.db.prepare_cached("SELECT body FROM node_use ORDER BY node")?;
    let all = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let fresh = |seen: &NodeUse| (Span::ZERO..=fresh_for(cx)).contains(&(cx.now.wall - seen.at_us));
    Ok(all.iter().filter_map(|text| serde_json::from_str(text).ok()).filter(fresh).collect())
}

fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let known: Vec<f64> = values.flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// The use of the nodes; `get_utilization_status` of the earlier implementation.
pub fn utilization(cx: &Change<'_>) -> Result<Utilization, Refusal> {
    let nodes = nodes(cx)?;
    let targets = &cx.state.config.resource_targets;
    let cpu_percent = mean(nodes.iter().map(|n| n.seen.cpu_percent));
    let gpu_percent = mean(nodes.iter().map(|n| n.seen.gpu_percent));
    let acting = nodes.iter().max_by_key(|n| (n.advice.action != Action::None, n.at_us));
    let gpu_nodes = nodes.iter().filter(|n| !n.seen.gpus.is_empty()).count();
    Ok(Utilization {
        cpu_percent,
        gpu_percent,
        gpu_memory_percent: mean(nodes.iter().map(|n| n.seen.gpu_memory_percent)),
        cpu_in_band: cpu_percent.map(|p| optimizer::cpu_band(targets).holds(p)),
        gpu_in_band: gpu_percent.map(|p| optimizer::gpu_band(targets).holds(p)),
        gpu_nodes: u32::try_from(gpu_nodes).unwrap_or(u32::MAX),
        cpu_nodes: u32::try_from(nodes.len() - gpu_nodes).unwrap_or(u32::MAX),
        jobs: cx.db.prepare_cached("SELECT count(*) FROM lease")?.query_row([], |row| row.get(0))?,
        action: acting.map_or(Action::None, |n| n.advice.action),
        confidence: acting.map_or(0.0, |n| n.advice.confidence),
        rate: rate(cx)?,
        nodes,
    })
}

/// Whether to ask for more work or less; `should_scale_up` and `should_scale_down` of the earlier implementation.
pub fn should_scale(cx: &Change<'_>, call: &ShouldScale) -> Result<Scale, Refusal> {
    let used = utilization(cx)?;
    let targets = &cx.state.config.resource_targets;
    let percent = match call.resource.as_str() {
        "cpu" => used.cpu_percent,
        "gpu" => used.gpu_percent,
        other => return Err(Refusal::bad("resource", format!("{other:?}; must be cpu or gpu"))),
    };
    let Some(percent) = percent else {
        return Ok(Scale { up: false, down: false, reason: format!("{} utilisation is unknown", call.resource) });
    };
    let (up, down) = (targets.scale_up, targets.scale_down);
    let reason = format!("{} {percent:.0} %; more jobs below {up} %, fewer above {down} %", call.resource);
    Ok(Scale { up: percent < up, down: percent > down, reason })
}

/// Self-play jobs that a node may have (`get_max_selfplay_for_node` of the earlier implementation): by hardware, and by
/// the configured limit.
pub fn max_selfplay(cx: &Change<'_>, call: &MaxSelfplay) -> Result<SelfplayBound, Refusal> {
    if call.cpu_count == 0 || call.gpu_count > 64 {
        return Err(Refusal::bad("cpu_count", "must have at least one processor and at most 64 GPUs"));
    }
    let limits = &cx.state.config.limits;
    let gpus = vec![call.gpu_name.clone(); call.gpu_count as usize];
    let machine =
        hardware::Machine { cores: Some(call.cpu_count), memory_bytes: call.memory_gb.saturating_mul(1 << 30), gpus };
    let bound = hardware::selfplay_jobs(limits, &machine);
    Ok(match limits.selfplay.per_node {
        Some(most) if most < bound.jobs => {
            SelfplayBound { jobs: most, why: format!("limits.selfplay.per_node is {most}") }
        }
        _ => SelfplayBound { jobs: bound.jobs, why: bound.why },
    })
}

/// Self-play target in games per hour.
fn rate(cx: &Change<'_>) -> Result<f64, Refusal> {
    Ok(log(cx, 1)?.first().map_or(cx.state.config.optimizer.rate_initial, |r| r.rate))
}

fn log(cx: &Change<'_>, most: u32) -> Result<Vec<AgreedRate>, Refusal> {
    let mut statement = cx.db.prepare_cached("SELECT body FROM rate_log ORDER BY n DESC LIMIT ?1")?;
    let texts = statement.query_map([most], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(texts.iter().map(|text| serde_json::from_str(text)).collect::<Result<_, _>>()?)
}

/// Agrees on a rate of self-play: `negotiate_selfplay_rate` of the earlier implementation, and
/// `apply_feedback_adjustment` when nothing is requested.
pub fn negotiate(cx: &mut Change<'_>, call: &NegotiateRate) -> Result<AgreedRate, Refusal> {
    if call.requested.is_some_and(|r| !r.is_finite() || r < 0.0) {
        return Err(Refusal::bad("requested", "must be 0 or more games per hour"));
    }
    let previous = rate(cx)?;
    let seen = utilization(cx)?;
    let used = rates::Use {
        percent: seen.gpu_percent.into_iter().chain(seen.cpu_percent).reduce(f64::max),
        gpu_memory: seen.gpu_memory_percent,
    };
    let (targets, settings) = (&cx.state.config.resource_targets, &cx.state.config.optimizer);
    let answer = match call.requested {
        Some(rate) => {
            let request = rates::Request { rate, urgency: call.urgency, reason: &call.reason };
            rates::negotiate(targets, settings, previous, request, used)
        }
        None => rates::feedback(targets, settings, previous, used),
    };
    let agreed = AgreedRate {
        rate: answer.rate,
        previous,
        requested: call.requested.unwrap_or(previous),
        requestor: call.requestor.clone(),
        reason: call.reason.clone(),
        why: answer.why,
        at_us: cx.now.wall,
    };
    cx.db.prepare_cached("INSERT INTO rate_log (body) VALUES (?1)")?.execute([serde_json::to_string(&agreed)?])?;
    cx.db
        .prepare_cached("DELETE FROM rate_log WHERE n NOT IN (SELECT n FROM rate_log ORDER BY n DESC LIMIT ?1)")?
        .execute([KEPT])?;
    Ok(agreed)
}

/// The rate and how it came about.
pub fn rates(cx: &Change<'_>) -> Result<Rates, Refusal> {
    Ok(Rates { rate: rate(cx)?, log: log(cx, KEPT)? })
}
