//! How long the loop takes from a stage's end to the next stage's start, read from the event log.
use crate::contract::envelope::Event;
use crate::contract::ids::EventId;
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
    /// Milliseconds from the end of the first job's command to the second job's unit taking up its job.
    pub milliseconds: f64,
}

fn text<'a>(event: &'a Event, field: &str) -> Option<&'a str> {
    event.payload.get(field).and_then(Value::as_str)
}

/// All hand-overs in a stretch of the log, in its order. A job counts when the chain of causes of its `work_started` leads to a
/// `work_completed` of another job; that job's end is its own start and its duration.
pub fn handovers(events: &[Event]) -> Vec<Handover> {
    let by_id: HashMap<&EventId, &Event> = events.iter().map(|e| (&e.id, e)).collect();
    let started: HashMap<(&str, u64), i64> = events
        .iter()
        .filter(|e| e.kind == "work_started")
        .filter_map(|e| Some(((text(e, "work_id")?, e.payload.get("attempt")?.as_u64()?), e.time_us)))
        .collect();
    let end = |done: &Event| -> Option<i64> {
        let begun = started.get(&(text(done, "work_id")?, done.payload.get("attempt")?.as_u64()?))?;
        Some(begun + (done.payload.get("duration_seconds")?.as_f64()? * 1e6) as i64)
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
        let milliseconds = (event.time_us - end(done)?) as f64 / 1e3;
        let (from, to) = (text(done, "work_type")?.to_owned(), text(event, "work_type")?.to_owned());
        Some(Handover { from, to, job_id: text(event, "work_id")?.to_owned(), milliseconds })
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
        let job = |id: &str, kind: &str| json!({"work_id": id, "work_type": kind, "attempt": 1, "duration_seconds": 2.0});
        let log = [
            event(1, "work_started", 1_000_000, None, job("a-1", "selfplay")),
            event(2, "work_completed", 3_010_000, None, job("a-1", "selfplay")),
            event(3, "new_games", 3_020_000, Some(2), json!({})),
            event(4, "work_started", 3_040_000, Some(3), job("a-2", "export")),
            event(5, "work_started", 9_000_000, None, job("a-3", "selfplay")),
        ];
        let found = handovers(&log);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].from.as_str(), found[0].to.as_str(), found[0].milliseconds), ("selfplay", "export", 40.0));
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median(std::iter::empty()), None);
    }
}
