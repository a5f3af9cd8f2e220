//! The coordinator: work queue, leases, limits.
