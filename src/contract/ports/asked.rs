//! Which ports there are, and how a daemon names those that it asks: a port that its declaration does not name is not
//! in its `Ports`, so that asking it does not compile, and the runtime does not make it.
use super::{Catalog, CatalogStore, Clock, Current, Host, Letters, Managers, Models, Node, Queue, Units};
use crate::contract::foreign::ForeignQueue;

macro_rules! ports {
    ($($(#[doc = $doc:literal])+ $port:ident: $name:ident, $kind:ident;)*) => {
        /// A port, as a declaration names it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Port {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Port {
            /// All of them.
            pub const ALL: &'static [Port] = &[$(Port::$name),*];

            /// As a declaration writes it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Port::$name => stringify!($port),)*
                }
            }
        }

        /// Everything that can be asked. Who implements it makes a port when it is first wanted, and no other.
        pub trait World {
            $($(#[doc = $doc])+ fn $port(&self) -> Result<&kinds::$port, Missing>;)*
        }

        /// What a declaration's names stand for: the trait as a type, the port as a value.
        #[allow(non_camel_case_types, non_upper_case_globals)]
        pub mod kinds {
            use super::*;
            $(
                $(#[doc = $doc])+
                pub type $port = dyn $kind;
                $(#[doc = $doc])+
                pub const $port: Port = Port::$name;
            )*
        }
    };
}

ports! {
    /// The clock.
    clock: Clock, Clock;
    /// The work queue.
    queue: Queue, Queue;
    /// The coordinator's managers.
    managers: Managers, Managers;
    /// The catalog.
    catalog: Catalog, Catalog;
    /// Which machine this is.
    node: Node, Node;
    /// The machine.
    host: Host, Host;
    /// systemd's units.
    units: Units, Units;
    /// Dead letters.
    letters: Letters, Letters;
    /// The model that self-play uses.
    current: Current, Current;
    /// The switch of that model.
    models: Models, Models;
    /// The catalog's database.
    store: Store, CatalogStore;
    /// The original's event queue.
    foreign: Foreign, ForeignQueue;
}

/// A port that the program did not bring along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing stands behind the port `{}`; the daemon's function in src/programs.rs brings it along", .0.name())]
pub struct Missing(pub Port);

/// The ports of a daemon, filled in.
pub trait Asked<'a>: Sized {
    /// Takes each port that was declared from the world.
    fn of(world: &'a dyn World) -> Result<Self, Missing>;
}

/// Which ports a daemon asks; its declaration says so.
pub trait Asks {
    /// Those ports.
    type Ports<'a>: Asked<'a>;
}

/// A daemon's ports as a type, from the names in its declaration; and for its tests one fake a port.
macro_rules! asks {
    ($daemon:ident: $($port:ident),*) => {
        /// What it asks of the world: the ports that its declaration names.
        #[derive(Clone, Copy)]
        pub struct Ports<'a> {
            $(pub(crate) $port: &'a $crate::contract::ports::kinds::$port,)*
            world: std::marker::PhantomData<&'a ()>,
        }

        impl<'a> $crate::contract::ports::Asked<'a> for Ports<'a> {
            fn of(_world: &'a dyn $crate::contract::ports::World) -> Result<Self, $crate::contract::ports::Missing> {
                Ok(Ports { $($port: _world.$port()?,)* world: std::marker::PhantomData })
            }
        }

        impl $crate::contract::ports::Asks for $daemon {
            type Ports<'a> = Ports<'a>;
        }

        $crate::contract::ports::fakes_of! { $daemon: $($port),* }
    };
}

/// The fakes of a daemon's tests, one a port that it asks.
macro_rules! fakes_of {
    ($daemon:ident: $($port:ident),*) => {
        #[cfg(test)]
        #[derive(Default)]
        pub(crate) struct Fakes {
            $(pub $port: $crate::contract::ports::fakes::of::$port,)*
        }

        #[cfg(test)]
        #[allow(dead_code)]
        impl Fakes {
            /// Nothing is set: a port answers after its `hold`.
            pub fn new() -> Fakes {
                Fakes::default()
            }
            /// The ports.
            pub fn ports(&self) -> Ports<'_> {
                Ports { $($port: &self.$port,)* world: std::marker::PhantomData }
            }
            /// Feeds one input. A job that the coordinator would refuse fails the test.
            pub fn give(
                &self,
                daemon: &mut $daemon,
                input: $crate::contract::daemon::Input<'_>,
            ) -> Result<$crate::contract::daemon::Out, $crate::contract::daemon::HandlerError> {
                let mut out = $crate::contract::daemon::Out::default();
                $crate::contract::daemon::Daemon::handle(daemon, input, &self.ports(), &mut out)?;
                $crate::contract::ports::fakes::taken(&out);
                Ok(out)
            }
            /// Feeds one event.
            pub fn event(
                &self,
                daemon: &mut $daemon,
                payload: impl $crate::contract::events::TypedPayload + Into<$crate::contract::events::Payload>,
            ) -> Result<$crate::contract::daemon::Out, $crate::contract::daemon::HandlerError> {
                let event = $crate::contract::ports::fakes::envelope(&payload);
                self.give(daemon, $crate::contract::daemon::Input::Event { event: &event, payload: payload.into() })
            }
        }
    };
}

pub(crate) use {asks, fakes_of};
