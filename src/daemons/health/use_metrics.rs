//! Metrics of utilisation. What is unknown is left out: a 0 would be a statement.
use crate::contract::coordinator::optimizer::{Action, Utilization};
use crate::contract::health::StatusFile;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByAction {
    action: &'static str,
}
type Number = Gauge<f64, AtomicU64>;

fn number(registry: &mut Registry, name: &str, help: &str, value: Option<f64>) {
    if let Some(value) = value {
        let gauge = Number::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    }
}

/// What the coordinator last said about the use of the nodes.
pub(super) fn register(registry: &mut Registry, coordinator: Option<&StatusFile>) {
    let said = coordinator.and_then(|f| f.snapshot.get("utilization")).cloned();
    let Some(used) = said.and_then(|value| serde_json::from_value::<Utilization>(value).ok()) else { return };
    let share = |percent: Option<f64>| percent.map(|p| p / 100.0);
    let yes = |fact: Option<bool>| fact.map(|f| f64::from(u8::from(f)));
    number(registry, "cluster_cpu_utilization", "Mean CPU utilisation of the nodes, 0 to 1", share(used.cpu_percent));
    number(registry, "cluster_gpu_utilization", "Mean GPU utilisation of the nodes, 0 to 1", share(used.gpu_percent));
    number(
        registry,
        "cluster_gpu_memory_utilization",
        "Mean GPU memory utilisation, 0 to 1",
        share(used.gpu_memory_percent),
    );
    number(
        registry,
        "cpu_in_target_range",
        "1 while CPU utilisation is within its target range",
        yes(used.cpu_in_band),
    );
    number(
        registry,
        "gpu_in_target_range",
        "1 while GPU utilisation is within its target range",
        yes(used.gpu_in_band),
    );
    number(registry, "cluster_gpu_nodes", "Recently measured nodes with a GPU", Some(used.gpu_nodes.into()));
    number(registry, "cluster_cpu_nodes", "Recently measured nodes without a GPU", Some(used.cpu_nodes.into()));
    number(registry, "cluster_total_jobs", "Used slots of all types", Some(used.jobs.into()));
    number(registry, "selfplay_rate_agreed", "Self-play target in games per hour", Some(used.rate));
    if used.gpu_nodes + used.cpu_nodes == 0 {
        return;
    }
    let actions = Family::<ByAction, Number>::default();
    for action in Action::ALL {
        actions.get_or_create(&ByAction { action: action.name() }).set(f64::from(u8::from(action == used.action)));
    }
    registry.register("optimization_action", "1 for the optimizer's current action", actions);
    number(registry, "optimization_confidence", "Confidence of the optimizer, 0 to 1", Some(used.confidence));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::health::{Health, State};
    use prometheus_client::encoding::text::encode;
    use serde_json::{Value, json};

    fn text(utilization: &Utilization) -> String {
        let file = StatusFile {
            daemon: "COORDINATOR".into(),
            state: State::Running,
            health: Health::healthy(""),
            last: String::new(),
            time_us: 0,
            valid_for: 60,
            config: None,
            idle: None,
            snapshot: json!({ "utilization": utilization }),
        };
        let mut registry = Registry::with_prefix("ringrift");
        register(&mut registry, Some(&file));
        let mut text = String::new();
        encode(&mut text, &registry).expect("encodes");
        text
    }

    #[test]
    fn the_seeds_metrics_are_there_and_the_action_is_a_label() {
        let used = Utilization {
            cpu_percent: Some(72.0),
            cpu_in_band: Some(true),
            cpu_nodes: 8,
            jobs: 45,
            action: Action::ScaleUp,
            confidence: 0.95,
            rate: 1000.0,
            ..Default::default()
        };
        let text = text(&used);
        for line in [
            "ringrift_cluster_cpu_utilization 0.72",
            "ringrift_cpu_in_target_range 1.0",
            "ringrift_cluster_cpu_nodes 8.0",
            "ringrift_cluster_gpu_nodes 0.0",
            "ringrift_cluster_total_jobs 45.0",
            "ringrift_optimization_action{action=\"scale_up\"} 1.0",
            "ringrift_optimization_action{action=\"none\"} 0.0",
            "ringrift_optimization_confidence 0.95",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
        assert!(!text.contains("gpu_utilization"), "unknown is left out:\n{text}");
    }

    #[test]
    fn without_an_observation_there_is_no_action() {
        assert!(!text(&Utilization::default()).contains("optimization_action"));
        let mut registry = Registry::default();
        register(&mut registry, None);
        let mut text = String::new();
        encode(&mut text, &registry).expect("encodes");
        assert_eq!(text, "# EOF\n");
        assert_eq!(serde_json::to_value(Action::ScaleDown).expect("a value"), Value::from("scale_down"));
    }
}
