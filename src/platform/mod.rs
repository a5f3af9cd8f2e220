//! Adapters: one third-party crate or system interface a file. They decide nothing.
pub mod catalog;
pub mod clock;
pub mod config;
pub mod journal;
pub mod notify;
pub mod peers;
pub mod signals;
pub mod polkit;
pub mod sqlite;
pub mod systemd;
pub mod varlink;
pub mod watch;
