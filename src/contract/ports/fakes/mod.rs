//! Fakes of the ports, one file each. What a test does not set is not there: asking it fails the test with the port's
//! name.
mod catalog;
mod clock;
mod current;
mod foreign;
mod host;
mod letters;
mod managers;
mod node;
mod queue;
mod store;
mod units;

use super::Port;
use crate::contract::coordinator::TooLarge;
use crate::contract::daemon::Out;
use crate::contract::envelope::{Event, event_id};
use crate::contract::events::TypedPayload;
use crate::contract::ids::{ConfigKey, Digest, JobId, NodeId};
pub use catalog::Catalogued;
use clock::Time;
use current::{Playing, Switch};
use foreign::Rows;
use host::Machine;
use letters::Dead;
pub use letters::letter;
use managers::Managed;
use node::Name;
pub use queue::Items;
use std::cell::{RefCell, RefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use store::Stored;
use units::Seen;

/// When tests take place, until they say something else.
pub const NOW: i64 = 1_000_000_000;

/// What stands behind a faked port.
pub trait Held: Default {
    /// The port.
    const PORT: Port;
}

/// A faked port. It is not there until a test says what it holds.
#[derive(Debug, Default)]
pub struct Fake<T>(RefCell<Option<T>>);

impl<T: Held> Fake<T> {
    /// What it holds; from here on it answers.
    pub fn hold(&self) -> RefMut<'_, T> {
        RefMut::map(self.0.borrow_mut(), |held| held.get_or_insert_default())
    }

    /// What it answers from.
    fn asked(&self) -> RefMut<'_, T> {
        let name = T::PORT.name();
        RefMut::map(self.0.borrow_mut(), |held| {
            held.as_mut().unwrap_or_else(|| {
                panic!("the daemon asks its port `{name}`, which this test does not set: fakes.{name}.hold()")
            })
        })
    }
}

macro_rules! named {
    ($($port:ident: $held:ident;)*) => {
        /// The fakes by the names of declarations.
        #[allow(non_camel_case_types)]
        pub mod of {
            $(pub type $port = super::Fake<super::$held>;)*
        }
    };
}

named! {
    clock: Time;
    queue: Items;
    managers: Managed;
    catalog: Catalogued;
    node: Name;
    host: Machine;
    units: Seen;
    letters: Dead;
    current: Playing;
    models: Switch;
    store: Stored;
    foreign: Rows;
}

/// The configuration that tests are about.
pub fn key() -> ConfigKey {
    ConfigKey::new("square8_2p").expect("a key")
}

/// A digest of one digit.
pub fn digest(fill: char) -> Digest {
    Digest::new(fill.to_string().repeat(64)).expect("a digest")
}

/// A job's id.
pub fn job(text: &str) -> JobId {
    JobId::new(text).expect("an id")
}

/// The machine that tests run on.
pub fn node_id() -> NodeId {
    NodeId::new("n1").expect("an id")
}

/// The coordinator takes the jobs that a handler queues.
pub fn taken(out: &Out) {
    out.work.iter().for_each(|work| TooLarge::check(work.bytes()).expect("a job that the coordinator takes"));
}

/// An envelope with a fresh id, for `NOW`.
pub fn envelope<P: TypedPayload>(payload: &P) -> Event {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    Event {
        id: event_id(NOW, COUNT.fetch_add(1, Ordering::Relaxed).into()),
        node: node_id(),
        origin_seq: 1,
        kind: P::TYPE.info().wire.into(),
        schema: 1,
        key: Some(key()),
        cause: None,
        correlation: None,
        source: "test".into(),
        time_us: NOW,
        payload: payload.to_map(),
        extra: Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ports::Clock;

    #[test]
    fn a_port_that_is_not_set_fails_the_test_by_its_name() {
        let unset = Fake::<Time>::default();
        let said = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| unset.now())).expect_err("nothing is set");
        assert!(said.downcast_ref::<String>().is_some_and(|text| text.contains("port `clock`")));
        unset.hold();
        assert_eq!(unset.now().us(), NOW);
    }
}
