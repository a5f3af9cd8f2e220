//! `daemons.NAME`: what each daemon can be told, as its declaration says. Names, types, defaults and ranges are the
//! registry's.
use super::check::Check;
use crate::contract::registry::{DaemonType, Form, Kind, Known, Rule, Setting, Width};
use crate::contract::text::is_name_byte;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// A whole number.
    Whole(u64),
    /// A number.
    Number(f64),
    /// True or false.
    Switch(bool),
    /// A text.
    Text(String),
    /// Texts.
    Texts(Vec<String>),
}

/// A type that a setting can have.
pub trait Readable: Sized {
    /// The value, where it is of this type.
    fn read(value: &Scalar) -> Option<Self>;
}

macro_rules! readable {
    ($($type:ty: $pattern:pat => $value:expr;)*) => {
        $(impl Readable for $type {
            fn read(value: &Scalar) -> Option<Self> {
                match value {
                    $pattern => $value,
                    _ => None,
                }
            }
        })*
    };
}

readable! {
    u16: Scalar::Whole(number) => u16::try_from(*number).ok();
    u32: Scalar::Whole(number) => u32::try_from(*number).ok();
    u64: Scalar::Whole(number) => Some(*number);
    f64: Scalar::Number(number) => Some(*number);
    bool: Scalar::Switch(on) => Some(*on);
    String: Scalar::Text(text) => Some(text.clone());
    Vec<String>: Scalar::Texts(texts) => Some(texts.clone());
}

/// The settings of one daemon.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// False keeps it out of every profile.
    pub enabled: bool,
    /// Seconds between ticks; absent: as declared.
    pub interval: Option<u32>,
    values: BTreeMap<&'static str, Scalar>,
}

impl Section {
    fn default_of(settings: &'static [Setting]) -> Self {
        let value = |kind: &Kind| match *kind {
            Kind::Whole { default, .. } => Scalar::Whole(default),
            Kind::Number { default, .. } => Scalar::Number(default),
            Kind::Switch { default } => Scalar::Switch(default),
            Kind::Text { default, .. } => Scalar::Text(default.into()),
            Kind::Texts { default, .. } => Scalar::Texts(default.split_whitespace().map(str::to_owned).collect()),
        };
        Section { enabled: true, interval: None, values: settings.iter().map(|s| (s.key, value(&s.kind))).collect() }
    }

    /// A setting's value; none where the daemon has no such setting of this type.
    pub fn read<T: Readable>(&self, key: &str) -> Option<T> {
        self.values.get(key).and_then(T::read)
    }

    /// Sets a setting that the daemon has; `Config::check` says whether the value is allowed.
    pub fn set(&mut self, key: &str, value: Scalar) {
        if let Some(old) = self.values.get_mut(key) {
            *old = value;
        }
    }
}

/// One section for each daemon, also for those not built yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Daemons(Vec<Section>);

impl Default for Daemons {
    fn default() -> Self {
        Daemons(DaemonType::ALL.iter().map(|d| Section::default_of(d.spec().settings)).collect())
    }
}

impl Daemons {
    /// A daemon's section.
    pub fn of(&self, daemon: DaemonType) -> &Section {
        &self.0[daemon as usize]
    }

    /// A setting that others than its daemon go by as well.
    pub fn known(&self, known: Known) -> u64 {
        // The build has checked that the daemon declares it, as a u64.
        self.of(known.daemon).read(known.key).unwrap_or_default()
    }

    /// A daemon's section, to change it.
    pub fn of_mut(&mut self, daemon: DaemonType) -> &mut Section {
        &mut self.0[daemon as usize]
    }

    /// Every section with its daemon.
    pub fn sections(&self) -> impl Iterator<Item = (DaemonType, &Section)> {
        DaemonType::ALL.iter().copied().zip(&self.0)
    }

    pub(super) fn check(&self, check: &mut Check) {
        for (daemon, section) in self.sections() {
            let at = format!("daemons.{}", daemon.snake());
            if let Some(interval) = section.interval {
                check.range(&format!("{at}.interval"), interval, 1, 86_400);
            }
            let spec = daemon.spec();
            spec.settings
                .iter()
                .for_each(|setting| in_range(setting, section, &format!("{at}.{}", setting.key), check));
            spec.rules.iter().for_each(|rule| keeps(*rule, section, &at, check));
        }
    }
}

