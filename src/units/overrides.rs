//! Drop-ins for what the environment file asks and only a unit can do: restart count, stop timeout, the coordinator's directory.
use super::UnitFile;
use super::text::Text;

/// The variables that end in a unit, as users know them.
pub const VARIABLES: [&str; 3] = ["RINGRIFT_DAEMON_RESTART_MAX", "RINGRIFT_DAEMON_SHUTDOWN_TIMEOUT", "RINGRIFT_COORDINATOR_DIR"];

/// The drop-ins that these settings of the environment file want; a value that is no number or no absolute path is refused.
pub fn drop_ins(settings: &[(String, String)]) -> Result<Vec<UnitFile>, String> {
    let value = |name: &str| settings.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let number = |name: &str, low: u32, high: u32| match value(name) {
        None => Ok(None),
        Some(text) => match text.parse::<u32>() {
            Ok(n) if (low..=high).contains(&n) => Ok(Some(n)),
            _ => Err(format!("{name}={text}: a number from {low} to {high} is wanted")),
        },
    };
    let (restarts, stop) = (number(VARIABLES[0], 0, 100)?, number(VARIABLES[1], 1, 3600)?);
    let mut files = Vec::new();
    if restarts.is_some() || stop.is_some() {
        let mut text = Text::new();
        if let Some(restarts) = restarts {
            text = text.section("Unit").why(&format!("{}={restarts}", VARIABLES[0])).set("StartLimitBurst", restarts + 1);
        }
        if let Some(stop) = stop {
            text = text.section("Service").why(&format!("{}={stop}", VARIABLES[1])).set("TimeoutStopSec", stop);
        }
        files.push(UnitFile { name: "ringrift-.service.d/60-environment.conf".into(), text: text.done() });
    }
    if let Some(directory) = value(VARIABLES[2]) {
        if !directory.starts_with('/') || directory.contains([' ', '%', '"']) {
            return Err(format!("{}={directory}: an absolute path without blanks, quotes and % is wanted", VARIABLES[2]));
        }
        let text = Text::new().section("Service").why(&format!("{}={directory}", VARIABLES[2])).set("ReadWritePaths", directory).done();
        files.push(UnitFile { name: "ringrift-coordinator.service.d/60-environment.conf".into(), text });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn nothing_asked_is_nothing_written() {
        assert_eq!(drop_ins(&settings(&[("RINGRIFT_DAEMON_INTERVAL", "5")])), Ok(vec![]));
    }

    #[test]
    fn restart_count_and_stop_timeout_reach_every_unit() {
        let files = drop_ins(&settings(&[(VARIABLES[0], "7"), (VARIABLES[1], "90")])).expect("valid");
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].name, "ringrift-.service.d/60-environment.conf");
        assert!(files[0].text.contains("[Unit]\n# RINGRIFT_DAEMON_RESTART_MAX=7\nStartLimitBurst=8\n"), "{}", files[0].text);
        assert!(files[0].text.contains("TimeoutStopSec=90"));
    }

    #[test]
    fn a_directory_opens_the_path_and_a_bad_value_is_refused() {
        let files = drop_ins(&settings(&[(VARIABLES[2], "/srv/ringrift")])).expect("valid");
        assert!(files[0].text.contains("ReadWritePaths=/srv/ringrift"));
        let error = drop_ins(&settings(&[(VARIABLES[0], "many")])).expect_err("no number");
        assert!(error.contains("RINGRIFT_DAEMON_RESTART_MAX=many"), "{error}");
    }
}
