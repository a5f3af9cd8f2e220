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
    /// A daemon failed and used up its restarts.
    DAEMON_FAILED = "da16086f66dd4228b6ad830edd4770ef";
    /// The master tries a daemon again that had failed for good.
    DAEMON_TRIED_AGAIN = "3b9a51e08f7c4c6d9c1e64d2a07f58b6";
    /// A configuration was refused: at a start (exit 78, no restart) or at a reload (the old one stays in force).
    CONFIG_REFUSED = "df84cff0098b4b4486310ac38e6b8dae";
    /// The master reset a hub and its socket.
    HUB_RESET = "e8a97e0d77b54bfe80f154ed6192c3fa";
    /// A file system is full; nothing is stored until there is room.
    OUT_OF_SPACE = "d96c4346edf746df8dccb966f3d4d5b6";
    /// A job's unit was killed for its memory.
    JOB_OUT_OF_MEMORY = "61059980a3c64becb04b079981f4dc8a";
    /// A second master ended at once.
    SECOND_MASTER = "f54840bc30ad401388e37e4eb698f92b";
    /// The file of a hub's socket was deleted: no new client reaches it.
    SOCKET_GONE = "c4e0a7f2b15d4f1e8a6690d3c97b12e5";
    /// An event was given up by a subscriber.
    DEAD_LETTER = "c27fc3f0cc6241988674bd2606116407";
    /// A job was stopped because its lease was given to another attempt.
    LEASE_LOST = "51327bb8ff7a4d38be8d2fe14c93150c";
    /// A daemon waits for a hub that does not answer.
    PEER_AWAY = "ff46d863afbf4e318a99874f47b0b74e";
    /// A handler failed; the input is tried again.
    INPUT_FAILED = "2acfad464bab45998a62a9666feb515c";
    /// A daemon that failed before waits before it starts again.
    BACKING_OFF = "88be84ccaa4246099d704ce16352e61d";
    /// A database was damaged or gone: it was set aside, and a snapshot or a new one took its place.
    DATABASE_QUARANTINED = "5f0c62d1a9e94d3cb27be7f1c0d4a836";
    /// Nothing is deleted by its age, because the wall clock cannot be believed.
    CLOCK_HOLD = "2d0a7f3c94e14b6f8b1e5c7d60a3f912";
    /// A state file cannot be read; the daemon does not start on a guess.
    STATE_UNREADABLE = "ce03000133ff4d90a5e154dd87e99593";
    /// What a daemon remembered cannot be read; it is set aside and the daemon begins anew.
    STATE_SET_ASIDE = "7b1c2f4e8d0a4c56a1f3905e6d7c8b21";
    /// Outputs of a dead letter were given up to make room for newer ones.
    OUTPUTS_GIVEN_UP = "c4e8a90d5f3b4712b6d2e17a08f95c34";
    /// The breaker of a task type on a node opened.
    BREAKER_OPEN = "0b7c3e5a91d24f6e8a3fd1c5b2e64790";
    /// The rules of the game are of another version: a configuration starts over.
    RULES_CHANGED = "3d5b0a8c64f14e0f9a7be1c2d4805f61";
    /// The emergency halt is on.
    EMERGENCY_HALT = "6f1de02a4c8b4b0f9d7755a1e3c20b84";
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
