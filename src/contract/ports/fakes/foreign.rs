//! The original's event queue: rows that programs of old wrote, and what was put beside them.
use super::{Fake, Held};
use crate::contract::foreign::{ForeignEvent, ForeignQueue};
use crate::contract::ports::{Port, StoreError};
use crate::contract::rights::Class;
use serde_json::{Map, Value};

/// The rows.
#[derive(Debug, Default)]
pub struct Rows {
    pub rows: Vec<ForeignEvent>,
    pub acked: Vec<i64>,
    pub put: Vec<(String, String)>,
    /// Who can write the file; the suite alone when a test does not say.
    pub writers: Option<Class>,
}

impl Held for Rows {
    const PORT: Port = Port::Foreign;
}

impl ForeignQueue for Fake<Rows> {
    fn read(&self, _: &str, after: i64, limit: u32) -> Result<(Vec<ForeignEvent>, i64), StoreError> {
        let rows: Vec<_> =
            self.asked().rows.iter().filter(|r| r.event_id > after).take(limit as usize).cloned().collect();
        let last = rows.last().map_or(after, |r| r.event_id);
        Ok((rows, last))
    }
    fn writers(&self, _: &str) -> Result<Class, StoreError> {
        Ok(self.asked().writers.unwrap_or(Class::Suite))
    }
    fn created_at(&self, _: &str, id: i64) -> Result<Option<f64>, StoreError> {
        Ok(self.asked().rows.iter().find(|r| r.event_id == id).map(|r| r.created_at))
    }
    fn acknowledge(&self, _: &str, ids: &[i64]) -> Result<(), StoreError> {
        self.asked().acked.extend(ids);
        Ok(())
    }
    fn put(&self, _: &str, id: &str, kind: &str, _: &Map<String, Value>, _: f64) -> Result<bool, StoreError> {
        self.asked().put.push((id.into(), kind.into()));
        Ok(true)
    }
}
