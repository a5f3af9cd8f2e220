//! Event types as small numbers, and interests as sets of them.
use crate::contract::envelope::{EXTERNAL, check_kind};
use crate::contract::events::{EventType, TypeInfo, nearest_wire};
use crate::contract::router::Interest;
use crate::contract::wire::{ErrorParameters, errors};
use crate::router::refusal::Refusal;
use std::collections::HashMap;
use std::sync::Arc;

/// More names than this are a program gone wrong, not types.
const MAX_KINDS: usize = 10_000;
/// How long events of programs of others are kept once handled, in days.
pub const EXTERNAL_RETAIN_DAYS: u16 = 30;

/// A type's number in this database.
pub type KindId = u32;

/// A type with its name and number.
#[derive(Debug, Clone)]
pub struct Kind {
    /// Its number.
    pub id: KindId,
    /// Its wire name.
    pub name: Arc<str>,
    /// What the catalogue says; absent for `external.*` and for types that only a newer version knows.
    pub info: Option<TypeInfo>,
}

impl Kind {
    /// Only a newer version knows what it means.
    pub fn unread(&self) -> bool {
        self.info.is_none() && !self.name.starts_with(EXTERNAL)
    }
}

fn too_many() -> Refusal {
    Refusal::new(
        errors::REFUSED,
        format!("the log already has {MAX_KINDS} event types; put variable parts into the payload"),
    )
}

/// All types that this log has seen, and all of the catalogue.
#[derive(Debug, Default)]
pub struct Kinds {
    list: Vec<Kind>,
    by_name: HashMap<Arc<str>, usize>,
}

impl Kinds {
    /// From what the database knows, with the catalogue's types added.
    pub fn new(stored: Vec<(KindId, String)>) -> Kinds {
        let mut kinds = Kinds::default();
        for (id, name) in stored {
            kinds.insert(id, &name);
        }
        for kind in EventType::ALL {
            kinds.add(kind.info().wire);
        }
        kinds
    }

    fn insert(&mut self, id: KindId, name: &str) -> &Kind {
        let name: Arc<str> = name.into();
        let info = EventType::from_wire(&name).map(EventType::info);
        self.by_name.insert(name.clone(), self.list.len());
        self.list.push(Kind { id, name, info });
        &self.list[self.list.len() - 1]
    }

    fn add(&mut self, name: &str) -> &Kind {
        match self.by_name.get(name) {
            Some(at) => &self.list[*at],
            None => {
                let id = self.list.iter().map(|k| k.id).max().map_or(1, |id| id + 1);
                self.insert(id, name)
            }
        }
    }

    /// The type of this name; a new `external.*` name gets a number, any other unknown name is refused with the nearest
    /// ones.
    pub fn intern(&mut self, name: &str, parameter: impl Fn() -> String) -> Result<&Kind, Refusal> {
        if let Some(at) = self.by_name.get(name) {
            return Ok(&self.list[*at]);
        }
        check(name, &parameter)?;
        if self.list.len() >= MAX_KINDS {
            return Err(too_many());
        }
        Ok(self.add(name))
    }

    /// The same for what a publisher says is of a newer schema: any plain name will do. A name that only such
    /// publishers use is not open to others.
    pub fn take(&mut self, name: &str, newer: bool, parameter: impl Fn() -> String) -> Result<&Kind, Refusal> {
        if !newer {
            if self.by_name.get(name).is_some_and(|at| self.list[*at].unread()) {
                check(name, &parameter)?;
            }
            return self.intern(name, parameter);
        }
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
            return self.intern(name, parameter);
        }
        if self.list.len() >= MAX_KINDS {
            return Err(too_many());
        }
        Ok(self.add(name))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Kind> {
        self.list.iter()
    }

    /// The numbers that an interest wants; nothing means all, those of the future included.
    pub fn wanted(&self, interest: &Interest) -> Option<Vec<KindId>> {
        let wants = Wants::new(interest.clone());
        if wants.all() { None } else { Some(self.list.iter().filter(|k| wants.kind(k)).map(|k| k.id).collect()) }
    }
}

/// Checks a type's name; the error names the nearest ones.
pub fn check(name: &str, parameter: impl Fn() -> String) -> Result<(), Refusal> {
    let Err(error) = check_kind(name) else { return Ok(()) };
    let message = match nearest_wire(name) {
        Some(known) => format!("{error}; did you mean {known}?"),
        None => error.to_string(),
    };
    Err(Refusal {
        name: errors::INVALID_PARAMETER,
        parameters: ErrorParameters { message, parameter: Some(parameter()), ..Default::default() },
    })
}

/// An interest, asked of one type after the other; remembers the answers.
#[derive(Debug, Clone)]
pub struct Wants {
    interest: Interest,
    known: HashMap<KindId, bool>,
}

impl Wants {
    /// Of an interest.
    pub fn new(interest: Interest) -> Wants {
        Wants { interest, known: HashMap::new() }
    }

    /// What it was made from.
    pub fn interest(&self) -> &Interest {
        &self.interest
    }

    /// Whether it wants everything.
    pub fn all(&self) -> bool {
        self.interest.types.is_empty() && self.interest.categories.is_empty()
    }

    /// Whether it wants a type.
    pub fn kind(&self, kind: &Kind) -> bool {
        self.all()
            || self.interest.types.iter().any(|t| **t == *kind.name)
            || kind.info.is_some_and(|info| self.interest.categories.contains(&info.category))
    }

    /// The same by number, remembered.
    pub fn id(&mut self, kinds: &Kinds, id: KindId) -> bool {
        if self.all() {
            return true;
        }
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        let wanted = kinds.list.iter().find(|k| k.id == id).is_some_and(|k| self.kind(k));
        self.known.insert(id, wanted);
        wanted
    }

    /// Checks the names in it.
    pub fn check(interest: &Interest) -> Result<(), Refusal> {
        for (at, name) in interest.types.iter().enumerate() {
            check(name, || format!("interest.types[{at}]"))?;
        }
        Ok(())
    }
}

/// Days that events of a type are kept once handled.
pub fn retain_days(kind: &Kind) -> u16 {
    kind.info.map_or(EXTERNAL_RETAIN_DAYS, |info| info.retain_days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::events::Category;

    #[test]
    fn names_get_numbers_and_unknown_ones_are_refused_with_the_nearest() {
        let mut kinds = Kinds::new(vec![(7, "external.a".into())]);
        let id = kinds.intern("external.b", String::new).expect("external").id;
        assert_eq!(kinds.intern("external.b", String::new).expect("again").id, id);
        assert_eq!(kinds.intern("external.a", String::new).expect("stored").id, 7);
        for (wrong, hint) in [("NEW_GAMES_AVAILABLE", "new_games"), ("model_promotd", "model_promoted")] {
            let refusal = kinds.intern(wrong, || "type".into()).expect_err("unknown");
            assert!(refusal.parameters.message.contains(hint), "{refusal:?}");
        }
    }

    #[test]
    fn an_interest_is_types_and_categories_together() {
        let mut kinds = Kinds::new(Vec::new());
        let host = kinds.intern("host_online", String::new).expect("known").id;
        let work = kinds.intern("work_queued", String::new).expect("known").id;
        let mut wants = Wants::new(Interest { types: vec!["work_queued".into()], categories: vec![Category::Host] });
        assert!(wants.id(&kinds, host) && wants.id(&kinds, work));
        let cycle = kinds.intern("new_games", String::new).expect("known").id;
        assert!(!wants.id(&kinds, cycle));
        assert!(Wants::new(Interest::default()).id(&kinds, cycle));
    }
}
