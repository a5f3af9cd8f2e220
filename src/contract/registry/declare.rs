//! The macro at the head of a daemon's file: its entry in the registry and its settings, each written once.

/// An entry of the registry: what is not said is as in `BASE`.
macro_rules! entry {
    ($daemon:ident { $($field:ident : $value:expr),* $(,)? }) => {
        $crate::contract::registry::entry!($daemon { $($field: $value),* } settings: &[], rules: &[])
    };
    ($daemon:ident { $($field:ident : $value:expr),* $(,)? } settings: $settings:expr, rules: $rules:expr) => {{
        #[allow(unused_imports)]
        use $crate::contract::{
            events::EventType as E,
            registry::{BASE, Category, DaemonSpec, DaemonType as D, Declared, Hub, Need, Profile, Program, Rule, Stage},
        };
        DaemonSpec {
            daemon: D::$daemon,
            settings: $settings,
            rules: $rules,
            declared: Declared {
                module: module_path!(),
                place: concat!(file!(), ":", line!()),
                cycle: concat!(file!(), ":", line!(), ": ", stringify!($daemon), " depends on itself; remove the \
                    cycle from `depends_on`"),
                unbuilt: concat!(
                    file!(), ":", line!(), ": ", stringify!($daemon), " depends on a daemon that is not built; build \
                        that one first"
                ),
                profile: concat!(
                    file!(), ":", line!(), ": ", stringify!($daemon),
                    " is in a profile without a daemon that it depends on; add the profile to that one's `profiles`"
                ),
            },
            $($field: $value,)*
            ..BASE
        }
    }};
}

/// Type, default and range of a setting.
macro_rules! kind {
    (u16, $default:expr, $low:literal, $high:literal) => { $crate::contract::registry::kind!(whole U16, $default, $low, $high) };
    (u32, $default:expr, $low:literal, $high:literal) => { $crate::contract::registry::kind!(whole U32, $default, $low, $high) };
    (u64, $default:expr, $low:literal, $high:literal) => { $crate::contract::registry::kind!(whole U64, $default, $low, $high) };
    (whole $width:ident, $default:expr, $low:literal, $high:literal) => {
        $crate::contract::registry::Kind::Whole {
            width: $crate::contract::registry::Width::$width, default: $default, low: $low, high: $high,
        }
    };
    (f64, $default:expr, $low:literal, $high:literal) => {
        $crate::contract::registry::Kind::Number { default: $default, low: $low, high: $high }
    };
    (Texts, $default:expr, $form:ident) => {
        $crate::contract::registry::Kind::Texts { default: $default, form: $crate::contract::registry::Form::$form }
    };
    (type Texts) => { Vec<String> };
    (type $type:ident) => { $type };
    (value Texts, $default:expr) => { $default.split_whitespace().map(str::to_owned).collect() };
    (value String, $default:expr) => { $default.to_owned() };
    (value $type:ident, $default:expr) => { $default };
    (bool, $default:expr) => { $crate::contract::registry::Kind::Switch { default: $default } };
    (String, $default:expr) => { $crate::contract::registry::kind!(String, $default, Any) };
    (String, $default:expr, $form:ident) => {
        $crate::contract::registry::Kind::Text { default: $default, form: $crate::contract::registry::Form::$form }
    };
}

/// The settings: a table for the registry, and a type that the daemon reads.
macro_rules! settings {
    ($daemon:ident $($(#[doc = $doc:literal])+ $key:ident : $type:ident = $default:literal
        $(in $low:literal ..= $high:literal $unit:ident)? $(as $form:ident)? $(but $why:literal)? ;)*) => {
        /// The settings of the daemon, as its section of the configuration says.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $key: $crate::contract::registry::kind!(type $type),)*
        }

        impl Settings {
            const TABLE: &'static [$crate::contract::registry::Setting] = &[$($crate::contract::registry::Setting {
                key: stringify!($key),
                doc: concat!($($doc),+),
                unit: concat!($(stringify!($unit))?),
                kind: $crate::contract::registry::kind!($type, $default $(, $low, $high)? $(, $form)?),
                without_effect: concat!($($why)?),
            },)*];

            /// The section of the configuration.
            pub fn of(config: &$crate::contract::config::Config) -> Self {
                let section = config.daemons.of($crate::contract::registry::DaemonType::$daemon);
                Settings { $($key: section.read(stringify!($key)).unwrap_or($crate::contract::registry::kind!(value $type, $default)),)* }
            }
        }

        $($(const _: () = {
            let (low, default, high): ($type, $type, $type) = ($low, $default, $high);
            assert!(
                low <= default && default <= high,
                concat!("the default of ", stringify!($daemon), "'s setting ", stringify!($key), " is outside of its range")
            );
        };)?)*
    };
}

/// Declares a daemon: its entry, which the roster collects as `SPEC`, and its settings, which it reads as
/// `Settings::of(config)`.
///
/// A setting is `/// Meaning with unit.` and `key: type = default in low..=high unit;` for numbers, `key: bool =
/// default;` or `key: String = "default" as Form;`, `key: Texts = "several words" as Form;`. One that old files may set
/// and nobody reads ends with `but "the reason"`. What two settings must keep stands below them: `rules: &[Rule::…]`.
///
/// `asks [clock, queue]` names the ports that it asks; no other is in the `Ports` that its handler gets.
macro_rules! declare {
    ($daemon:ident { $($entry:tt)* } $(asks [$($port:ident),* $(,)?])?) => {
        /// What the registry knows of this daemon.
        pub const SPEC: $crate::contract::registry::DaemonSpec = $crate::contract::registry::DaemonSpec {
            stage: $crate::contract::registry::Stage::Built,
            asks: &[$($($crate::contract::ports::kinds::$port),*)?],
            ..$crate::contract::registry::entry!($daemon { $($entry)* } settings: &[], rules: &[])
        };
        $crate::contract::ports::asks! { $daemon: $($($port),*)? }
    };
    ($daemon:ident { $($entry:tt)* } $(asks [$($port:ident),* $(,)?])? settings { $($setting:tt)* } $(rules: $rules:expr)?) => {
        /// What the registry knows of this daemon.
        pub const SPEC: $crate::contract::registry::DaemonSpec = $crate::contract::registry::DaemonSpec {
            stage: $crate::contract::registry::Stage::Built,
            asks: &[$($($crate::contract::ports::kinds::$port),*)?],
            ..$crate::contract::registry::entry!(
                $daemon { $($entry)* } settings: Settings::TABLE, rules: $crate::contract::registry::declare!(@rules $($rules)?)
            )
        };
        $crate::contract::registry::settings! { $daemon $($setting)* }
        $crate::contract::ports::asks! { $daemon: $($($port),*)? }
    };
    (@rules) => { &[] };
    (@rules $rules:expr) => {{
        use $crate::contract::registry::Rule;
        $rules
    }};
}

pub(crate) use {declare, entry, kind, settings};
