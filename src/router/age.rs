//! Whether the router deletes by age: the watch over the wall clock, as the event loop and the writer ask it.
use crate::contract::age::{AgePermit, Clocks};
use crate::platform::age::{AgeGuard, clocks};
use crate::platform::store::DatabaseError;
use rusqlite::{Connection, OptionalExtension};
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The time by which the writer lets fingerprints expire; during a hold long past.
#[derive(Debug, Clone)]
pub struct Expiry(Arc<AtomicI64>);

impl Expiry {
    /// Microseconds since 1970.
    pub fn now_us(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The watch.
#[derive(Debug)]
pub struct Age {
    guard: RefCell<AgeGuard>,
    permit: Cell<Option<AgePermit>>,
    expiry: Expiry,
}

impl Age {
    /// For the log at a path.
    pub fn new(db: &Connection, path: &Path) -> Result<Age, DatabaseError> {
        let newest =
            db.query_row("SELECT stored_us FROM events ORDER BY seq DESC LIMIT 1", [], |row| row.get(0)).optional();
        let newest = newest.map_err(DatabaseError::sqlite("reading the newest time of", path))?;
        let guard = AgeGuard::new(path, "handled events and disconnected subscriptions", newest, clocks());
        let age = Age {
            guard: RefCell::new(guard),
            permit: Cell::default(),
            expiry: Expiry(Arc::new(AtomicI64::new(i64::MIN))),
        };
        age.look(clocks());
        Ok(age)
    }

    /// Takes the clocks in.
    pub fn look(&self, now: Clocks) {
        let permit = self.guard.borrow_mut().permit(now);
        self.permit.set(permit);
        self.expiry.0.store(permit.map_or(i64::MIN, |p| p.now().us()), Ordering::Relaxed);
    }

    /// Permission to delete by age.
    pub fn permit(&self) -> Option<AgePermit> {
        self.permit.get()
    }

    /// The writer's part.
    pub fn expiry(&self) -> Expiry {
        self.expiry.clone()
    }
}
