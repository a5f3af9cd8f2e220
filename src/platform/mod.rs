//! Adapters: one third-party crate or system interface a file. They decide nothing.
pub mod catalog;
pub mod clock;
pub mod commander;
pub mod config;
pub mod host;
pub mod http;
pub mod journal;
pub mod models;
pub mod notify;
pub mod peers;
pub mod polkit;
pub mod report;
pub mod signals;
pub mod sqlite;
pub mod systemd;
pub mod varlink;
pub mod watch;
