//! The engine against a systemd of memory.
