//! The provider daemons.