fn in_range(setting: &Setting, section: &Section, key: &str, check: &mut Check) {
    match (setting.kind, section.values.get(setting.key)) {
        (Kind::Whole { low, high, .. }, Some(Scalar::Whole(number))) => check.range(key, *number, low, high),
        (Kind::Number { low, high, .. }, Some(Scalar::Number(number))) => check.range(key, *number, low, high),
        (Kind::Text { form, .. }, Some(Scalar::Text(text))) => in_form(form, text, key, check),
        (Kind::Texts { form, .. }, Some(Scalar::Texts(texts))) => {
            texts.iter().for_each(|text| in_form(form, text, key, check))
        }
        _ => {}
    }
}

fn in_form(form: Form, text: &str, key: &str, check: &mut Check) {
    let (fits, what) = match form {
        Form::Any => return,
        Form::Path => (text.starts_with('/'), "an absolute path"),
        Form::Address => (text.parse::<std::net::IpAddr>().is_ok(), "an IP address"),
        Form::Host => {
            (!text.is_empty() && text.bytes().all(|b| is_name_byte(&b)), "a host name such as status.example.org")
        }
    };
    if !fits {
        check.fail(key, format!("{text:?} is not {what}"));
    }
}

fn keeps(rule: Rule, section: &Section, at: &str, check: &mut Check) {
    let number = |key: &str| section.read::<u64>(key).map(|n| n as f64).or_else(|| section.read::<f64>(key));
    match rule {
        Rule::AtLeast(key, other) => {
            if let (Some(value), Some(bound)) = (number(key), number(other)) {
                check.at_least(&format!("{at}.{key}"), value, &format!("{at}.{other}"), bound);
            }
        }
        Rule::Differ(key, other) if section.values.get(key) == section.values.get(other) => {
            let value = number(key).unwrap_or_default();
            check.contradiction(
                &format!("{at}.{key}"),
                &[&format!("{at}.{other}")],
                format!("{value} is also the value of {at}.{other}; the two must differ"),
            );
        }
        Rule::Differ(..) => {}
    }
}

impl Serialize for Section {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2 + self.values.len()))?;
        map.serialize_entry("enabled", &self.enabled)?;
        map.serialize_entry("interval", &self.interval)?;
        self.values.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
        map.end()
    }
}

impl Serialize for Daemons {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.sections().map(|(daemon, section)| (daemon.snake(), section)))
    }
}

impl<'de> Deserialize<'de> for Daemons {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sections;
        impl<'de> Visitor<'de> for Sections {
            type Value = Daemons;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Daemons, A::Error> {
                let mut daemons = Daemons::default();
                while let Some(name) = map.next_key::<String>()? {
                    let known = DaemonType::parse(&name).ok().filter(|d| d.snake() == name);
                    let daemon = known.ok_or_else(|| A::Error::custom(format!("unknown daemon {name}")))?;
                    map.next_value_seed(Into { section: daemons.of_mut(daemon), settings: daemon.spec().settings })?;
                }
                Ok(daemons)
            }
        }
        deserializer.deserialize_map(Sections)
    }
}

/// Reads what stands in a section over its defaults.
struct Into<'a> {
    section: &'a mut Section,
    settings: &'static [Setting],
}

impl<'de> DeserializeSeed<'de> for Into<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Into<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "enabled" => self.section.enabled = map.next_value()?,
                "interval" => self.section.interval = map.next_value()?,
                _ => {
                    let known = self.settings.iter().find(|s| s.key == key);
                    let setting = known.ok_or_else(|| A::Error::custom(format!("unknown setting {key}")))?;
                    let value = match setting.kind {
                        Kind::Whole { width: Width::U16, .. } => Scalar::Whole(map.next_value::<u16>()?.into()),
                        Kind::Whole { width: Width::U32, .. } => Scalar::Whole(map.next_value::<u32>()?.into()),
                        Kind::Whole { width: Width::U64, .. } => Scalar::Whole(map.next_value()?),
                        Kind::Number { .. } => Scalar::Number(map.next_value()?),
                        Kind::Switch { .. } => Scalar::Switch(map.next_value()?),
                        Kind::Text { .. } => Scalar::Text(map.next_value()?),
                        Kind::Texts { .. } => Scalar::Texts(map.next_value()?),
                    };
                    self.section.values.insert(setting.key, value);
                }
            }
        }
        Ok(())
    }
}
