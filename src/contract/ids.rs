//! Identifiers as newtypes, so that a job id cannot be passed where a model's hash is meant.
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {kind}: {why}")]
pub struct BadId {
    /// The kind of identifier that was wanted.
    pub kind: &'static str,
    /// The text that was given.
    pub text: String,
    /// What is wrong with it, in words for the user.
    pub why: String,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text and wraps it.
            pub fn new(text: impl Into<String>) -> Result<Self, $crate::contract::ids::BadId> {
                let text = text.into();
                let check: fn(&str) -> Result<(), String> = $check;
                match check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(why) => Err($crate::contract::ids::BadId { kind: $kind, text, why }),
                }
            }
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl std::str::FromStr for $name {
            type Err = $crate::contract::ids::BadId;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }
        impl TryFrom<String> for $name {
            type Error = $crate::contract::ids::BadId;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

pub(super) use text_id;

fn word(text: &str, extra: &str, max: usize) -> Result<(), String> {
    if text.is_empty() || text.len() > max {
        return Err(format!("must have 1 to {max} characters"));
    }
    match text.chars().find(|c| !c.is_ascii_alphanumeric() && !extra.contains(*c)) {
        Some(bad) => Err(format!("invalid character {bad:?}; use letters, digits and {extra:?}")),
        None => Ok(()),
    }
}

text_id!(
    /// A machine of the fleet; by default the first label of its host name.
    NodeId, "node id", |t| word(t, "-_.", 64)
);
text_id!(
    /// A job and its work item: `<database epoch>-<number>`, safe as the instance of a template unit, and short enough
    /// for the name of its user (`rrj-<id>`, at most 31 characters).
    JobId, "job id", |t| match word(t, "-", 27) {
        Ok(()) if t.chars().any(|c| c.is_ascii_uppercase()) => Err("must be lower-case".into()),
        other => other,
    }
);
text_id!(
    /// One grant of a slot by the coordinator.
    LeaseId, "lease id", |t| word(t, "-", 64)
);
text_id!(
    /// SHA-256 of a file's content, 64 lower-case hex digits: the name of a game shard, sample file or model.
    Digest, "SHA-256", |t| {
        if t.len() == 64 && t.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(())
        } else {
            Err("must be 64 lower-case hex digits".into())
        }
    }
);
text_id!(
    /// An event's id, a UUIDv7 in its hyphenated form, so that ids sort by time.
    EventId, "event id", |t| uuid::Uuid::parse_str(t).map(|_| ()).map_err(|e| e.to_string())
);
text_id!(
    /// A subscription's name in the router: `<daemon>` or `<daemon>@<instance>`, or any program's own.
    SubscriberName, "subscriber name", |t| word(t, "-_.@", 64)
);
text_id!(
    /// A board and a number of players, as in `square8_2p`; 4 boards × 2 to 4 players = 12 keys.
    ConfigKey, "configuration key", |t| {
        let Some((board, players)) = t.rsplit_once('_') else {
            return Err("must be BOARD_Np, for example square8_2p".into());
        };
        if !BOARDS.contains(&board) {
            return Err(format!("the board must be one of {}", BOARDS.join(", ")));
        }
        if !["2p", "3p", "4p"].contains(&players) {
            return Err("the number of players must be 2p, 3p or 4p".into());
        }
        Ok(())
    }
);

impl EventId {
    /// The id's 16 bytes.
    pub fn to_bytes(&self) -> [u8; 16] {
        uuid::Uuid::parse_str(&self.0).expect("an event id is a UUID, its type has checked it").into_bytes()
    }
    /// The id with these bytes, hyphenated and in lower case.
    pub fn from_bytes(bytes: [u8; 16]) -> EventId {
        EventId(uuid::Uuid::from_bytes(bytes).hyphenated().to_string())
    }
    /// When it was made, microseconds since 1970, to the millisecond; nothing when the id is of a kind that does not
    /// tell.
    pub fn time_us(&self) -> Option<i64> {
        let bytes = self.to_bytes();
        let millis = bytes[..6].iter().fold(0i64, |n, byte| n << 8 | i64::from(*byte));
        (bytes[6] >> 4 == 7).then_some(millis * 1000)
    }
}

/// The four boards of the game.
pub const BOARDS: [&str; 4] = ["square8", "square19", "hex8", "hexagonal"];

impl ConfigKey {
    /// The board's name, as in `square8`.
    pub fn board_type(&self) -> &str {
        self.0.rsplit_once('_').map_or("", |(board, _)| board)
    }
    /// The number of players, 2 to 4.
    pub fn num_players(&self) -> u8 {
        self.0.as_bytes()[self.0.len() - 2] - b'0'
    }
    /// All twelve keys.
    pub fn all() -> Vec<ConfigKey> {
        let key = |b: &&str, n| ConfigKey(format!("{b}_{n}p"));
        BOARDS.iter().flat_map(|b| (2..=4).map(move |n| key(b, n))).collect()
    }
}

/// A fencing token: grows with every grant; an older one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FencingToken(pub u64);

impl FencingToken {
    /// Whether it is not one but stands where one is withheld: grants begin with 1.
    pub fn is_withheld(&self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_keys_are_twelve_and_parse() {
        let all = ConfigKey::all();
        assert_eq!(all.len(), 12);
        for key in all {
            assert_eq!(key.as_str().parse::<ConfigKey>().as_ref(), Ok(&key));
        }
        assert_eq!(ConfigKey::new("hex8_4p").map(|k| k.num_players()), Ok(4));
        for bad in ["", "square8", "square8_5p", "chess_2p", "square8-2p"] {
            assert!(ConfigKey::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_event_id_has_one_spelling_by_its_bytes() {
        let odd = EventId::new("01A2020192BF7629ABB25F89211083E4").expect("a UUID without hyphens");
        assert_eq!(EventId::from_bytes(odd.to_bytes()).as_str(), "01a20201-92bf-7629-abb2-5f89211083e4");
    }

    #[test]
    fn a_digest_is_64_lower_case_hex_digits() {
        assert!(Digest::new("a".repeat(64)).is_ok());
        assert!(Digest::new("A".repeat(64)).is_err());
        assert!(Digest::new("a".repeat(63)).is_err());
    }
}
