//! The modules of a category of daemons: what lies in its directory.
use crate::{Failed, Made, names};
use ringrift::contract::registry::{Category, built, by_category};
use std::path::Path;

/// One `mod.rs` a category. A daemon is public, what it shares with others is not, what only tests use is theirs.
pub fn all(root: &Path) -> Result<Vec<Made>, Failed> {
    Category::ALL.into_iter().map(|category| module(root, category)).collect()
}

fn module(root: &Path, category: Category) -> Result<Made, Failed> {
    let folder = format!("src/daemons/{}", category.name());
    let mut text = format!("//! The {} daemons.\n", category.name());
    for name in names(root, &folder, ".rs")?.iter().filter_map(|n| n.strip_suffix(".rs")).filter(|n| *n != "mod") {
        let is_daemon = by_category(category)
            .chain(built())
            .any(|spec| spec.declared.module.ends_with(&format!("::{}::{name}", category.name())));
        text += &match (is_daemon, name) {
            (true, _) => format!("pub mod {name};\n"),
            (false, "testdata") => format!("#[cfg(test)]\nmod {name};\n"),
            (false, _) => format!("mod {name};\n"),
        };
    }
    Ok(Made { path: format!("{folder}/mod.rs"), text })
}
