//! Methods as types. One table an interface says what each method takes and gives and who may call it; from it come the
//! hub's dispatch, the clients' calls, the rights, and by a test the description in Varlink's language.
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A method of an interface.
pub trait Method {
    /// What it takes.
    type Arguments: Serialize + DeserializeOwned + Send + 'static;
    /// What it gives; one of many for a method that streams.
    type Answer: Serialize + DeserializeOwned + Send + 'static;
    /// The interface's name.
    const INTERFACE: &'static str;
    /// Its own name.
    const NAME: &'static str;
    /// Both, as a call carries them.
    const FULL_NAME: &'static str;
}

/// Arguments of a method that takes none; what else is given is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NoArguments {}

/// The table of an interface: `Name(Arguments) -> Answer: Need;`, with what else is judged behind `=`.
macro_rules! methods {
    ($interface:literal $description:literal $($name:ident($arguments:ty) -> $answer:ty: $need:ident $(= $further:literal)?;)*) => {
        /// The interface's name.
        pub const INTERFACE: &str = $interface;
        /// The interface in Varlink's language.
        pub const DESCRIPTION: &str = include_str!($description);

        /// The methods, each a type of its own.
        pub mod method {
            $(
                #[doc = concat!("`", $interface, ".", stringify!($name), "`")]
                #[derive(Debug, Clone, Copy)]
                pub struct $name;
            )*
        }
        $(
            impl $crate::contract::method::Method for method::$name {
                type Arguments = $arguments;
                type Answer = $answer;
                const INTERFACE: &'static str = INTERFACE;
                const NAME: &'static str = stringify!($name);
                const FULL_NAME: &'static str = concat!($interface, ".", stringify!($name));
            }
        )*

        /// A method that is called: a hub has an arm for each, with the method's own types.
        #[derive(Debug, Clone, Copy)]
        pub enum Called {
            $(
                #[doc = concat!("`", stringify!($name), "`")]
                $name(method::$name),
            )*
        }

        impl Called {
            /// The method with this name, without its interface.
            pub fn by_name(name: &str) -> Option<Called> {
                match name {
                    $(stringify!($name) => Some(Called::$name(method::$name)),)*
                    _ => None,
                }
            }
        }

        /// Who may call what.
        pub const RIGHTS: &[$crate::contract::rights::Right] = &[$($crate::contract::rights::Right {
            interface: INTERFACE,
            method: stringify!($name),
            need: $crate::contract::rights::Need::$need,
            further: concat!("" $(, $further)?),
        },)*];

        #[cfg(test)]
        mod tests {
            use super::*;
            use $crate::contract::method::description;

            #[test]
            fn the_description_is_of_these_methods_and_their_types() {
                let described = description::methods(DESCRIPTION);
                let declared = vec![$((stringify!($name).to_owned(), description::of::<method::$name>()),)*];
                description::compare(&described, &declared);
            }
        }
    };
}
pub(crate) use methods;

/// What a description in Varlink's language says of methods, and what the types say.
#[cfg(test)]
pub mod description {
    use super::Method;
    use serde::de::value::Error;
    use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
    use std::collections::{BTreeMap, BTreeSet};

    /// Names of a method's arguments and of its answer's fields.
    #[derive(Debug, Clone, PartialEq, Eq, Default)]
    pub struct Fields {
        arguments: BTreeSet<String>,
        answer: BTreeSet<String>,
    }

    /// Notes the fields that a type asks for.
    struct Asked<'a>(&'a mut BTreeSet<String>);

    impl<'de> Deserializer<'de> for Asked<'_> {
        type Error = Error;
        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(Error::custom("no structure"))
        }
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Error> {
            self.0.extend(fields.iter().map(|field| (*field).to_owned()));
            Err(Error::custom("seen"))
        }
        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
            tuple_struct map enum identifier ignored_any
        }
    }

    fn fields<T: DeserializeOwned>() -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        drop(T::deserialize(Asked(&mut found)));
        found
    }

    /// By its types.
    pub fn of<M: Method>() -> Fields {
        Fields { arguments: fields::<M::Arguments>(), answer: fields::<M::Answer>() }
    }

    /// The names in a list between brackets, and what follows it.
    fn listed(text: &str) -> (BTreeSet<String>, &str) {
        let (mut depth, mut names, mut name) = (0, BTreeSet::new(), String::new());
        for (at, c) in text.char_indices() {
            match c {
                '(' | '[' => depth += 1,
                ')' | ']' if depth == 1 => return (names, &text[at + 1..]),
                ')' | ']' => depth -= 1,
                ':' if depth == 1 => _ = names.insert(std::mem::take(&mut name).trim().to_owned()),
                ',' if depth == 1 => name.clear(),
                c if depth == 1 => name.push(c),
                _ => {}
            }
        }
        (names, "")
    }

    /// By the description.
    pub fn methods(description: &str) -> BTreeMap<String, Fields> {
        let plain: String =
            description.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        let method = |text: &str| {
            let name = text.split('(').next().unwrap_or_default();
            let (arguments, rest) = listed(&text[name.len()..]);
            (
                name.to_owned(),
                Fields { arguments, answer: listed(rest.trim_start().trim_start_matches("->").trim_start()).0 },
            )
        };
        plain.split("\nmethod ").skip(1).map(method).collect()
    }

    /// Fails with the first that differ.
    pub fn compare(described: &BTreeMap<String, Fields>, declared: &[(String, Fields)]) {
        for (name, fields) in declared {
            assert_eq!(described.get(name), Some(fields), "{name}: the description (left) and the types (right)");
        }
        let names: BTreeSet<&String> = declared.iter().map(|(name, _)| name).collect();
        assert!(
            described.keys().all(|name| names.contains(name)),
            "a method is described that is not in the table: {described:?}"
        );
    }
}
