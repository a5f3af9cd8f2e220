//! The second, marked parse: where in a file each key stands. Made only for error messages and `config show --origin`.
use saphyr_parser::{Event, Parser, Span};
use std::collections::BTreeMap;

/// Line and column, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl From<Span> for Mark {
    fn from(span: Span) -> Self {
        Mark { line: span.start.line(), column: span.start.col() + 1 }
    }
}

enum Level {
    Map { path: String, key: Option<String> },
    List { path: String, next: usize },
}

/// Every key's places in the order of the text, by its dotted path (`a.b`, `a.list[0]`); two places are a duplicate.
/// Stops quietly at the first syntax error: what came before is still of use.
pub fn marks(text: &str) -> BTreeMap<String, Vec<Mark>> {
    let mut found: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
    let mut levels: Vec<Level> = Vec::new();
    for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
        match event {
            Event::MappingEnd | Event::SequenceEnd => {
                levels.pop();
                continue;
            }
            Event::Scalar(..) | Event::Alias(_) | Event::MappingStart(..) | Event::SequenceStart(..) => {}
            _ => continue,
        }
        // A scalar where a key is due opens an entry; anything else is a value.
        if let (Some(Level::Map { path, key: key @ None }), Event::Scalar(name, ..)) = (levels.last_mut(), &event) {
            let full = join(path, name);
            found.entry(full.clone()).or_default().push(span.into());
            *key = Some(full);
            continue;
        }
        let path = match levels.last_mut() {
            None => String::new(),
            Some(Level::Map { path, key }) => key.take().unwrap_or_else(|| path.clone()),
            Some(Level::List { path, next }) => {
                let item = format!("{path}[{next}]");
                *next += 1;
                found.entry(item.clone()).or_default().push(span.into());
                item
            }
        };
        match event {
            Event::MappingStart(..) => levels.push(Level::Map { path, key: None }),
            Event::SequenceStart(..) => levels.push(Level::List { path, next: 0 }),
            _ => {}
        }
    }
    found
}

/// The first tag in the text, `!!str` say, with its place: the parser of values drops those that it knows.
pub fn tag(text: &str) -> Option<(String, Mark)> {
    Parser::new_from_str(text).map_while(Result::ok).find_map(|(event, span)| match event {
        Event::Scalar(_, _, _, Some(tag)) | Event::SequenceStart(_, Some(tag)) | Event::MappingStart(_, Some(tag)) => {
            Some((tag.to_string(), span.into()))
        }
        _ => None,
    })
}

/// `a.b`, or `b` at the top.
pub fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_items_and_duplicates_have_their_places() {
        let found = marks("a:\n  b: 1\n  c: [x, {d: 2}]\na:\n  b: 3\n");
        assert_eq!(found["a"], [Mark { line: 1, column: 1 }, Mark { line: 4, column: 1 }]);
        assert_eq!(found["a.b"], [Mark { line: 2, column: 3 }, Mark { line: 5, column: 3 }]);
        assert_eq!(found["a.c[1]"], [Mark { line: 3, column: 10 }]);
        assert_eq!(found["a.c[1].d"], [Mark { line: 3, column: 11 }]);
    }
}
