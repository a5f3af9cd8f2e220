//! Journal messages on which an operator must act: their ids, the same for ever; the texts are in `packaging/catalog`.

/// An id and what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// MESSAGE_ID, 128 bits in hex.
    pub id: &'static str,
    /// Its name in the catalog's comments.
    pub name: &'static str,
}

macro_rules! messages {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal;)*) => {
        $($(#[doc = $doc])+ pub const $name: &str = $id;)*
        /// All of them.
        pub const ALL: &[Message] = &[$(Message { id: $id, name: stringify!($name) },)*];
    };
}

messages! {
    /// A program refused to start on its configuration (exit 78, no restart).
    CONFIG_REFUSED = "3f0c1b0f6d6e4a0b9a2d5e7c18f4a901";
    /// A reload was refused; the old configuration stays in force.
    RELOAD_REFUSED = "8a6f2f5e0c374a0d8f2be1d7b7a3c602";
    /// A daemon waits for a hub that does not answer.
    PEER_AWAY = "b1d5a8e2734f4c6ea0c9f3d26e81bb03";
    /// A handler failed; the input is tried again.
    INPUT_FAILED = "5c9e4d7a1f8b4b21b6e3a0f49d27cc04";
    /// An input can never be handled; it is a dead letter now.
    INPUT_REJECTED = "e47a9c3b52d64f18934fd1c80b6edd05";
    /// A daemon that failed before waits before it starts again.
    BACKING_OFF = "90b7e6f1c2a54d3ab5d8472e13fcee06";
    /// A file system is full; nothing is stored until there is room.
    OUT_OF_SPACE = "27d1f8a46b9e4c05a8c6e9b305dff107";
    /// A daemon used up its restarts.
    DAEMON_FAILED = "c6a3e05d917b4e8fb2f47d6a89e01208";
    /// A state file cannot be read; the daemon does not start on a guess.
    STATE_UNREADABLE = "7e52b90c48df4f6d91ab3c5e60f72309";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_128_bits_and_unique() {
        let mut seen = std::collections::HashSet::new();
        for message in ALL {
            assert!(message.id.len() == 32 && message.id.bytes().all(|b| b.is_ascii_hexdigit()), "{}", message.name);
            assert!(seen.insert(message.id), "{} twice", message.name);
        }
    }
}
