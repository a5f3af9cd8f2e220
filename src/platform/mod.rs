//! Adapters: one third-party crate or system interface a file. They decide nothing.
pub mod clock;
pub mod sqlite;
pub mod systemd;
pub mod varlink;
