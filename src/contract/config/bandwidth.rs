//! How fast transfers may go.
use super::check::Check;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Transfers between machines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bandwidth {
    /// Limit in Mbit/s for a host with a name part that starts with runpod, 1 to 1,000,000.
    pub runpod_mbit: u32,
    /// Limit in Mbit/s for a host with a name part that starts with gh200, 1 to 1,000,000.
    pub gh200_mbit: u32,
    /// Limit in Mbit/s for a host with a name part that starts with aws, 1 to 1,000,000.
    pub aws_mbit: u32,
    /// Limit in Mbit/s for every other host, 1 to 1,000,000.
    pub default_mbit: u32,
    /// Limits in Mbit/s by host name, 1 to 1,000,000. They take precedence over the classes above.
    pub hosts: BTreeMap<String, u32>,
    /// Limit in Mbit/s for all transfers together, 1 to 1,000,000. The default, 300 MB/s, is what one disk can write.
    pub total_mbit: u32,
    /// Smallest rate in Mbit/s that is granted, 1 to 10,000. Slower transfers would occupy places without moving data.
    pub min_mbit: u32,
    /// Fraction of a host's limit for a critical transfer, 0.01 to 1.
    pub factor_critical: f64,
    /// Fraction of a host's limit for a high-priority transfer, 0.01 to 1.
    pub factor_high: f64,
    /// Fraction of a host's limit for a normal transfer, 0.01 to 1.
    pub factor_normal: f64,
    /// Fraction of a host's limit for a background transfer, 0.01 to 1.
    pub factor_background: f64,
    /// Maximum concurrent transfers per host, 1 to 1000.
    pub transfers_per_host: u32,
    /// Maximum concurrent transfers, 1 to 10,000.
    pub transfers: u32,
    /// Seconds after which a reservation that was not released expires, 10 to 604,800.
    pub reservation_seconds: u32,
}

impl Default for Bandwidth {
    fn default() -> Self {
        Bandwidth {
            runpod_mbit: 1000,
            gh200_mbit: 2500,
            aws_mbit: 500,
            default_mbit: 100,
            hosts: BTreeMap::new(),
            total_mbit: 2400,
            min_mbit: 8,
            factor_critical: 1.0,
            factor_high: 0.5,
            factor_normal: 0.25,
            factor_background: 0.1,
            transfers_per_host: 5,
            transfers: 12,
            reservation_seconds: 3600,
        }
    }
}

impl Bandwidth {
    pub(super) fn check(&self, check: &mut Check) {
        let rates = [
            ("runpod_mbit", self.runpod_mbit),
            ("gh200_mbit", self.gh200_mbit),
            ("aws_mbit", self.aws_mbit),
            ("default_mbit", self.default_mbit),
            ("total_mbit", self.total_mbit),
        ];
        for (name, mbit) in rates {
            check.range(&format!("bandwidth.{name}"), mbit, 1, 1_000_000);
        }
        for (host, mbit) in &self.hosts {
            check.range(&format!("bandwidth.hosts.{host}"), *mbit, 1, 1_000_000);
        }
        check.range("bandwidth.min_mbit", self.min_mbit, 1, 10_000);
        let factors = [
            ("critical", self.factor_critical),
            ("high", self.factor_high),
            ("normal", self.factor_normal),
            ("background", self.factor_background),
        ];
        for (name, factor) in factors {
            check.range(&format!("bandwidth.factor_{name}"), factor, 0.01, 1.0);
        }
        check.range("bandwidth.transfers_per_host", self.transfers_per_host, 1, 1000);
        check.range("bandwidth.transfers", self.transfers, 1, 10_000);
        check.range("bandwidth.reservation_seconds", self.reservation_seconds, 10, 604_800);
    }
}
