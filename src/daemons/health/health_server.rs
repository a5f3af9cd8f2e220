//! HEALTH_SERVER: HTTP for probes and dashboards. Looks, and starts nothing.
use super::metrics;
use super::overview::Overview;
use crate::contract::config::Config;
use crate::contract::daemon::{Daemon, HandlerError, HttpRequest, Input, Out};
use crate::contract::health::Health;
use crate::contract::registry::{DaemonType, built, declare};
use crate::contract::text;
use crate::coordination::plan;
use serde_json::{Value, json};

declare! {
    HealthServer {
        name: "HEALTH_SERVER",
        purpose: "HTTP: /health, /ready, /metrics, /status and /daemon",
        category: Category::Health,
        profiles: &[
            Profile::Standalone, Profile::Coordinator, Profile::TrainingNode, Profile::Ephemeral, Profile::Selfplay,
            Profile::Minimal,
        ],
        depends_on: &[D::EventRouter],
        order: Some(13),
        health_check_interval: Some(30),
        needs: &[Need::Tcp { address: "address", ports: &["port", "status_port"], hosts: "hosts" }],
        program: Program::Own,
    }
    asks [clock, host, units]
    settings {
        /// Port of /health, /ready, /metrics, /status; RINGRIFT_DAEMON_HEALTH_PORT.
        port: u16 = 8790 in 1..=65_535 port;
        /// Port of /daemon/status and /daemon/NAME/health.
        status_port: u16 = 8770 in 1..=65_535 port;
        /// Address to listen on; anything but loopback shows the state of the machine to the network.
        address: String = "127.0.0.1" as Address;
        /// Names by which the host may be asked, beside its own, localhost and addresses: that of a proxy in front of it, say; read at
        /// the start of HEALTH_SERVER.
        hosts: Texts = "" as Host;
    }
    rules: &[Rule::Differ("status_port", "port")]
}

const JSON: &str = "application/json";

/// The daemon.
#[derive(Debug)]
pub struct HealthServer {
    port: u16,
    status_port: u16,
    /// Kept out of every profile by the configuration.
    disabled: Vec<DaemonType>,
}

fn disabled(config: &Config) -> Vec<DaemonType> {
    built().map(|s| s.daemon).filter(|d| plan::disabled(config, *d).is_some()).collect()
}

impl Daemon for HealthServer {
    fn new(config: &Config) -> Self {
        let settings = Settings::of(config);
        HealthServer { port: settings.port, status_port: settings.status_port, disabled: disabled(config) }
    }

    fn configure(&mut self, config: &Config) {
        self.disabled = disabled(config);
    }

