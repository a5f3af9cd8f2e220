//! What is generated and committed is what this source generates, and nothing is left of what it generated once.
use ringrift_dev::{everything, stale, write};
use std::path::Path;

#[test]
fn everything_is_as_generated() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // As `cargo generate`, for a run that also rewrites the other expectations.
    if std::env::var_os("RINGRIFT_BLESS").is_some() {
        write(&root).unwrap_or_else(|e| panic!("{e}"));
    }
    let made = everything(&root).unwrap_or_else(|e| panic!("{e}"));
    let differs = |path: &str, text: &str| {
        std::fs::read_to_string(root.join(path)).ok().is_none_or(|committed| committed != text)
    };
    let wrong: Vec<&str> = made.iter().filter(|m| differs(&m.path, &m.text)).map(|m| m.path.as_str()).collect();
    assert_eq!(wrong, Vec::<&str>::new(), "these are not as the declarations say; run `cargo generate`");
    assert_eq!(
        stale(&root, &made).unwrap_or_else(|e| panic!("{e}")),
        Vec::<String>::new(),
        "nothing generates these; run `cargo generate`"
    );
}

/// The package's programs that are not ordinary daemons: each executable has one that calls the library, which knows
/// its name.
#[test]
fn each_executable_is_a_program_of_the_package() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let known = std::fs::read_to_string(root.join("src/programs.rs")).expect("programs");
    for entry in std::fs::read_dir(root.join("src/bin")).expect("executables").flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        let name = file.trim_end_matches(".rs");
        if name == "ringrift-daemon" {
            continue;
        }
        let stub = std::fs::read_to_string(root.join("src/stubs/src/bin").join(&file))
            .unwrap_or_else(|e| panic!("src/stubs/src/bin/{file}: {e}"));
        assert!(
            stub.contains(&format!("program!(c\"{name}\")")),
            "src/stubs/src/bin/{file} does not call the library with {name}"
        );
        assert!(known.contains(&format!("\"{name}\" => ")), "src/programs.rs does not run {name}");
    }
}
