//! Texts in the source: who prints them, who decides on them, and what they may not refer to.
use crate::sources::{is_test, root, shipped, sources};
use std::collections::BTreeSet;

/// The file that cleans what is printed, and those that print texts of their own before anything else runs.
const PRINTERS: [&str; 2] = ["platform/terminal.rs", "router/fuzz.rs"];

/// Text from outside reaches a terminal only through the file that cleans it.
#[test]
fn one_file_prints() {
    let ways = ["print!(", "println!(", "stdout().lock", "stderr().lock", "stdout().write", "stderr().write"];
    let prints = |text: &str| ways.iter().any(|way| shipped(text).contains(way));
    let printing: BTreeSet<String> =
        sources().into_iter().filter(|(name, text)| !is_test(name) && prints(text)).map(|(name, _)| name).collect();
    for name in &printing {
        let known = PRINTERS.contains(&name.as_str());
        assert!(known, "src/{name} prints; use platform::terminal or cli::out, which clean what they print");
    }
    for name in PRINTERS {
        assert!(printing.contains(name), "src/{name} prints nothing any more; take it out of PRINTERS");
    }
}

/// Texts that are distinguished by what stands in them, each with the reason why there is no type: the file, a part of
/// the line, the reason.
const READ: &[(&str, &str, &str)] = &[
    ("platform/report.rs", "failed-", "names of files"),
    ("platform/catalog/rebuild.rs", ".json", "names of files"),
    ("platform/host.rs", "some ", "a line of the kernel's"),
    ("platform/config/mod.rs", "RINGRIFT_", "names of variables"),
    ("platform/config/mod.rs", ".params", "paths of keys"),
    ("platform/config/mod.rs", "duplicate", "serde_yaml has words for it and no type"),
    ("platform/systemd/bus.rs", "ringrift", "names of units"),
    ("platform/systemd/bus.rs", "inactive", "systemd's states, with the sub-state behind them"),
    ("platform/systemd/limits.rs", "/run/systemd/system.control/", "paths"),
    ("platform/http/names.rs", ".localhost", "names of hosts"),
    ("units/text.rs", "here.", "a file that this code writes"),
    ("router/prepare.rs", "config_key", "a quick look before the payload is read"),
    ("contract/host.rs", "auto-restart", "systemd's states: auto-restart-queued is one of them"),
    ("contract/problem/codes.rs", "RR-", "names of codes"),
    ("coordination/hardware.rs", "GH200", "the model's name is all that the driver tells"),
    ("coordination/state.rs", "STOPPED (healthy)", "STATUS= is one text, and this one is said by the runtime alone"),
    ("cli/examples.rs", "ringrift", "lines of a command"),
    ("cli/targets.rs", "resource_targets.", "paths of keys"),
    ("cli/trace/tree.rs", "_FAILED", "names of events"),
    ("cli/trace/tree.rs", "_REJECTED", "names of events"),
    ("cli/units/generate.rs", "ringrift", "names of units, and the head of files that this code writes"),
    ("cli/units/verify.rs", ".service", "names of units"),
    ("cli/units/verify.rs", "Overall exposure", "systemd-analyze prints it and has no other form"),
];

/// A text for people is no fact: whoever decides on one is wrong as soon as somebody words it better, or as soon as
/// another program's words are in it. Reasons, causes and errors have codes, kinds and names.
#[test]
fn nobody_decides_on_a_text() {
    let looks = [".contains(\"", ".starts_with(\"", ".ends_with(\""];
    let texts = ["reason", "why", "error", "message", "detail", "words", "said", "to_string()"];
    let ways = [" == \"", " != \"", ".as_str() == \"", ".strip_prefix(\"", ".find(\"", ".split_once(\""];
    let decides = |line: &str| {
        let compared = || texts.iter().any(|text| ways.iter().any(|way| line.contains(&format!("{text}{way}"))));
        looks.iter().any(|look| line.contains(look)) || compared()
    };
    let helper = |name: &str| {
        is_test(name) || ["daemons/testing.rs", "daemons/pipeline/testdata.rs", "router/fuzz.rs"].contains(&name)
    };
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for (name, text) in sources().iter().filter(|(name, _)| !helper(name)) {
        for line in shipped(text).lines().filter(|line| decides(line)) {
            match READ.iter().position(|(file, part, _)| file == name && line.contains(part)) {
                Some(n) => drop(used.insert(n)),
                None => wrong.push(format!("src/{name} decides on a text: {}", line.trim())),
            }
        }
    }
    let unused = READ.iter().enumerate().filter(|(n, _)| !used.contains(n));
    wrong.extend(
        unused.map(|(_, (file, part, _))| format!("src/{file} has no {part:?} any more; take its line out of READ")),
    );
    assert!(
        wrong.is_empty(),
        "{}\nGive the fact a type and decide on that, or name the reason in READ.",
        wrong.join("\n")
    );
}

