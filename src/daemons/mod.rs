//! The daemons, one file each by category. They import contract, coordination and runtime; never another daemon, never platform.
