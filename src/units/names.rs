//! Names that several units refer to.

/// The manual page that describes the daemons.
pub(crate) const MANUAL: &str = "man:ringrift-daemons(8)";
/// The target that starts and stops the suite.
pub(crate) const SUITE: &str = "ringrift-master.target";
/// The master's unit.
pub(crate) const MASTER: &str = "ringrift-master.service";
/// The unit that says that another one failed for good.
pub(crate) const ON_FAILURE: &str = "ringrift-failure@%n.service";
/// The environment that every unit reads, if it is there.
pub(crate) const ENVIRONMENT: &str = "-/etc/ringrift/environment";