/// `000` to `004`, alone or with what belongs to it: numbers of documents that no reader has. A number with more digits
/// is a number.
fn names_a_document(line: &str) -> bool {
    line.match_indices("00").any(|(at, _)| {
        let bordered = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | '.' | ',' | '\\'));
        let digit = line[at + 2..].chars().next().is_some_and(|c| ('0'..='4').contains(&c));
        digit
            && bordered(line[..at].chars().next_back())
            && bordered(line[at + 3..].chars().next().filter(|c| !matches!(c, '.' | ',')))
    })
}

#[test]
fn no_text_refers_to_a_document_that_readers_do_not_have() {
    assert!(
        ["000's guard", "the limits (002), and", "as 004 has it.", "\"004\""].iter().all(|line| names_a_document(line))
    );
    assert!(["1,000", "0.004", "0o004", "500", "2_000", "x004", "\\000"].iter().all(|line| !names_a_document(line)));
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        wrong.extend(
            text.lines().filter(|line| names_a_document(line)).map(|line| format!("src/{name}: {}", line.trim())),
        );
    }
    for page in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "config/unified_loop.yaml"] {
        let text = std::fs::read_to_string(root().join("..").join(page)).unwrap_or_else(|e| panic!("{page}: {e}"));
        wrong.extend(text.lines().filter(|line| names_a_document(line)).map(|line| format!("{page}: {}", line.trim())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Phrases of earlier texts that readers did not understand, each with the words to use. Compared in lower case and as
/// whole words.
const ODD: &[(&str, &str)] = &[
    ("programs of old", "legacy programs"),
    ("scripts of old", "legacy scripts"),
    ("so many", "a maximum or a number with its name: N"),
    ("stands twice", "duplicate"),
    ("are allowed", "must be …, or: the maximum is …"),
    ("allowed is", "must be …"),
    ("is wanted", "must be …"),
    ("anew", "again, or: starts from scratch"),
    ("afresh", "from scratch"),
    ("mend", "fix"),
    ("mended", "fixed"),
    ("told", "reported"),
    ("goes on", "continues"),
    ("taken up", "started"),
    ("handed out", "delivered, granted"),
    ("presses back", "back-pressure"),
    ("the way there", "the transition"),
    ("somebody must look", "needs attention"),
    ("in the mean", "mean …"),
    ("had its share", "fair share used"),
    ("whoever", "the user, the process"),
    ("stranger", "another user"),
    ("the original", "what it is called, or nothing: readers do not have it"),
];

/// What is odd in a line that a person may meet, with the words to use.
fn odd(line: &str) -> Option<String> {
    let line = line.to_lowercase();
    let whole = |at: usize, len: usize| {
        let part_of_a_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '`');
        !part_of_a_word(line[..at].chars().next_back()) && !part_of_a_word(line[at + len..].chars().next())
    };
    let denied = |at: usize| {
        let after = &line[at + "is no ".len()..];
        whole(at, "is no".len())
            && !line[..at].trim_end().ends_with("there")
            && !["longer", "more than"].iter().any(|w| after.starts_with(w))
    };
    if line.match_indices("is no ").any(|(at, _)| denied(at)) {
        return Some("\"is no …\": say \"is not a …\", or \"unknown …\"".into());
    }
    let found = ODD.iter().find(|(phrase, _)| line.match_indices(phrase).any(|(at, _)| whole(at, phrase.len())));
    found.map(|(phrase, better)| format!("{phrase:?}: say {better}"))
}

/// Text literals of a line of code that are sentences: those with a blank.
fn sentences(line: &str) -> Vec<String> {
    let line = line.replace("\\\"", "'");
    line.split('"').skip(1).step_by(2).filter(|text| text.contains(' ')).map(str::to_owned).collect()
}

/// Files below a directory of the repository, also in its directories.
fn below(folder: &str, files: &mut Vec<std::path::PathBuf>) {
    let at = root().join("..").join(folder);
    for entry in std::fs::read_dir(&at).unwrap_or_else(|e| panic!("{}: {e}", at.display())) {
        let path = entry.expect("an entry").path();
        let name = format!("{folder}/{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() { below(&name, files) } else { files.push(path) }
    }
}

#[test]
fn texts_that_people_meet_use_common_words() {
    for line in [
        "`x` is no number",
        "used by programs of old",
        "it goes on",
        "at most so many",
        "A daemon is told",
        "tried anew",
    ] {
        assert!(odd(line).is_some(), "{line}");
    }
    for line in [
        "is no longer in the log",
        "there is no master",
        "old events",
        "in the meantime",
        "recommended",
        "is no more than 3",
    ] {
        assert_eq!(odd(line), None, "{line}");
    }
    let mut files: Vec<_> = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "tests/fixtures/help.txt"]
        .map(|f| root().join("..").join(f))
        .into();
    ["docs", "config", "units", "packaging", "src/contract/interfaces"]
        .iter()
        .for_each(|folder| below(folder, &mut files));
    let mut wrong = Vec::new();
    for path in files.iter().filter(|path| path.extension().is_none_or(|e| e != "svg")) {
        let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let lines =
            text.lines().filter_map(|line| odd(line).map(|why| format!("{}: {why}: {}", path.display(), line.trim())));
        wrong.extend(lines);
    }
    let helper = |name: &str| {
        is_test(name) || ["daemons/testing.rs", "daemons/pipeline/testdata.rs", "router/fuzz.rs"].contains(&name)
    };
    for (name, text) in sources().iter().filter(|(name, _)| !helper(name)) {
        let texts = shipped(text).lines().flat_map(sentences).collect::<Vec<_>>();
        wrong.extend(texts.iter().filter_map(|text| odd(text).map(|why| format!("src/{name}: {why}: {text}"))));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Names of types by which nobody finds out what the type is: say what it holds, does or decides.
const METAPHORS: &[&str] = &["Books", "Doors", "Heart", "Heard", "News", "Parched", "Said", "Stranger", "Told"];

#[test]
fn types_are_named_by_what_they_are() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        for line in shipped(&text).lines() {
            let words: Vec<&str> =
                line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
            let defined = words
                .windows(2)
                .find(|pair| ["struct", "enum", "trait", "type"].contains(&pair[0]))
                .map(|pair| pair[1]);
            wrong.extend(
                defined.filter(|name| METAPHORS.contains(name)).map(|defined| format!("src/{name} defines {defined}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A constant's name says its role: `RPC_TIMEOUT`, not how somebody feels who waits.
#[test]
fn constants_have_their_role_in_the_name() {
    let vague = [
        "PATIENCE",
        "SOON",
        "LATER",
        "LONG",
        "ENOUGH",
        "MOST",
        "LEAST",
        "LARGEST",
        "LOOK",
        "GLANCE",
        "AGAIN",
        "LAST_WORD",
        "LAST_WORDS",
    ];
    let mut wrong = Vec::new();
    for (name, text) in sources().iter().filter(|(name, _)| !is_test(name)) {
        let code = shipped(text);
        let constants =
            code.lines().filter_map(|line| line.split_once("const ")).filter_map(|(_, rest)| rest.split_once(':'));
        wrong.extend(
            constants
                .filter(|(constant, _)| vague.contains(constant))
                .map(|(constant, _)| format!("src/{name}: {constant}")),
        );
    }
    assert!(wrong.is_empty(), "say the unit and the role, as in RPC_TIMEOUT or MAX_PENDING:\n{}", wrong.join("\n"));
}

/// What the daemons and the runtime count, people read: `1 jobs` is wrong, and `text::count` knows both forms.
#[test]
fn one_is_singular() {
    let nouns = [
        "artefacts",
        "attempts",
        "candidates",
        "configurations",
        "directories",
        "events",
        "files",
        "games",
        "items",
        "jobs",
        "letters",
        "matches",
        "models",
        "refusals",
        "samples",
        "trainings",
    ];
    let counted = |line: &str| {
        let ends = line.match_indices("} ").filter(|(at, _)| {
            let until = line[at + 2..].find('{').map_or(line.len(), |next| at + 2 + next);
            let words: Vec<&str> = line[at + 2..until].split(|c: char| !c.is_alphabetic()).take(2).collect();
            // "3 of {most} games" is right whatever the numbers are.
            let total = line[..*at].rfind('{').is_some_and(|opens| line[..opens].ends_with("of "));
            !total && words.iter().any(|word| nouns.contains(word)) && line[..*at].contains('"')
        });
        ends.count() > 0
    };
    let files = sources();
    let ours = files
        .iter()
        .filter(|(name, _)| !is_test(name) && (name.starts_with("daemons/") || name.starts_with("runtime/")));
    let wrong = ours.flat_map(|(name, text)| {
        let lines = shipped(text).lines().filter(|line| counted(line)).map(str::to_owned).collect::<Vec<_>>();
        lines.into_iter().map(move |line| format!("src/{name}: {}; use text::count", line.trim()))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// rustfmt keeps code within 120 columns, and comments are wrapped by hand. What it cannot break, a macro's rows, SQL, JSON, may be longer.
#[test]
fn comments_fit_a_line() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let long = text.lines().filter(|line| line.trim_start().starts_with("//") && line.chars().count() > 120);
        wrong.extend(long.map(|line| format!("src/{name}: {line}")));
    }
    assert!(wrong.is_empty(), "more than 120 columns:\n{}", wrong.join("\n"));
}
