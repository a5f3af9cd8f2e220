//! What is generated and committed is what this source generates, and nothing is left of what it generated once.
use ringrift_dev::{everything, stale};
use std::path::Path;

#[test]
fn everything_is_as_generated() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let made = everything(&root).unwrap_or_else(|e| panic!("{e}"));
    let differs = |path: &str, text: &str| std::fs::read_to_string(root.join(path)).ok().is_none_or(|committed| committed != text);
    let wrong: Vec<&str> = made.iter().filter(|m| differs(&m.path, &m.text)).map(|m| m.path.as_str()).collect();
    assert_eq!(wrong, Vec::<&str>::new(), "these are not as the declarations say; run `cargo generate`");
    assert_eq!(
        stale(&root, &made).unwrap_or_else(|e| panic!("{e}")),
        Vec::<String>::new(),
        "nothing generates these; run `cargo generate`"
    );
}
