//! The import graph between files: who names what of whom, and that no two files need each other.
//!
//! An edge is a path in the code that leads to another file: `use` and paths written out, from `crate::`, `super::`,
//! `self::` or a module that the file declares. A declaration (`mod x;`) is none, and neither is a re-export: whoever
//! uses the name through it has an edge to the file that defines it. Paths from `$crate` in a macro are those of the
//! files that use it.
use crate::sources::{is_test, sources};
use std::collections::{BTreeMap, BTreeSet};

/// Folders whose circles are let be, each with the reason.
const EXEMPT: &[(&str, &str)] =
    &[("router/", "the router is rewritten by an issue of its own, which unties its files")];

/// A file of the library, by its module path.
struct File {
    name: String,
    /// What it declares as `mod x;`.
    children: BTreeSet<String>,
    /// Names that it defines.
    defines: BTreeSet<String>,
    /// Paths that it uses, absolute, without those that it only re-exports.
    uses: BTreeSet<Vec<String>>,
    /// What it re-exports: the name here and the absolute path; `*` for all of it.
    exports: Vec<(String, Vec<String>)>,
}

type Files = BTreeMap<Vec<String>, File>;

fn module(name: &str) -> Vec<String> {
    let plain = name.trim_end_matches(".rs").trim_end_matches("/mod");
    plain.split('/').filter(|part| *part != "lib").map(str::to_owned).collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Words of the code, with `::` and single characters between; spaces, comments and literals are gone.
fn tokens(code: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let raw = ["r", "br"].contains(&&rest[..word]).then(|| rest[word..].find(|c| c != '#').unwrap_or(0));
        let length = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if raw.is_some_and(|hashes| rest[word + hashes..].starts_with('"')) => {
                let opening = word + raw.unwrap_or_default() + 1;
                let closing = format!("\"{}", "#".repeat(raw.unwrap_or_default()));
                rest[opening..].find(&closing).map_or(rest.len(), |at| opening + at + closing.len())
            }
            '"' => literal(rest, '"'),
            // A character, and no lifetime.
            '\'' if rest.starts_with("'\\") || rest.chars().nth(2) == Some('\'') => literal(rest, '\''),
            _ if word > 0 => {
                found.push(rest[..word].to_owned());
                word
            }
            '$' if rest.starts_with("$crate") => "$crate".len(),
            _ if rest.starts_with("::") => {
                found.push("::".to_owned());
                2
            }
            _ => {
                found.extend((!c.is_whitespace()).then(|| c.to_string()));
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    found
}

/// The length of a literal with both its marks.
fn literal(text: &str, mark: char) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == mark && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// A statement's tree as paths, each with the name that it gets here.
fn tree(tokens: &[String], at: &mut usize, before: &[String], found: &mut Vec<(String, Vec<String>)>) {
    let mut path = before.to_vec();
    while let Some(token) = tokens.get(*at) {
        *at += 1;
        match token.as_str() {
            "::" => {}
            "{" => {
                while tokens.get(*at).is_some_and(|t| !["}", ";"].contains(&t.as_str())) {
                    tree(tokens, at, &path, found);
                    if tokens.get(*at).is_some_and(|t| t == ",") {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            "as" => {
                let name = tokens.get(*at).cloned().unwrap_or_default();
                *at += 1;
                found.push((name, path));
                return;
            }
            "self" if !path.is_empty() => {}
            "," | "}" | ";" => {
                *at -= 1;
                break;
            }
            word => path.push(word.to_owned()),
        }
    }
    let name = path.last().cloned().unwrap_or_default();
    found.push((name, path));
}

/// A path from the crate's root, if it leads to one of our files.
fn absolute(path: &[String], here: &[String], children: &BTreeSet<String>) -> Option<Vec<String>> {
    let first = path.first()?.as_str();
    match first {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([here, &path[1..]].concat()),
        "super" => {
            let ups = path.iter().take_while(|p| *p == "super").count();
            Some([here.get(..here.len().checked_sub(ups)?)?, &path[ups..]].concat())
        }
        child if children.contains(child) => Some([here, path].concat()),
        _ => None,
    }
}

fn read(name: &str, text: &str) -> File {
    let here = module(name);
    let tokens = tokens(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default());
    let children = tokens.windows(3).filter(|t| t[0] == "mod" && t[2] == ";").map(|t| t[1].clone()).collect();
    let words = ["fn", "struct", "enum", "trait", "type", "const", "static", "union", "mod"];
    let mut defines: BTreeSet<String> =
        tokens.windows(2).filter(|pair| words.contains(&pair[0].as_str())).map(|pair| pair[1].clone()).collect();
    defines.extend(tokens.windows(3).filter(|t| t[0] == "macro_rules" && t[1] == "!").map(|t| t[2].clone()));
    let (mut imports, mut exported, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at] != "use" {
            rest.push(tokens[at].clone());
            at += 1;
            continue;
        }
        // `pub use` and `pub(crate) use`; a plain `use` follows the end of something.
        let public = at > 0 && ["pub", ")"].contains(&tokens[at - 1].as_str());
        at += 1;
        let mut found = Vec::new();
        tree(&tokens, &mut at, &[], &mut found);
        if public { exported.extend(found) } else { imports.extend(found) }
    }
    let mut uses: BTreeSet<Vec<String>> =
        imports.iter().filter_map(|(_, path)| absolute(path, &here, &children)).collect();
    let exports: Vec<(String, Vec<String>)> =
        exported.into_iter().filter_map(|(name, path)| Some((name, absolute(&path, &here, &children)?))).collect();
    uses.extend(exports.iter().filter(|(name, _)| rest.contains(name)).map(|(_, path)| path.clone()));
    // Paths that are written out where they are used.
    let mut at = 0;
    while at < rest.len() {
        let mut end = at;
        while rest.get(end + 1).is_some_and(|t| t == "::") && rest.get(end + 2).is_some_and(|t| t.starts_with(is_word))
        {
            end += 2;
        }
        if end > at {
            let path: Vec<String> = rest[at..=end].iter().step_by(2).cloned().collect();
            uses.extend(absolute(&path, &here, &children));
        }
        at = end + 1;
    }
    File { name: name.to_owned(), children, defines, uses, exports }
}

/// The file in which a path ends: through re-exports to the one that defines the name.
fn target<'a>(files: &'a Files, path: &[String], depth: u8) -> Option<&'a File> {
    let known = (0..=path.len()).rev().find(|end| files.contains_key(&path[..*end]))?;
    let file = &files[&path[..known]];
    let Some(name) = path.get(known) else { return Some(file) };
    if file.defines.contains(name) && !file.children.contains(name) || depth == 0 {
        return Some(file);
    }
    let named = file.exports.iter().find(|(exported, _)| exported == name).map(|(_, to)| to.clone());
    let all = || {
        file.exports
            .iter()
            .filter(|(exported, _)| exported == "*")
            .map(|(_, to)| [&to[..to.len() - 1], std::slice::from_ref(name)].concat())
    };
    let behind =
        named.or_else(|| all().find(|to| target(files, to, depth - 1).is_some_and(|f| f.defines.contains(name))));
    behind.map_or(Some(file), |to| target(files, &to, depth - 1))
}

/// The files that each file needs.
fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let files: Files = sources()
        .iter()
        .filter(|(name, _)| !is_test(name) && !name.starts_with("bin/") && !name.contains("/fakes/"))
        .map(|(name, text)| (module(name), read(name, text)))
        .collect();
    let needs = |file: &File| {
        let targets = file.uses.iter().filter_map(|path| target(&files, path, 4)).map(|to| to.name.clone());
        targets.filter(|to| *to != file.name).collect::<BTreeSet<_>>()
    };
    files.values().map(|file| (file.name.clone(), needs(file))).collect()
}

/// Groups of files of which each needs every other, over however many steps.
fn circles(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<BTreeSet<String>> {
    let reach = |from: &String| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(file) = next.pop() {
            next.extend(graph.get(file).into_iter().flatten().filter(|to| seen.insert((*to).clone())));
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = graph.keys().map(|file| (file, reach(file))).collect();
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for (file, reach) in reached.iter().filter(|(file, reach)| reach.contains(**file)) {
        if !found.iter().any(|circle| circle.contains(*file)) {
            found.push(reach.iter().filter(|other| reached[other].contains(*file)).cloned().collect());
        }
    }
    found
}

#[test]
fn no_two_files_need_each_other() {
    let graph = graph();
    let circles = circles(&graph);
    let exempt =
        |circle: &BTreeSet<String>| EXEMPT.iter().any(|(folder, _)| circle.iter().all(|file| file.starts_with(folder)));
    let told = |circle: &BTreeSet<String>| {
        let edges = |file: &String| {
            let to: Vec<&str> = graph[file].intersection(circle).map(String::as_str).collect();
            format!("  src/{file} needs {}", to.join(", "))
        };
        format!("a circle of {} files:\n{}", circle.len(), circle.iter().map(edges).collect::<Vec<_>>().join("\n"))
    };
    let wrong: Vec<String> = circles.iter().filter(|circle| !exempt(circle)).map(told).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (folder, reason) in EXEMPT {
        let still = circles.iter().any(|circle| circle.iter().all(|file| file.starts_with(folder)));
        assert!(still, "src/{folder} has no circle any more ({reason}); take it out of EXEMPT");
    }
}

#[test]
fn the_graph_sees_what_is_there() {
    let graph = graph();
    let needs = |from: &str, to: &str| graph.get(from).is_some_and(|n| n.contains(to));
    assert!(needs("coordinator/take.rs", "coordinator/change.rs"), "use super::…");
    assert!(needs("coordinator/take.rs", "contract/job.rs"), "use crate::…");
    assert!(
        needs("coordinator/mod.rs", "coordinator/run.rs") || !needs("lib.rs", "coordinator/run.rs"),
        "a re-export is no use"
    );
    assert!(graph.len() > 300, "{} files", graph.len());
}
