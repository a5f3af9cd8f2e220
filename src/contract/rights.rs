//! Who may do what.

/// What a caller is to the suite: a column of the table of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A local user in none of the suite's groups.
    Anybody,
    /// A job: runs programs that are not ours.
    Job,
    /// A member of group ringrift.
    Member,
    /// A member of group ringrift-admin.
    Admin,
    /// The suite's own users, ringrift and ringrift-master: daemons, hubs and the master.
    Suite,
    /// The administrator.
    Root,
}

impl Class {
    /// All, from the least to the most.
    pub const ALL: [Class; 6] = [Class::Anybody, Class::Job, Class::Member, Class::Admin, Class::Suite, Class::Root];

    /// Whether it is of the suite: what it says of itself is believed.
    pub fn is_own(self) -> bool {
        matches!(self, Class::Suite | Class::Root)
    }
}
