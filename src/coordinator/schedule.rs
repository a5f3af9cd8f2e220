//! What waits, in the order in which it should get slots: reads the queue, lets `coordination::schedule` decide.
use super::change::Change;
use super::refusal::Refusal;
use super::{durations, rows};
use crate::contract::coordinator::{QueueOrder, QueuePlace, WorkItem};
use crate::contract::ids::ConfigKey;
use crate::contract::reason::{Reason, ReasonCode};
use crate::contract::time::{Span, Wall};
use crate::contract::workload::JobType;
use crate::coordination::limits::{self, Usage};
use crate::coordination::queue::{Candidate, Node};
use crate::coordination::retry;
use crate::coordination::schedule::{self, Edge, Granted, Level, Place, Waiting};
use rusqlite::params;
use std::collections::{BTreeMap, HashMap};

/// Places that one reply tells of.
const SHOWN: usize = 1000;

/// The first items of each type that has room, as many as could be granted, in order; and whether others are held back
/// for the peak hours, so that somebody must look again.
pub fn candidates(cx: &mut Change<'_>, nodes: &[Node]) -> Result<(Vec<Candidate>, bool), Refusal> {
    let now = cx.now.mono;
    let (rules, decisions) = cx.state.decisions();
    let Some(decisions) = decisions else { return Ok((Vec::new(), false)) };
    let mut left = BTreeMap::new();
    for kind in JobType::ALL {
        let wanting = nodes.iter().filter(|n| n.wants(&decisions.usage, kind));
        let room = limits::room(rules.limits, &decisions.usage, kind, wanting.map(|n| (&n.id, n.cores)));
        if room > 0 {
            // One that waits is enough to know that something waits.
            left.insert(kind, if decisions.may_start(&rules, kind, now) { room } else { 1 });
        }
    }
    let kinds: Vec<JobType> = left.keys().copied().collect();
    let (mut found, mut any_held) = (Vec::new(), false);
    for (place, config) in order(cx, &kinds)? {
        let Some(room) = left.get_mut(&place.kind).filter(|room| **room > 0) else { continue };
        if held(cx, &place, &config)?.is_some() {
            any_held = true;
            continue;
        }
        *room -= 1;
        found.push(Candidate { number: place.number, kind: place.kind });
    }
    Ok((found, any_held))
}

fn held(cx: &Change<'_>, place: &Place, config: &str) -> Result<Option<String>, Refusal> {
    let Ok(key) = ConfigKey::new(config) else { return Ok(None) };
    Ok(durations::held(cx, place.kind, &key, place.level)?.map(|(_, why)| why))
}

/// Why the managers do not want a pending item to start now.
pub fn against(cx: &Change<'_>, item: &WorkItem, nodes: &[Node], usage: &Usage) -> Result<Vec<Reason>, Refusal> {
    let kind = item.work.work_type;
    let mut reasons = Vec::new();
    if !nodes.is_empty() && !nodes.iter().any(|n| n.wants(usage, kind)) {
        for node in nodes {
            let most = node.most_selfplay.unwrap_or(0);
            let text = format!(
                "node {} is at its target of {}",
                node.id,
                crate::contract::text::count(most.into(), "self-play job")
            );
            reasons.push(Reason::new(ReasonCode::Optimizer, text));
        }
    }
    let number = cx.state.number(&item.work_id);
    // The level counts, and only a long item of a known length is ever held: the order is computed for those alone.
    if durations::held(cx, kind, &item.work.config_key, Level::Low)?.is_some() {
        for (place, config) in order(cx, &[kind])?.into_iter().filter(|(p, _)| Some(p.number) == number) {
            reasons.extend(held(cx, &place, &config)?.map(|why| Reason::new(ReasonCode::Peak, why)));
        }
    }
    if item.work.deadline_us.is_some_and(|at| at <= cx.now.wall) {
        reasons.push(Reason::new(ReasonCode::Deadline, "its deadline has passed; it is kept in the queue"));
    }
    Ok(reasons)
}

/// Items of these types that may be granted, in order.
fn order(cx: &Change<'_>, kinds: &[JobType]) -> Result<Vec<(Place, String)>, Refusal> {
    let waiting = waiting(cx, kinds)?;
    let settings = &cx.state.config.scheduler;
    if waiting.len() < 2 {
        return Ok(named(schedule::order(&waiting, Granted::default(), settings, cx.now.wall), waiting));
    }
    let window = Span::of_secs(settings.window_seconds.into());
    let mut granted = Granted::default();
    // CRITICAL work is outside the fair share; what was granted in the future, by a clock that went back, is not
    // counted either.
    let mut statement = cx.db.prepare_cached(
        "SELECT config_key, count(*) FROM work WHERE kind = ?1 AND claimed_us > ?2 AND claimed_us <= ?3 AND priority \
            < 90 GROUP BY config_key",
    )?;
    for kind in kinds {
        let mut rows = statement.query(params![kind.name(), cx.now.wall - window, cx.now.wall])?;
        while let Some(row) = rows.next()? {
            granted.add(*kind, row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?, row.get(1)?);
        }
    }
    Ok(named(schedule::order(&waiting, granted, settings, cx.now.wall), waiting))
}

