//! Profiles: what roles a node can have.
use super::unknown::UnknownName;
use std::fmt;

/// A node's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Profile {
    /// Everything that one machine needs for the whole loop; the default.
    Standalone,
    /// The node that coordinates a fleet.
    Coordinator,
    /// A node that trains.
    TrainingNode,
    /// A rented node that may vanish.
    Ephemeral,
    /// A node that only plays.
    Selfplay,
    /// Every daemon.
    Full,
    /// The event router and the health endpoints.
    Minimal,
}

impl Profile {
    /// All of them, the default first.
    pub const ALL: [Profile; 7] = [
        Profile::Standalone,
        Profile::Coordinator,
        Profile::TrainingNode,
        Profile::Ephemeral,
        Profile::Selfplay,
        Profile::Full,
        Profile::Minimal,
    ];

    /// As users write it.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Standalone => "standalone",
            Profile::Coordinator => "coordinator",
            Profile::TrainingNode => "training_node",
            Profile::Ephemeral => "ephemeral",
            Profile::Selfplay => "selfplay",
            Profile::Full => "full",
            Profile::Minimal => "minimal",
        }
    }

    /// What the role is, one line.
    pub fn purpose(self) -> &'static str {
        match self {
            Profile::Standalone => "everything one machine needs for the whole loop",
            Profile::Coordinator => "the node that coordinates a fleet",
            Profile::TrainingNode => "a node that trains",
            Profile::Ephemeral => "a rented node that may disappear at any time",
            Profile::Selfplay => "a node that only runs self-play",
            Profile::Full => "every daemon",
            Profile::Minimal => "event router and health endpoints",
        }
    }

    /// The target unit.
    pub fn target(self) -> String {
        format!("ringrift-profile-{}.target", self.name().replace('_', "-"))
    }

    /// Reads training_node, training-node or TRAINING_NODE.
    pub fn parse(text: &str) -> Option<Profile> {
        let wanted = text.to_lowercase().replace('-', "_");
        Profile::ALL.into_iter().find(|p| p.name() == wanted)
    }

    /// Reads a name; the error has the nearest.
    pub fn find(text: &str) -> Result<Profile, UnknownName> {
        Profile::parse(text).ok_or_else(|| UnknownName::new("profile", text, Profile::ALL.iter().map(|p| p.name())))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