    fn handle(&mut self, input: Input<'_>, ports: &Ports<'_>, out: &mut Out) -> Result<(), HandlerError> {
        match input {
            Input::Start => out.health(Health::healthy(format!("answers on {} and {}", self.port, self.status_port))),
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

impl HealthServer {
    fn answer(&self, request: &HttpRequest, ports: &Ports<'_>, out: &mut Out) {
        let overview = match Overview::look(ports, &self.disabled) {
            Ok(overview) => overview,
            Err(error) => {
                // Not knowing is not being well.
                return reply(out, 503, &json!({ "status": "unknown", "problems": [format!("systemd does not answer: {error}")] }));
            }
        };
        if request.port == self.status_port { self.daemons(request, &overview, out) } else { self.probes(request, &overview, ports, out) }
    }

    fn probes(&self, request: &HttpRequest, overview: &Overview, ports: &Ports<'_>, out: &mut Out) {
        let profile = overview.profile.map(|p| p.name());
        match request.path.as_str() {
            "/health" => {
                let problems = overview.liveness();
                let status = if problems.is_empty() { "healthy" } else { "unhealthy" };
                reply(
                    out,
                    if problems.is_empty() { 200 } else { 503 },
                    &json!({ "status": status, "profile": profile, "problems": problems }),
                );
            }
            "/ready" => {
                let problems = overview.readiness();
                reply(
                    out,
                    if problems.is_empty() { 200 } else { 503 },
                    &json!({ "ready": problems.is_empty(), "profile": profile, "problems": problems }),
                );
            }
            "/metrics" => match metrics::text(overview, &ports.host.snapshot()) {
                Ok(text) => out.respond(200, metrics::CONTENT_TYPE, text),
                Err(error) => reply(out, 500, &json!({ "error": format!("writing the metrics: {error}") })),
            },
            "/status" => {
                let body = json!({
                    "schema": 1, "profile": profile, "master": overview.master, "problems": overview.readiness(), "daemons": overview.daemons(),
                    "host": ports.host.snapshot(), "router": overview.router.as_ref().map(|f| &f.snapshot),
                    "coordinator": overview.coordinator.as_ref().map(|f| &f.snapshot),
                });
                reply(out, 200, &body);
            }
            other => reply(out, 404, &json!({ "error": format!("no {other}; there are /health, /ready, /metrics, /status") })),
        }
    }

    fn daemons(&self, request: &HttpRequest, overview: &Overview, out: &mut Out) {
        let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        match path[..] {
            ["daemon", "status"] => reply(out, 200, &json!({ "schema": 1, "daemons": overview.daemons() })),
            ["daemon", name, "health"] => match DaemonType::parse(name) {
                Ok(daemon) => {
                    let daemon = daemon.resolve();
                    let line = overview.lines.iter().find(|l| l.spec.daemon == daemon);
                    let healthy = line.is_some_and(|l| l.health.is_healthy());
                    let body = line.map_or(Value::Null, Overview::daemon);
                    reply(out, if healthy { 200 } else { 503 }, &body);
                }
                Err(unknown) => reply(out, 404, &json!({ "error": unknown.to_string() })),
            },
            _ => reply(out, 404, &json!({ "error": format!("no {}; there are /daemon/status and /daemon/NAME/health", request.path) })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::health::{State, StatusFile};
    use crate::contract::host::UnitView;
    use crate::contract::registry::Profile;
    use crate::daemons::testing::build;

    /// All of the selfplay profile runs and is well.
    fn fakes() -> Fakes {
        let fakes = Fakes::new();
        fakes.host.hold();
        let now = fakes.clock.hold().now_us;
        let unit = |name: String| UnitView {
            name,
            load_state: "loaded".into(),
            active_state: "active".into(),
            sub_state: "running".into(),
            since_us: Some(now),
            restarts: Some(0),
            ..Default::default()
        };
        let file = |name: &str, snapshot| StatusFile {
            daemon: name.into(),
            state: State::Running,
            health: Health::healthy("fine"),
            last: String::new(),
            time_us: now,
            valid_for: 60,
            config: None,
            idle: None,
            snapshot,
        };
        for daemon in Profile::Selfplay.built() {
            fakes.units.hold().units.push(unit(daemon.unit()));
            fakes.units.hold().status.insert(daemon.kebab(), file(daemon.name(), Value::Null));
        }
        fakes.units.hold().units.push(unit("ringrift-master.service".into()));
        fakes.units.hold().status.insert("master".into(), file("MASTER", json!({"profile": "selfplay"})));
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
        for path in ["/health", "/ready", "/status", "/metrics"] {
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
        assert!(body.contains("IDLE_RESOURCE is FAILED"), "{body}");
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
            file.snapshot = if file.daemon == "MASTER" { file.snapshot.clone() } else { snapshot.clone() };
            file.health.message = evil.into();
            file.last = evil.into();
        }
        let (_, metrics) = get(&fakes, 8790, "/metrics");
        let forged = metrics.lines().filter(|l| l.starts_with("ringrift_forged") || *l == "# EOF").count();
        assert_eq!(forged, 1, "the end, once:\n{metrics}");
        assert!(metrics.lines().any(|l| l.contains("event=\"a\\\"} 1 ringrift_forged 1") && l.ends_with("\"} 3.0")), "{metrics}");
        assert!(metrics.chars().all(|c| c == '\n' || text::is_harmless(c)), "{metrics:?}");
        for (port, path) in [(8790, "/status"), (8790, "/ready"), (8770, "/daemon/status"), (8770, "/daemon/auto_export/health")] {
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
        assert!(status == 503 && body.contains("ringrift-master"), "{body}");
    }
}
