//! Tests of the installed package in a booted Debian 12 and 13, with a real systemd, D-Bus, polkit and journal.
//!
//! `cargo test --test boot` runs them on the package that `scripts/build-deb` made; they need root and debootstrap.
//! A test is a function that takes a booted machine with the package installed; `on_both!` runs it on both releases.
//! Nothing here waits by the clock: every wait names a state and has a deadline.

#[path = "../until/mod.rs"]
mod until;

mod machine;

/// Makes a test of each function for Debian 12 and 13, run on a machine of its own with the package installed.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod bookworm { $(#[test] fn $test() {
            if let Some(m) = crate::machine::Machine::installed(crate::machine::Suite::Bookworm, stringify!($test)) { super::$test(&m) }
        })+ }
        mod trixie { $(#[test] fn $test() {
            if let Some(m) = crate::machine::Machine::installed(crate::machine::Suite::Trixie, stringify!($test)) { super::$test(&m) }
        })+ }
    };
}

mod backoff;
mod bounds;
mod champions;
mod clock;
mod config;
mod daemons;
mod databases;
mod disk;
mod emergency;
mod faults;
mod guards;
mod harness;
mod http;
mod install;
mod jobs;
mod kills;
mod legacy;
mod limits;
mod polkit;
mod removal;
mod rights;
mod rules;
mod standing;
mod suite;
mod survival;
mod text;
mod trainer;
mod trouble;
mod units;
mod upgrade;
mod varlink;
