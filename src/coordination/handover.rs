//! How long the loop takes from a stage's end to the next stage's start, read from the event log.
use crate::contract::envelope::Event;
use crate::contract::ids::EventId;
use crate::contract::time::{Span, Wall};
use serde_json::Value;
use std::collections::HashMap;

/// One hand-over.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Handover {
    /// The stage that ended.
    pub from: String,
    /// The stage that started because of it.
    pub to: String,
    /// The job that started.
    pub job_id: String,
    /// Milliseconds from the end of the first job's command until systemd was starting the second job's unit; unknown
    /// when the journal does not tell.
    pub starting_milliseconds: Option<f64>,
    /// Milliseconds from the end of the first job's command until the second job ran: its unit's sandbox stood, and its
    /// runner had taken up the work.
    pub running_milliseconds: f64,
}

/// That systemd was starting a job's unit, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitStart {
    /// The job.
    pub job_id: String,
    /// When.
    pub at: Wall,
}

fn text<'a>(event: &'a Event, field: &str) -> Option<&'a str> {
    event.payload.get(field).and_then(Value::as_str)
}

/// All hand-overs in a stretch of the log, in its order. A job counts when the chain of causes of its `work_started`
/// leads to a `work_completed` of another job; that job's end is its own start and its duration. A job that was tried
/// again has several starts of its unit: the last one before it ran counts.
pub fn handovers(events: &[Event], starts: &[UnitStart]) -> Vec<Handover> {
    let mut starting: HashMap<&str, Vec<Wall>> = HashMap::new();
    starts.iter().for_each(|s| starting.entry(&s.job_id).or_default().push(s.at));
    let by_id: HashMap<&EventId, &Event> = events.iter().map(|e| (&e.id, e)).collect();
    let started: HashMap<(&str, u64), Wall> = events
        .iter()
        .filter(|e| e.kind == "work_started")
        .filter_map(|e| Some(((text(e, "work_id")?, e.payload.get("attempt")?.as_u64()?), Wall::of_us(e.time_us))))
        .collect();
    let end = |done: &Event| -> Option<Wall> {
        let begun = started.get(&(text(done, "work_id")?, done.payload.get("attempt")?.as_u64()?))?;
        Some(*begun + Span::of_secs_f64(done.payload.get("duration_seconds")?.as_f64()?))
    };
    let origin = |event: &Event| {
        let mut at = event.cause.as_ref()?;
        // Chains are a handful of events long; the bound is against a circle in a foreign log.
        for _ in 0..32 {
            let cause = by_id.get(at)?;
            if cause.kind == "work_completed" {
                return Some(*cause);
            }
            at = cause.cause.as_ref()?;
        }
        None
    };
    let one = |event: &Event| {
        let done = origin(event)?;
        let (ended, job_id) = (end(done)?, text(event, "work_id")?.to_owned());
        let ran = Wall::of_us(event.time_us);
        let since = |at: Wall| (at - ended).secs_f64() * 1e3;
        let (from, to) = (text(done, "work_type")?.to_owned(), text(event, "work_type")?.to_owned());
        let own = starting.get(job_id.as_str()).into_iter().flatten().filter(|at| (ended..=ran).contains(at)).max();
        Some(Handover {
            from,
            to,
            job_id,
            starting_milliseconds: own.map(|at| since(*at)),
            running_milliseconds: since(ran),
        })
    };
    events.iter().filter(|e| e.kind == "work_started").filter_map(one).collect()
}

/// The middle value; of an even number the lower of the two.
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::envelope::event_id;
    use crate::contract::ids::NodeId;
    use serde_json::json;

    fn event(n: u128, kind: &str, time_us: i64, cause: Option<u128>, payload: Value) -> Event {
        Event {
            id: event_id(1, n),
            node: NodeId::new("n").expect("an id"),
            origin_seq: 0,
            kind: kind.into(),
            schema: 1,
            key: None,
            cause: cause.map(|c| event_id(1, c)),
            correlation: None,
            source: String::new(),
            time_us,
            payload: payload.as_object().cloned().expect("an object"),
            extra: Default::default(),
        }
    }

    #[test]
    fn a_chain_of_causes_is_a_handover_and_nothing_else() {
        let job =
            |id: &str, kind: &str| json!({"work_id": id, "work_type": kind, "attempt": 1, "duration_seconds": 2.0});
        let log = [
            event(1, "work_started", 1_000_000, None, job("a-1", "selfplay")),
            event(2, "work_completed", 3_010_000, None, job("a-1", "selfplay")),
            event(3, "new_games", 3_020_000, Some(2), json!({})),
            event(4, "work_started", 3_040_000, Some(3), job("a-2", "export")),
            event(5, "work_started", 9_000_000, None, job("a-3", "selfplay")),
        ];
        let start = |job: &str, us| UnitStart { job_id: job.into(), at: Wall::of_us(us) };
        let starts = [start("a-2", 500_000), start("a-2", 3_025_000), start("a-3", 3_026_000), start("a-2", 7_000_000)];
        let found = handovers(&log, &starts);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].from.as_str(), found[0].to.as_str(), found[0].running_milliseconds),
            ("selfplay", "export", 40.0)
        );
        assert_eq!(
            found[0].starting_milliseconds,
            Some(25.0),
            "neither another job's start nor one of another attempt"
        );
        assert_eq!(handovers(&log, &[])[0].starting_milliseconds, None);
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median(std::iter::empty()), None);
    }
}
