//! The health daemons.
