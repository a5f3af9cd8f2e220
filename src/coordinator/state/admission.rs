//! What admission is judged by: the machine as it was last seen, the gates, back-pressure, and what was decided
//! already.
use crate::contract::host::HostSnapshot;
use crate::contract::time::Mono;
use crate::coordination::admission::Decisions;
use crate::coordination::gate::{Gate, Levels};
use crate::coordination::signal::Signal;

/// The last look at the machine, or why there is none that counts.
pub type HostReader = Box<dyn Fn() -> Result<HostSnapshot, String> + Send>;
/// What the last look at the emergency flags was worth.
pub type FlagReader = Box<dyn Fn() -> Result<(), String> + Send>;

/// The decisions that count, in memory beside the database from which they were read.
///
/// They are read by everybody and changed through `edit` alone, which remembers it until the savepoint is over; after a
/// rollback they are read anew. Who changes them cannot forget to say so, and nobody sees them while they are stale.
#[derive(Default)]
pub struct Kept {
    decisions: Option<Decisions>,
    edited: bool,
    stale: bool,
}

impl Kept {
    /// As they stand; nothing when they must be read first.
    pub fn get(&self) -> Option<&Decisions> {
        self.decisions.as_ref().filter(|_| !self.stale)
    }
    /// To change them in this savepoint.
    pub fn edit(&mut self) -> Option<&mut Decisions> {
        self.edited = true;
        self.decisions.as_mut().filter(|_| !self.stale)
    }
    /// Rows from which they were read have changed: they must be read anew.
    pub fn void(&mut self) {
        self.stale = true;
    }
    /// The former ones, whether or not they are stale, for what the database does not keep.
    pub fn former(&mut self) -> Option<Decisions> {
        self.stale = true;
        self.decisions.take()
    }
    /// As they were just read, maybe in a savepoint that is rolled back.
    pub fn read(&mut self, decisions: Decisions) {
        *self = Kept { decisions: Some(decisions), edited: true, stale: false };
    }
    /// A savepoint begins; whether the one around it has edited them.
    pub fn begin(&mut self) -> bool {
        std::mem::take(&mut self.edited)
    }
    /// The savepoint stays, as a part of the one around it.
    pub fn stays(&mut self, around: bool) {
        self.edited |= around;
    }
    /// The savepoint was rolled back: what was edited in it is ahead of the database.
    pub fn rolled_back(&mut self, around: bool) {
        self.stale |= self.edited;
        self.edited = around;
    }
}

/// Everything that admission knows beside the configuration.
pub struct Admission {
    /// Looks at the machine.
    pub look: HostReader,
    /// Whether the emergency flags can be looked at.
    pub flags: FlagReader,
    /// The gates' levels between two looks.
    pub levels: Levels,
    /// The gates as they stand.
    pub gates: Vec<Gate>,
    /// When the machine was looked at last.
    pub judged: Option<Mono>,
    /// GPUs of the own node at the last look.
    pub gpus: usize,
    /// The own node's processors are a GH200's.
    pub gh200: bool,
    /// Back-pressure as it stands.
    pub signal: Signal,
    /// Until then types that fill what is free wait for the next stage's job.
    pub settled_at: Option<Mono>,
    /// What was decided.
    pub kept: Kept,
}

impl Admission {
    /// Nothing looked at and nothing read.
    pub fn new(look: HostReader) -> Admission {
        Admission {
            look,
            flags: Box::new(|| Ok(())),
            levels: Levels::default(),
            gates: Vec::new(),
            judged: None,
            gpus: 0,
            gh200: false,
            signal: Signal { value: 0.0, multiplier: 1.0, level: "NONE" },
            settled_at: None,
            kept: Kept::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::config::Config;
    use crate::contract::ids::NodeId;
    use crate::coordination::admission::Rules;

    fn fresh() -> Decisions {
        let (config, own) = (Config::default(), NodeId::new("n1").expect("a node"));
        let (limits, admission, safeguards) = (&config.limits, &config.admission, &config.safeguards);
        Decisions::new(
            &Rules { limits, admission, safeguards, gates: &[], own: &own, selfplay_factor: 1.0 },
            Mono::default(),
        )
    }

    #[test]
    fn a_rollback_makes_stale_what_was_edited_in_it_and_nothing_else() {
        let mut kept = Kept::default();
        assert!(kept.get().is_none() && kept.edit().is_none(), "nothing was read yet");
        kept.read(fresh());
        kept.begin();
        kept.rolled_back(false);
        assert!(kept.get().is_some(), "only looked at");
        kept.begin();
        assert!(kept.edit().is_some());
        kept.rolled_back(false);
        assert!(kept.get().is_none() && kept.edit().is_none(), "ahead of the database");
        kept.read(fresh());
        kept.rolled_back(false);
        assert!(kept.get().is_none(), "it was read in the savepoint that was rolled back");
        kept.read(fresh());
        kept.begin();
        kept.edit();
        let around = kept.begin();
        kept.rolled_back(around);
        assert!(kept.get().is_some(), "the part inside edited nothing");
        kept.rolled_back(false);
        assert!(kept.get().is_none(), "what is around it did");
        kept.read(fresh());
        let around = kept.begin();
        kept.begin();
        kept.edit();
        kept.stays(around);
        kept.rolled_back(false);
        assert!(kept.get().is_none(), "what stayed in a part goes with what is around it");
        kept.read(fresh());
        kept.void();
        assert!(kept.get().is_none() && kept.former().is_some(), "what the database does not keep is still there");
    }
}
