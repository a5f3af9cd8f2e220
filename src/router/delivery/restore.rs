//! Taking the delivery state back from the database after a restart.
use super::lane::Lane;
use super::{Delivery, Entry, Row, RowState, Seq, State};
use std::collections::BTreeMap;

impl Delivery {
    /// From the mark and the exceptions. What was in flight is ready again; a restart of the router is no fault of the
    /// event.
    pub fn restore(mark: Seq, rows: BTreeMap<Seq, Row>) -> Delivery {
        let mut new = Delivery { mark, cursor: mark, ..Delivery::default() };
        for (seq, row) in rows {
            match row.state {
                RowState::Done if seq <= mark => drop(new.early.insert(seq, row.key)),
                RowState::Done => drop(new.done.insert(seq)),
                // Ahead of the mark the scan itself comes by what follows.
                RowState::Passed if seq > mark => {
                    new.done.insert(seq);
                    new.change
                        .rows
                        .insert(seq, Some(Row { state: RowState::Done, key: None, tries: super::Tries::default() }));
                }
                state => new.take_back(seq, state, row),
            }
        }
        new.forget_early();
        new
    }

    fn take_back(&mut self, seq: Seq, state: RowState, row: Row) {
        // One lane a key; a second row of the key would be a fault, and then order matters less than delivery.
        let key = row.key.filter(|key| !self.lanes.contains_key(key));
        if let Some(key) = &key {
            self.lanes.insert(key.clone(), Lane::restored(seq, (seq <= self.mark).then_some(seq + 1)));
        }
        let state = match state {
            RowState::Retry(due) => {
                self.due.insert((due, seq));
                State::Retry { due }
            }
            RowState::Passed => {
                self.parched.extend(key.clone());
                State::Passed
            }
            RowState::Open | RowState::Done => {
                self.ready.insert(seq);
                State::Ready
            }
        };
        self.out.insert(seq, Entry { state, key, rowed: true, tries: Box::new(row.tries) });
    }
}
