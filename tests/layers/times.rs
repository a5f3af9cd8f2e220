//! Times have types: a bare number does not say which clock it is of, and two clocks that meet in one subtraction free
//! a slot too early or keep it for ever.
use crate::sources::{is_test, shipped, sources};

/// Where both clocks meet; a folder or a file.
const AREAS: &[&str] = &[
    "contract/age.rs",
    "contract/coordinator/bandwidth.rs",
    "contract/coordinator/durations.rs",
    "contract/coordinator/optimizer.rs",
    "contract/coordinator/scheduling.rs",
    "contract/coordinator/work.rs",
    "contract/job.rs",
    "contract/master.rs",
    "contract/time.rs",
    "coordination/",
    "coordinator/",
    "master/",
    "platform/age.rs",
    "platform/store/",
];

/// Where a time is a number all the same: the beginning of a path, and the reason.
const NUMBERS: &[(&str, &str)] =
    &[("coordination/judge/", "reads status files and events, whose times are numbers of the wall clock")];

/// A field, parameter or variable by its name and its type, where a line of code declares one.
fn declared(line: &str) -> Vec<(&str, &str)> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let declarations = line.match_indices(": ").map(|(at, _)| {
        let start = line[..at].rfind(|c| !is_name(c)).map_or(0, |before| before + 1);
        let rest = &line[at + 2..];
        (&line[start..at], &rest[..rest.find([',', ')', '=', ';', '{', '|']).unwrap_or(rest.len())])
    });
    declarations.collect()
}

/// Whether the name is a time's.
fn is_time(name: &str) -> bool {
    let endings = ["_us", "_ms", "_at", "_since", "_until", "_deadline", "_before", "_after"];
    let names =
        ["us", "at", "now", "since", "until", "wall", "mono", "boot", "deadline", "term", "age", "elapsed", "timeout"];
    names.contains(&name) || endings.iter().any(|ending| name.ends_with(ending))
}

/// Whether the type is a number that may be below zero, alone or in an option, list or map.
fn is_number(kind: &str) -> bool {
    kind.split(|c: char| !c.is_alphanumeric()).any(|word| word == "i64")
}

fn is_bare(line: &str) -> bool {
    // The functions at the border are named by the unit in which a time comes in as a number.
    let border = line.contains("fn of_us(us: i64)");
    !border && declared(line).iter().any(|(name, kind)| is_time(name) && is_number(kind))
}

#[test]
fn no_time_is_a_bare_number() {
    for line in [
        "pub granted_us: i64,",
        "fn due(&self, now: i64) -> bool {",
        "since: Option<i64>,",
        "|at: &i64| x",
        "ends_at: Vec<i64> = x",
    ] {
        assert!(is_bare(line), "{line}");
    }
    for line in [
        "pub granted_us: Wall,",
        "number: i64,",
        "pub delay_ms: u32,",
        "at: Mono, n: i64",
        "let key: HashMap<i64, Mono>",
    ] {
        assert!(!is_bare(line), "{line}");
    }
    let sources = sources();
    let within = |name: &str, area: &str| name.starts_with(area);
    let (mut wrong, mut used) = (Vec::new(), vec![false; NUMBERS.len()]);
    for (name, text) in sources.iter().filter(|(name, _)| AREAS.iter().any(|area| within(name, area)) && !is_test(name))
    {
        for line in shipped(text).lines().filter(|line| is_bare(line)) {
            match NUMBERS.iter().position(|(path, _)| within(name, path)) {
                Some(n) => used[n] = true,
                None => wrong.push(format!("src/{name}: {}", line.trim())),
            }
        }
    }
    for area in AREAS {
        assert!(sources.iter().any(|(name, _)| within(name, area)), "src/{area} is not there; change AREAS");
    }
    let unused = NUMBERS.iter().zip(used).filter(|(_, used)| !used);
    wrong.extend(
        unused.map(|((path, _), _)| format!("src/{path} has no time that is a number; take it out of NUMBERS")),
    );
    assert!(wrong.is_empty(), "{}\nGive it a type of contract::time, or name the reason in NUMBERS.", wrong.join("\n"));
}

/// The clocks themselves are read in one file: whoever reads one elsewhere has a number and not a time.
#[test]
fn one_file_reads_the_clocks() {
    let ways = ["SystemTime::now()", "clock_gettime("];
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|(name, _)| !is_test(name) && name != "platform/clock.rs")
        .filter(|(_, text)| ways.iter().any(|way| shipped(text).contains(way)))
        .map(|(name, _)| format!("src/{name} reads a clock; use platform::clock"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
