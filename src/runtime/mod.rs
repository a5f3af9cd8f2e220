//! The one harness that runs every daemon.
