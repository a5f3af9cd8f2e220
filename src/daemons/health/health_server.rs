//! HEALTH_SERVER: HTTP for probes and dashboards. Looks, and starts nothing.
use super::metrics;
use crate::contract::config::Config;
use crate::contract::daemon::{Daemon, HandlerError, HttpRequest, Input, Out};
use crate::contract::facts::Facts;
use crate::contract::health::Health;
use crate::contract::overview::{Overview, Process};
use crate::contract::problem::{Problem, Severity};
use crate::contract::registry::{DaemonType, declare};
use crate::contract::text;
use crate::coordination::judge;
use crate::coordination::judge::watch::{Change, Watch};
use serde_json::{Map, Value, json};

declare! {
    HealthServer {
        name: "HEALTH_SERVER",
        purpose: "HTTP: /health, /ready, /metrics, /status, /problems and /daemon",
        category: Category::Health,
        profiles: &[
            Profile::Standalone, Profile::Coordinator, Profile::TrainingNode, Profile::Ephemeral, Profile::Selfplay,
            Profile::Minimal,
        ],
        depends_on: &[D::EventRouter],
        order: Some(13),
        interval: 10,
        health_check_interval: Some(30),
        needs: &[Need::Tcp { address: "address", ports: &["port", "status_port"], hosts: "hosts" }],
        program: Program::Own,
    }
    asks [units]
    settings {
        /// Port of /health, /ready, /metrics, /status, /problems; RINGRIFT_DAEMON_HEALTH_PORT.
        port: u16 = 8790 in 1..=65_535 port;
        /// Port of /daemon/status and /daemon/NAME/health.
        status_port: u16 = 8770 in 1..=65_535 port;
        /// IP address to listen on. Any address except loopback shows the state of the machine to the network.
        address: String = "127.0.0.1" as Address;
        /// Host names accepted in requests, besides the machine's own name, localhost and IP addresses, such as the
        /// name of a proxy in front of it. Read when HEALTH_SERVER starts.
        hosts: Texts = "" as Host;
    }
    rules: &[Rule::Differ("status_port", "port")]
}

const JSON: &str = "application/json";
const PROBE_PATHS: &str = "/health, /ready, /status, /problems, /metrics";

/// The daemon.
#[derive(Debug)]
pub struct HealthServer {
    port: u16,
    status_port: u16,
    watch: Watch,
}

impl Daemon for HealthServer {
    fn new(config: &Config) -> Self {
        let settings = Settings::of(config);
        HealthServer { port: settings.port, status_port: settings.status_port, watch: Watch::default() }
    }

    fn configure(&mut self, _: &Config) {}

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => {
                out.health(Health::healthy(format!("listening on ports {} and {}", self.port, self.status_port)))
            }
            Input::Tick { .. } => drop(self.look(ports)),
            Input::Http(request) => self.answer(request, ports, out),
            _ => {}
        }
        Ok(())
    }
}

/// What daemons and jobs named stands in these values, and a terminal shows what curl got.
fn reply(out: &mut Out, status: u16, body: &Value) {
    out.respond(status, JSON, format!("{:#}\n", text::clean_json(body.clone())));
}

/// A line in the journal for each problem that came, that became better or worse, or that went; each has code and
/// subject.
fn tell(change: &Change) {
    for problem in &change.appeared {
        line(problem, problem.severity, &sentence(problem));
    }
    for (problem, before) in &change.changed {
        let how = if problem.severity < *before { "got worse" } else { "is no longer that bad" };
        line(problem, problem.severity, &format!("{how} ({}): {}", problem.severity.name(), sentence(problem)));
    }
    for problem in &change.cleared {
        line(problem, Severity::Notice, &format!("over: {}", problem.title));
    }
}

/// What is wrong and why, on one line.
fn sentence(problem: &Problem) -> String {
    problem.why.as_ref().map_or_else(|| problem.title.clone(), |why| format!("{}. {why}", problem.title))
}