/// Each place with its item's configuration.
fn named(places: Vec<Place>, waiting: Vec<Waiting>) -> Vec<(Place, String)> {
    let mut configs: HashMap<i64, String> = waiting.into_iter().map(|w| (w.number, w.config)).collect();
    places
        .into_iter()
        .map(|place| (configs.remove(&place.number).unwrap_or_default(), place))
        .map(|(config, place)| (place, config))
        .collect()
}

/// Items whose dependencies are complete and whose time has come.
fn waiting(cx: &Change<'_>, kinds: &[JobType]) -> Result<Vec<Waiting>, Refusal> {
    let inherited = schedule::inherit(edges(cx)?);
    let mut found = Vec::new();
    let mut statement = cx.db.prepare_cached(
        "SELECT n, config_key, priority, created_us, deadline_us FROM work WHERE status = 'pending' AND kind = ?1
           AND (not_before_us IS NULL OR not_before_us <= ?2 OR not_before_us > ?3)
           AND NOT EXISTS (SELECT 1 FROM dependency d JOIN work w ON w.n = d.needs WHERE d.work = work.n
           AND w.status <> 'completed')",
    )?;
    let damaged = cx.now.wall + Span::of_secs(retry::LONGEST);
    for kind in kinds.iter().copied() {
        let mut rows = statement.query(params![kind.name(), cx.now.wall, damaged])?;
        while let Some(row) = rows.next()? {
            let (number, priority, deadline): (i64, u8, Option<Wall>) = (row.get(0)?, row.get(2)?, row.get(4)?);
            let from_others = inherited.get(&number).copied().unwrap_or_default();
            let config: String = row.get(1)?;
            let own = deadline.map(|at| latest_start(cx, kind, &config, at)).transpose()?;
            found.push(Waiting {
                number,
                kind,
                config,
                priority: priority.max(from_others.priority),
                created: row.get(3)?,
                latest_start: [own, from_others.latest_start].into_iter().flatten().min(),
            });
        }
    }
    Ok(found)
}

/// When an item must start to be done in time, even if it takes as long as it hardly does.
fn latest_start(cx: &Change<'_>, kind: JobType, config: &str, deadline: Wall) -> Result<Wall, Refusal> {
    let Ok(key) = ConfigKey::new(config) else { return Ok(deadline) };
    let high = durations::estimate(cx, kind, &key)?.high;
    Ok(deadline - Span::of_secs_f64(high))
}

/// Who waits for whom.
fn edges(cx: &Change<'_>) -> Result<Vec<Edge>, Refusal> {
    let mut statement = cx.db.prepare_cached(
        "SELECT d.work, w.priority, w.deadline_us, d.needs FROM work w JOIN dependency d ON d.work = w.n WHERE \
            w.status = 'pending'",
    )?;
    let edge = |row: &rusqlite::Row<'_>| {
        Ok(Edge { item: row.get(0)?, priority: row.get(1)?, latest_start: row.get(2)?, needs: row.get(3)? })
    };
    Ok(statement.query_map([], edge)?.collect::<Result<_, _>>()?)
}

/// The order as people read it: what would be granted first, and to what each item owes its place.
pub fn view(cx: &Change<'_>) -> Result<QueueOrder, Refusal> {
    let places = order(cx, &JobType::ALL)?;
    let truncated = places.len() > SHOWN;
    let mut shown = Vec::with_capacity(places.len().min(SHOWN));
    for (place, config) in places.into_iter().take(SHOWN) {
        let Some(item) = rows::item(cx, place.number)? else { continue };
        let mut why = Vec::new();
        if place.urgent {
            why.push("its deadline is near".to_owned());
        } else if place.aged > 0 {
            why.push(format!(
                "raised {} by ageing",
                if place.aged == 1 { "a level".into() } else { format!("{} levels", place.aged) }
            ));
        }
        why.extend(held(cx, &place, &config)?);
        if place.over_share {
            why.push(format!("{} is behind other configurations (fair share used)", item.work.config_key));
        }
        shown.push(QueuePlace {
            work_id: item.work_id,
            work_type: place.kind,
            config_key: item.work.config_key,
            priority: item.work.priority,
            level: place.level.name().into(),
            created_us: item.created_us,
            deadline_us: item.work.deadline_us,
            why,
        });
    }
    Ok(QueueOrder { places: shown, truncated })
}
