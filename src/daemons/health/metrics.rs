//! `/metrics`: the overview as OpenMetrics.
use super::use_metrics;
use crate::contract::facts::Facts;
use crate::contract::health::StatusFile;
use crate::contract::overview::Overview;
use crate::contract::text::Line;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::Value;
use std::sync::atomic::AtomicU64;

/// The content type of what `text` returns.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByState {
    state: String,
}
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByDaemon {
    daemon: String,
}
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByHealth {
    daemon: String,
    status: String,
}
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByType {
    event: String,
}
type Number = Gauge<f64, AtomicU64>;

fn number(registry: &mut Registry, name: &str, help: &str, value: Option<f64>) {
    // What is unknown is left out: a 0 would be a statement.
    if let Some(value) = value {
        let gauge = Number::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    }
}

fn snapshot(file: Option<&StatusFile>, name: &str) -> Option<f64> {
    file.and_then(|f| f.snapshot.get(name)).and_then(Value::as_f64)
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByProblem {
    code: String,
    subject: String,
    severity: String,
}

/// 1 for each problem that stands by itself.
fn problems(registry: &mut Registry, overview: &Overview) {
    let problems = Family::<ByProblem, Number>::default();
    for problem in overview.causes() {
        let (code, subject) = (problem.code.to_string(), Line::new(problem.subject.name.as_bytes()).into());
        problems.get_or_create(&ByProblem { code, subject, severity: problem.severity.name().into() }).set(1.0);
    }
    registry.register("problem", "1 for each problem that follows from no other, by code", problems);
}

/// The text.
pub(super) fn text(facts: &Facts, overview: &Overview) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("ringrift");
    let states = Family::<ByState, Number>::default();
    let up = Family::<ByDaemon, Number>::default();
    let restarts = Family::<ByDaemon, Number>::default();
    let memory = Family::<ByDaemon, Number>::default();
    let health = Family::<ByHealth, Number>::default();
    for process in overview.processes.iter().filter(|p| p.category != "hub") {
        states.get_or_create(&ByState { state: process.state.to_string() }).inc();
        if process.unit.is_none() {
            continue;
        }
        let daemon = process.name.to_lowercase();
        up.get_or_create(&ByDaemon { daemon: daemon.clone() }).set(f64::from(u8::from(process.is_up())));
        health.get_or_create(&ByHealth { daemon: daemon.clone(), status: process.health.status.to_string() }).set(1.0);
        if let Some(count) = process.restarts {
            restarts.get_or_create(&ByDaemon { daemon: daemon.clone() }).set(f64::from(count));
        }
        if let Some(bytes) = process.memory_bytes {
            memory.get_or_create(&ByDaemon { daemon }).set(bytes as f64);
        }
    }
    problems(&mut registry, overview);
    registry.register("daemon_count", "Daemons by state, planned ones included", states);
    registry.register("daemon_up", "1 while the daemon runs, whatever its health", up);
    registry.register("daemon_health", "1 for the health that the daemon reports", health);
    registry.register("daemon_restarts", "Restarts by systemd since the last manual start", restarts);
    registry.register("daemon_memory_bytes", "Memory of the daemon's control group", memory);
    number(&mut registry, "master_up", "1 while the master runs", Some(f64::from(u8::from(overview.master.running))));

    let (router, host) = (facts.reports.get("event-router"), &overview.machine);
    number(&mut registry, "events_stored", "Events in the router's log", snapshot(router, "events"));
    number(
        &mut registry,
        "events_published",
        "Events published since the router's start",
        snapshot(router, "published"),
    );
    number(
        &mut registry,
        "events_duplicates_prevented",
        "Duplicate events not stored again, since the router's start",
        snapshot(router, "duplicates"),
    );
    number(&mut registry, "events_delivered", "Deliveries since the router's start", snapshot(router, "delivered"));
    number(&mut registry, "dead_letters", "Dead letters", snapshot(router, "dead_letters"));
    if let Some(types) = router.and_then(|f| f.snapshot.get("by_type")).and_then(Value::as_object) {
        let by_type = Family::<ByType, Number>::default();
        for (event, count) in types {
            by_type.get_or_create(&ByType { event: Line::new(event).into() }).set(count.as_f64().unwrap_or(0.0));
        }
        registry.register("events_by_type", "Events published since the router's start, by type", by_type);
    }
    let coordinator = facts.reports.get("coordinator");
    for (name, path, help) in [
        ("pending", "/queue/pending", "Queued jobs"),
        ("claimed", "/queue/claimed", "Jobs with a slot that have not started yet"),
        ("running", "/queue/running", "Running jobs"),
        ("leases", "/leases", "Used slots"),
    ] {
        let value = coordinator.and_then(|f| f.snapshot.pointer(path)).and_then(Value::as_f64);
        number(&mut registry, &format!("work_{name}"), help, value);
    }
    use_metrics::register(&mut registry, coordinator);
    number(
        &mut registry,
        "cpu_utilization",
        "Used share of all processors, 0 to 1",
        host.cpu_percent.map(|p| p / 100.0),
    );
    number(&mut registry, "memory_utilization", "Used share of memory, 0 to 1", host.memory_percent.map(|p| p / 100.0));
    number(
        &mut registry,
        "disk_utilization",
        "Used share of the state directory's file system, 0 to 1",
        host.disk_percent.map(|p| p / 100.0),
    );
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}