fn line(problem: &Problem, severity: Severity, said: &str) {
    let (id, code, subject) = (problem.code.entry().message_id, problem.code.to_string(), problem.subject.to_string());
    match severity {
        Severity::Broken => {
            tracing::error!(MESSAGE_ID = id, CODE = code, SUBJECT = subject, "{code} of {subject}: {said}")
        }
        Severity::Degraded => {
            tracing::warn!(MESSAGE_ID = id, CODE = code, SUBJECT = subject, "{code} of {subject}: {said}")
        }
        Severity::Notice => {
            tracing::info!(MESSAGE_ID = id, CODE = code, SUBJECT = subject, "{code} of {subject}: {said}")
        }
    }
}

impl HealthServer {
    fn look(&mut self, ports: &Ports<'_>) -> (Facts, Overview) {
        let facts = ports.units.facts();
        let (overview, change) = self.watch.steady(judge::overview(&facts, env!("CARGO_PKG_VERSION")));
        tell(&change);
        (facts, overview)
    }

    fn answer(&mut self, request: &HttpRequest, ports: &Ports<'_>, out: &mut Out) {
        let (facts, overview) = self.look(ports);
        match request.port == self.status_port {
            true => daemons(request, &overview, out),
            false => probes(request, &facts, &overview, out),
        }
    }
}

fn probes(request: &HttpRequest, facts: &Facts, overview: &Overview, out: &mut Out) {
    let status = |well: bool| if well { 200 } else { 503 };
    match request.path.as_str() {
        "/health" => {
            let against = overview.against_liveness();
            let word = if against.is_empty() { "healthy" } else { "unhealthy" };
            let body = json!({ "status": word, "profile": overview.profile, "problems": against, "first": overview.causes().next() });
            reply(out, status(against.is_empty()), &body);
        }
        "/ready" => {
            let against = overview.against_readiness();
            let body = json!({ "ready": against.is_empty(), "profile": overview.profile, "problems": against, "first": overview.causes().next() });
            reply(out, status(against.is_empty()), &body);
        }
        "/problems" => reply(
            out,
            200,
            &json!({ "schema": overview.schema, "verdict": overview.verdict, "problems": overview.problems }),
        ),
        "/status" => reply(out, 200, &serde_json::to_value(overview).unwrap_or_default()),
        "/metrics" => match metrics::text(facts, overview) {
            Ok(text) => out.respond(200, metrics::CONTENT_TYPE, text),
            Err(error) => reply(out, 500, &json!({ "error": format!("writing the metrics: {error}") })),
        },
        other => reply(out, 404, &json!({ "error": format!("no {other}; there are {PROBE_PATHS}") })),
    }
}

fn daemons(request: &HttpRequest, overview: &Overview, out: &mut Out) {
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    match path[..] {
        ["daemon", "status"] => {
            let named = overview.processes.iter().filter(|p| p.category != "hub").map(|p| (p.name.clone(), daemon(p)));
            reply(out, 200, &json!({ "schema": 1, "daemons": named.collect::<Map<String, Value>>() }));
        }
        ["daemon", name, "health"] => match DaemonType::parse(name) {
            Ok(found) => {
                let process = overview.process(found.resolve().name());
                let healthy = process.is_some_and(|p| p.health.is_healthy());
                reply(out, if healthy { 200 } else { 503 }, &process.map_or(Value::Null, daemon));
            }
            Err(unknown) => reply(out, 404, &json!({ "error": unknown.to_string() })),
        },
        _ => reply(
            out,
            404,
            &json!({ "error": format!("no {}; use /daemon/status or /daemon/NAME/health", request.path) }),
        ),
    }
}

