//! Two examples or more of each verb, shown on its page. A test lets the command line parse every one of them.

/// By verb, in the order of the manual.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("status", &["ringrift status", "ringrift status -v", "ringrift status --json | jq .problems"]),
    ("explain", &["ringrift explain RR-DISK-FULL", "ringrift explain 78", "ringrift explain limits.job_memory_max"]),
    ("trace", &["ringrift trace 0197c2a0-5d3e-7c3a-9f10-2b6c1d4e8f00", "ringrift trace 4f9d2c81a7 -n 50"]),
    ("safeguards status", &["ringrift safeguards status", "ringrift safeguards status --json"]),
    (
        "safeguards reset",
        &[
            "ringrift safeguards reset --type training",
            "ringrift safeguards reset --type selfplay --node gpu-1",
            "ringrift safeguards reset --all",
        ],
    ),
    ("pipeline show", &["ringrift pipeline show", "ringrift pipeline show square8_2p"]),
    ("pipeline timing", &["ringrift pipeline timing", "ringrift pipeline timing --last 5000"]),
    ("pipeline watch", &["ringrift pipeline watch", "ringrift pipeline watch --generation 3"]),
    ("profile list", &["ringrift profile list", "ringrift profile list --json"]),
    ("profile show", &["ringrift profile show", "ringrift profile show training"]),
    ("profile diff", &["ringrift profile diff selfplay", "ringrift profile diff standalone --json"]),
    ("profile apply", &["ringrift profile apply selfplay --dry-run", "ringrift profile apply standalone"]),
    ("profile undo", &["ringrift profile undo --dry-run", "ringrift profile undo"]),
    ("models list", &["ringrift models list", "ringrift models list square8_2p -n 10"]),
    ("artefacts prune", &["ringrift artefacts prune --dry-run", "ringrift artefacts prune --dry-run --going"]),
    ("artefacts rebuild", &["ringrift artefacts rebuild", "ringrift artefacts rebuild --json"]),
    ("emergency halt", &["ringrift emergency halt \"the cooling failed\"", "ringrift emergency halt maintenance"]),
    ("emergency clear", &["ringrift emergency clear", "ringrift emergency clear --json"]),
    ("emergency status", &["ringrift emergency status", "ringrift emergency status || echo halted"]),
    ("jobs list", &["ringrift jobs list", "ringrift jobs list --all --type training -n 20"]),
    ("jobs show", &["ringrift jobs show 01jd6m3q8t4v", "ringrift jobs show 01jd6m3q8t4v --json"]),
    ("jobs logs", &["ringrift jobs logs 01jd6m3q8t4v -f", "ringrift jobs logs 01jd6m3q8t4v --since \"10 min ago\""]),
    (
        "jobs submit",
        &[
            "ringrift jobs submit selfplay --config square8_2p --param games=20 --wait",
            "ringrift jobs submit training --config square8_2p --timeout 7200",
        ],
    ),
    (
        "jobs cancel",
        &["ringrift jobs cancel 01jd6m3q8t4v", "ringrift jobs cancel 01jd6m3q8t4v --reason \"wrong parameters\""],
    ),
    ("jobs queue show", &["ringrift jobs queue show", "ringrift jobs queue show --json"]),
    (
        "jobs queue pause",
        &["ringrift jobs queue pause \"moving the store\"", "ringrift jobs queue pause maintenance --json"],
    ),
    ("jobs queue resume", &["ringrift jobs queue resume", "ringrift jobs queue resume --json"]),
    ("jobs order", &["ringrift jobs order", "ringrift jobs order -n 5"]),
    ("jobs limits", &["ringrift jobs limits", "ringrift jobs limits --json"]),
    ("jobs durations", &["ringrift jobs durations", "ringrift jobs durations training square8_2p"]),
    ("jobs slots", &["ringrift jobs slots", "ringrift jobs slots --node gpu-1"]),
    ("targets", &["ringrift targets", "ringrift targets --json"]),
    ("optimizer", &["ringrift optimizer", "ringrift optimizer -n 20"]),
    ("bandwidth", &["ringrift bandwidth", "ringrift bandwidth --can gpu-2 --data models --bytes 50000000"]),
    ("daemon list", &["ringrift daemon list", "ringrift daemon list --category pipeline"]),
    ("daemon start", &["ringrift daemon start AUTO_EXPORT", "ringrift daemon start --category pipeline"]),
    ("daemon stop", &["ringrift daemon stop AUTO_EXPORT", "ringrift daemon stop auto-export,training-trigger"]),
    ("daemon restart", &["ringrift daemon restart HEALTH_SERVER", "ringrift daemon restart --all"]),
    ("daemon pause", &["ringrift daemon pause QUEUE_POPULATOR", "ringrift daemon pause --category queue"]),
    ("daemon resume", &["ringrift daemon resume QUEUE_POPULATOR", "ringrift daemon resume --all"]),
    ("daemon status", &["ringrift daemon status AUTO_EXPORT", "ringrift daemon status --category pipeline"]),
    (
        "daemon logs",
        &["ringrift daemon logs EVALUATION -f", "ringrift daemon logs --all --since \"1 hour ago\" --priority warning"],
    ),
    ("registry list", &["ringrift registry list --built", "ringrift registry list --category sync"]),
    ("registry categories", &["ringrift registry categories", "ringrift registry categories --json"]),
    ("registry deprecated", &["ringrift registry deprecated", "ringrift registry deprecated --json"]),
    ("registry order", &["ringrift registry order", "ringrift registry order --json"]),
    ("registry health", &["ringrift registry health", "ringrift registry health --json"]),
    ("registry validate", &["ringrift registry validate", "ringrift registry validate --json"]),
    ("master is-running", &["ringrift master is-running", "ringrift master is-running --quiet && echo yes"]),
    ("master ensure", &["ringrift master ensure --operation \"nightly training\"", "ringrift master ensure --warn"]),
    ("master status", &["ringrift master status", "ringrift master status --json"]),
    (
        "events tail",
        &["ringrift events tail -f", "ringrift events tail -f --type NEW_GAMES_AVAILABLE --key square8_2p"],
    ),
    (
        "events emit",
        &[
            "ringrift events emit external.dataset_ready rows=1200",
            "ringrift events emit external.note --payload '{\"text\":\"hello\"}'",
        ],
    ),
    ("events show", &["ringrift events show 1234", "ringrift events show 1234 --json"]),
    (
        "events replay",
        &["ringrift events replay --from 1000 --to 2000", "ringrift events replay --type MODEL_PROMOTED --json"],
    ),
    ("events stats", &["ringrift events stats", "ringrift events stats --json"]),
    ("events subscribers", &["ringrift events subscribers", "ringrift events subscribers --json"]),
    ("events retire", &["ringrift events retire my-dashboard", "ringrift events retire my-dashboard my-bot"]),
    ("events dlq list", &["ringrift events dlq list", "ringrift events dlq list --subscriber auto-export"]),
    ("events dlq show", &["ringrift events dlq show 7", "ringrift events dlq show 7 --json"]),
    ("events dlq redrive", &["ringrift events dlq redrive 7", "ringrift events dlq redrive --subscriber auto-export"]),
    ("events dlq purge", &["ringrift events dlq purge 7", "ringrift events dlq purge --all"]),
    ("config check", &["ringrift config check", "ringrift config check --etc ./my-configuration"]),
    ("config show", &["ringrift config show limits", "ringrift config show --origin --changed"]),
    ("config reload", &["ringrift config reload", "ringrift config check && ringrift config reload"]),
    ("config confirm-clock", &["ringrift config confirm-clock", "ringrift config confirm-clock --json"]),
    (
        "units generate",
        &["ringrift units generate --dest /tmp/units", "ringrift units generate --drop-ins --dest /etc/systemd/system"],
    ),
    ("units check", &["ringrift units check", "ringrift units check --dir ./units"]),
    ("units verify", &["ringrift units verify", "ringrift units verify --dir ./units"]),
    ("database list", &["ringrift database list", "ringrift database list --json"]),
    ("database confirm", &["ringrift database confirm coordination", "ringrift database confirm events"]),
];

/// Those of a verb, as in `daemon start`.
pub fn of(path: &str) -> &'static [&'static str] {
    EXAMPLES.iter().find(|(verb, _)| *verb == path).map_or(&[], |(_, shown)| shown)
}

/// Every verb that has some.
#[cfg(test)]
pub fn paths() -> impl Iterator<Item = &'static str> {
    EXAMPLES.iter().map(|(verb, _)| *verb)
}

/// The first command of an example that is about `ringrift` and its verb, as words: what a shell does with pipes and
/// lists is not ours.
#[cfg(test)]
pub fn words(example: &str) -> Vec<String> {
    let command = example.split(" | ").next().unwrap_or(example);
    let command = command.split(" || ").next().unwrap_or(command);
    let command = command
        .split(" && ")
        .last()
        .filter(|last| last.starts_with("ringrift"))
        .unwrap_or_else(|| command.split(" && ").next().unwrap_or(command));
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in command.chars() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (' ', None) => words.push(String::new()),
            (c, _) => words.last_mut().expect("a word").push(c),
        }
    }
    words
}
