//! What a change to the database sees.
use super::refusal::Refusal;
use super::state::State;
use crate::contract::time::{Boot, Mono, Wall};
use rusqlite::Connection;

/// The clocks, looked at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For people, and for times that must survive a restart.
    pub wall: Wall,
    /// For terms: nobody renews a lease in a machine that is suspended.
    pub mono: Mono,
    /// What the wall clock is compared with.
    pub boot: Boot,
}

/// The database inside a savepoint, the time, and what is known beside the database.
pub struct Change<'a> {
    /// The database.
    pub db: &'a Connection,
    /// When.
    pub now: Now,
    /// Dispatchers, terms, progress, configuration.
    pub state: &'a mut State,
}

impl Change<'_> {
    /// Runs a part of a change in a savepoint of its own: if it is refused nothing of it stays, in the database and
    /// beside it, and the rest of the change goes on.
    pub fn apart<T>(&mut self, part: impl FnOnce(&mut Change<'_>) -> Result<T, Refusal>) -> Result<T, Refusal> {
        // Outside of a transaction it would be one of its own, and be on disk before what is around it.
        if self.db.is_autocommit() {
            return Err(Refusal::internal("the transaction was rolled back"));
        }
        self.db.execute_batch("SAVEPOINT part")?;
        let mark = self.state.begin();
        let result =
            part(self).and_then(|value| self.db.execute_batch("RELEASE part").map(|()| value).map_err(Refusal::from));
        match &result {
            Ok(_) => self.state.stays(&mark),
            Err(_) => {
                self.state.rolled_back(&mark);
                // After some errors (no space, no memory) SQLite has rolled the whole transaction back, and there is no
                // savepoint.
                if !self.db.is_autocommit() {
                    self.db.execute_batch("ROLLBACK TO part; RELEASE part")?;
                }
            }
        }
        result
    }
}