/// One daemon for people and programs.
fn daemon(p: &Process) -> Value {
    json!({
        "state": p.state, "reason": p.reason, "healthy": p.health.is_healthy(), "status": p.health.status, "message": p.health.message,
        "details": p.health.details, "unit": p.unit, "category": p.category, "critical": p.critical, "desired": p.wanted,
        "restarts": p.restarts, "main_pid": p.main_pid, "memory_bytes": p.memory_bytes, "since_us": p.since_us,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::registry::Profile;
    use crate::coordination::judge::planted;
    use crate::daemons::testing::build;

    /// All of the selfplay profile runs and is well.
    fn fakes() -> Fakes {
        let fakes = Fakes::new();
        let facts = planted::well_of(Profile::Selfplay);
        let mut held = fakes.units.hold();
        held.units = facts.units.expect("units");
        held.status = facts.reports.into_iter().collect();
        drop(held);
        fakes
    }

    fn get(fakes: &Fakes, port: u16, path: &str) -> (u16, String) {
        let request = HttpRequest { port, path: path.into(), query: String::new() };
        let out = fakes.give(&mut build::<HealthServer>(), Input::Http(&request)).expect("handled");
        out.response.map(|r| (r.status, r.body)).expect("a response")
    }

    #[test]
    fn well_is_well() {
        let fakes = fakes();
        for path in ["/health", "/ready", "/status", "/problems", "/metrics"] {
            let (status, body) = get(&fakes, 8790, path);
            assert_eq!(status, 200, "{path}: {body}");
        }
        assert_eq!(get(&fakes, 8770, "/daemon/idle_resource/health").0, 200);
        assert_eq!(get(&fakes, 8790, "/nothing").0, 404);
    }

    #[test]
    fn a_dead_critical_daemon_is_named() {
        let fakes = fakes();
        for unit in fakes.units.hold().units.iter_mut().filter(|u| u.name == "ringrift-idle-resource.service") {
            unit.active_state = "failed".into();
            unit.result = Some("exit-code".into());
        }
        let (status, body) = get(&fakes, 8790, "/health");
        assert_eq!(status, 503);
        assert!(body.contains("IDLE_RESOURCE has failed: exit-code"), "{body}");
        assert_eq!(get(&fakes, 8790, "/ready").0, 503);
        let (_, body) = get(&fakes, 8790, "/problems");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(
            (&body["problems"][0]["code"], &body["problems"][0]["subject"]["name"]),
            (&json!("RR-DAEMON-FAILED"), &json!("IDLE_RESOURCE"))
        );
        assert_eq!(get(&fakes, 8770, "/daemon/IDLE_RESOURCE/health").0, 503);
        let (status, body) = get(&fakes, 8770, "/daemon/idle_resorce/health");
        assert!(status == 404 && body.contains("did you mean IDLE_RESOURCE"), "{body}");
    }

    /// The router counts event types of other programs; the names stand in labels and bodies.
    #[test]
    fn no_name_of_others_breaks_the_metrics_or_the_bodies() {
        let fakes = fakes();
        let evil = "a\"} 1\nringrift_forged 1\r\n# EOF\\\u{1b}[2J\u{202e}";
        let snapshot = json!({ "by_type": { evil: 3 }, "events": 1 });
        for file in fakes.units.hold().status.values_mut() {
            file.snapshot = if file.daemon == "EVENT_ROUTER" { snapshot.clone() } else { file.snapshot.clone() };
            file.health.message = evil.into();
            file.last = evil.into();
        }
        let (_, metrics) = get(&fakes, 8790, "/metrics");
        let forged = metrics.lines().filter(|l| l.starts_with("ringrift_forged") || *l == "# EOF").count();
        assert_eq!(forged, 1, "the end, once:\n{metrics}");
        assert!(
            metrics.lines().any(|l| l.contains("event=\"a\\\"} 1 ringrift_forged 1") && l.ends_with("\"} 3.0")),
            "{metrics}"
        );
        assert!(metrics.chars().all(|c| c == '\n' || text::is_harmless(c)), "{metrics:?}");
        for (port, path) in
            [(8790, "/status"), (8790, "/ready"), (8770, "/daemon/status"), (8770, "/daemon/auto_export/health")]
        {
            let (_, body) = get(&fakes, port, path);
            let _: Value = serde_json::from_str(&body).expect("JSON");
            assert!(body.chars().all(|c| c == '\n' || text::is_harmless(c)), "{path}: {body:?}");
        }
    }

    #[test]
    fn planned_is_never_stopped() {
        let (_, body) = get(&fakes(), 8770, "/daemon/status");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(body["daemons"]["AUTO_SYNC"]["state"], "PLANNED");
    }

    #[test]
    fn an_unknown_profile_is_not_healthy() {
        let fakes = fakes();
        fakes.units.hold().status.remove("master");
        let (status, body) = get(&fakes, 8790, "/health");
        assert!(status == 503 && body.contains("profile"), "{body}");
    }

    #[test]
    fn without_a_master_it_is_not_healthy() {
        let fakes = fakes();
        fakes.units.hold().units.retain(|u| u.name != "ringrift-master.service");
        let (status, body) = get(&fakes, 8790, "/health");
        assert!(status == 503 && body.contains("master"), "{body}");
    }
}
