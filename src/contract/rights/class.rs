//! What callers are to the suite, what methods want of them, and the rows of the table.

/// What a caller is to the suite: a column of the table.
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

    /// The head of its column.
    pub fn column(self) -> &'static str {
        match self {
            Class::Anybody => "anybody",
            Class::Job => "job",
            Class::Member => "member",
            Class::Admin => "admin",
            Class::Suite => "suite",
            Class::Root => "root",
        }
    }

    /// As people are told.
    pub fn name(self) -> &'static str {
        match self {
            Class::Anybody => "a user in none of the suite's groups",
            Class::Job => "a job",
            Class::Member => "a member of group ringrift",
            Class::Admin => "a member of group ringrift-admin",
            Class::Suite => "a user of the suite",
            Class::Root => "root",
        }
    }
}

/// What a method wants of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// Nothing: it shows what everybody may see.
    Nothing,
    /// It reads the queue, events or jobs, or brings in what is nobody's but the caller's.
    Reader,
    /// It changes what the suite does.
    Control,
    /// It has the master start and stop: a person's to say, and no daemon's.
    Command,
    /// It is how the suite's own processes speak with each other.
    Own,
    /// It is how a job speaks of itself.
    Job,
}

impl Need {
    /// All.
    pub const ALL: [Need; 6] = [Need::Nothing, Need::Reader, Need::Control, Need::Command, Need::Own, Need::Job];

    /// A cell of the table.
    pub fn allows(self, class: Class) -> bool {
        use Class::{Admin, Anybody, Job, Member, Root, Suite};
        match (self, class) {
            (_, Root) | (Need::Nothing, _) | (Need::Command, Admin) => true,
            (Need::Command, _) => false,
            (_, Suite) | (Need::Reader, Member | Admin) | (Need::Control, Admin) | (Need::Job, Job) => true,
            (Need::Reader, Anybody | Job) | (Need::Control, Anybody | Job | Member) => false,
            (Need::Job, Anybody | Member | Admin) | (Need::Own, Anybody | Job | Member | Admin) => false,
        }
    }

    /// Who may, as people are told.
    pub fn who(self) -> &'static str {
        match self {
            Need::Nothing => "every user",
            Need::Reader => "members of group ringrift or ringrift-admin",
            Need::Control | Need::Command => "members of group ringrift-admin",
            Need::Own => "the suite's own users",
            Need::Job => "the job itself",
        }
    }
}

/// A row: an interface and a method on it.
#[derive(Debug, Clone, Copy)]
pub struct Right {
    /// `org.ringrift.Router` and the like.
    pub interface: &'static str,
    /// The method's own name.
    pub method: &'static str,
    /// What it wants.
    pub need: Need,
    /// What else is judged, by the method's arguments; empty for most.
    pub further: &'static str,
}
