//! How fast a transfer may go: a host's limit by its class, a factor by priority, what running transfers leave over.
//! Rates are in kilobits a second, as networks are sold; programs get them in their own option and unit.
use crate::contract::config::Bandwidth;
use crate::contract::coordinator::bandwidth::Urgency;
use crate::contract::reason::{Reason, ReasonCode};

/// A transfer that runs, as reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    /// The other end.
    pub host: String,
    /// Kilobits a second.
    pub kbit: u64,
}

/// A request, judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Kilobits a second that it may take; 0 when refused.
    pub kbit: u64,
    /// Every reason against; empty: granted.
    pub reasons: Vec<Reason>,
}

/// What a host may take, kilobits a second, and the class that says so.
pub fn host_limit(settings: &Bandwidth, host: &str) -> (u64, &'static str) {
    let name = host.to_lowercase();
    let class = [("gh200", settings.gh200_mbit), ("runpod", settings.runpod_mbit), ("aws", settings.aws_mbit)];
    let own = settings.hosts.get(host).map(|mbit| ("own", *mbit));
    let named = class.into_iter().find(|(class, _)| name.split(['-', '_', '.']).any(|part| part.starts_with(class)));
    let (class, mbit) = own.or(named).unwrap_or(("default", settings.default_mbit));
    (u64::from(mbit) * 1000, class)
}

/// The share of a host's limit that a priority may take.
pub fn factor(settings: &Bandwidth, urgency: Urgency) -> f64 {
    match urgency {
        Urgency::Critical => settings.factor_critical,
        Urgency::High => settings.factor_high,
        Urgency::Normal => settings.factor_normal,
        Urgency::Background => settings.factor_background,
    }
}

/// Judges one more transfer against those that run.
pub fn judge(settings: &Bandwidth, running: &[Reserved], host: &str, urgency: Urgency) -> Verdict {
    let (limit, class) = host_limit(settings, host);
    let wanted = (limit as f64 * factor(settings, urgency)) as u64;
    let here: Vec<&Reserved> = running.iter().filter(|r| r.host == host).collect();
    let taken = |rates: &mut dyn Iterator<Item = u64>| rates.sum::<u64>();
    let used_here = taken(&mut here.iter().map(|r| r.kbit));
    let used = taken(&mut running.iter().map(|r| r.kbit));
    let total = u64::from(settings.total_mbit) * 1000;
    let mut reasons = Vec::new();
    if here.len() >= settings.transfers_per_host as usize {
        let text = format!("{} of {} transfers with {host} running", here.len(), settings.transfers_per_host);
        reasons.push(Reason::new(ReasonCode::Transfers, text));
    }
    if running.len() >= settings.transfers as usize {
        let text = format!("{} of {} transfers running in total", running.len(), settings.transfers);
        reasons.push(Reason::new(ReasonCode::Transfers, text));
    }
    let (left_here, left) = (limit.saturating_sub(used_here), total.saturating_sub(used));
    let kbit = wanted.min(left_here).min(left);
    // Slower than this would hold a place for hours and move nothing; a small factor of a small host is no reason to
    // refuse.
    let least = u64::from(settings.min_mbit).saturating_mul(1000).min(wanted);
    if left_here < least {
        let text = format!("{host}: {used_here} of {limit} kbit/s reserved (class {class})");
        reasons.push(Reason::new(ReasonCode::Bandwidth, text));
    }
    if left < least {
        reasons.push(Reason::new(ReasonCode::Bandwidth, format!("{used} of {total} kbit/s reserved in total")));
    }
    Verdict { kbit: if reasons.is_empty() { kbit } else { 0 }, reasons }
}

/// KiB a second, never more than the rate: the unit of rsync and aria2c.
fn kib(kbit: u64) -> u64 {
    (kbit * 1000 / 8 / 1024).max(1)
}

/// The rate as rsync's option.
pub fn rsync_option(kbit: u64) -> String {
    format!("--bwlimit={}", kib(kbit))
}

/// The rate as aria2c's option.
pub fn aria2c_option(kbit: u64) -> String {
    format!("--max-download-limit={}K", kib(kbit))
}

/// The rate as the AWS command line's setting `s3.max_bandwidth`.
pub fn s3_option(kbit: u64) -> String {
    format!("max_bandwidth={}KB/s", kib(kbit))
}

/// What a route was measured to carry: the median of the last transfers, kilobits a second.
pub fn throughput(mut measured: Vec<u64>) -> Option<u64> {
    measured.sort_unstable();
    measured.get(measured.len() / 2).copied()
}

/// A finished transfer as a rate; too short or too small ones say nothing about the route.
pub fn measured(bytes: u64, seconds: f64) -> Option<u64> {
    (seconds >= 1.0 && bytes >= 1 << 20)
        .then(|| (bytes as f64 * 8.0 / 1000.0 / seconds) as u64)
        .filter(|kbit| *kbit > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts_have_the_limit_of_their_class() {
        let mut settings = Bandwidth::default();
        let table = [
            ("runpod-a100-1", 1_000_000),
            ("lambda-gh200-b", 2_500_000),
            ("aws-staging", 500_000),
            ("vast-1", 100_000),
            ("paws", 100_000),
        ];
        for (host, kbit) in table {
            assert_eq!(host_limit(&settings, host).0, kbit, "{host}");
        }
        settings.hosts.insert("vast-1".into(), 40);
        assert_eq!(host_limit(&settings, "vast-1"), (40_000, "own"));
    }

    #[test]
    fn a_priority_takes_its_share_and_later_ones_what_is_left() {
        let settings = Bandwidth::default();
        let rate = |running: &[Reserved], urgency| judge(&settings, running, "runpod-1", urgency);
        let reserved = |kbit| Reserved { host: "runpod-1".into(), kbit };
        for (urgency, kbit) in [
            (Urgency::Critical, 1_000_000),
            (Urgency::High, 500_000),
            (Urgency::Normal, 250_000),
            (Urgency::Background, 100_000),
        ] {
            assert_eq!(rate(&[], urgency).kbit, kbit);
        }
        assert_eq!(rate(&[reserved(500_000), reserved(300_000)], Urgency::High).kbit, 200_000);
        let full = rate(&[reserved(1_000_000)], Urgency::Background);
        assert!(full.kbit == 0 && full.reasons.len() == 1, "{full:?}");
    }

    #[test]
    fn every_reason_is_named() {
        let settings = Bandwidth { transfers: 2, transfers_per_host: 2, total_mbit: 100, ..Bandwidth::default() };
        let running = [Reserved { host: "h".into(), kbit: 60_000 }, Reserved { host: "h".into(), kbit: 40_000 }];
        assert_eq!(judge(&settings, &running, "h", Urgency::Normal).reasons.len(), 4);
    }

    #[test]
    fn a_rate_is_printed_in_each_programs_unit_and_never_above_the_grant() {
        assert_eq!(rsync_option(8192), "--bwlimit=1000");
        assert_eq!(aria2c_option(100_000), "--max-download-limit=12207K");
        assert_eq!(s3_option(100_000), "max_bandwidth=12207KB/s");
        assert_eq!(rsync_option(1), "--bwlimit=1", "0 would be no limit at all");
    }

    #[test]
    fn short_transfers_are_no_measurement() {
        assert_eq!(measured(100 << 20, 0.2), None);
        assert_eq!(measured(1000, 10.0), None);
        assert_eq!(measured(1_250_000, 1.0), Some(10_000));
        assert_eq!(throughput(vec![5, 1_000_000, 7]), Some(7));
        assert_eq!(throughput(vec![]), None);
    }

    proptest! {
        #[test]
        fn grants_never_pass_a_limit(asks in prop::collection::vec((0usize..4, 0usize..4, any::<bool>()), 0..60)) {
            let settings = Bandwidth::default();
            let hosts = ["runpod-1", "gh200-2", "vast-3", "aws-4"];
            let mut running: Vec<Reserved> = Vec::new();
            for (host, urgency, ends) in asks {
                if ends && !running.is_empty() {
                    running.swap_remove(0);
                }
                let verdict = judge(&settings, &running, hosts[host], Urgency::ALL[urgency]);
                prop_assert_eq!(verdict.reasons.is_empty(), verdict.kbit > 0);
                if verdict.kbit > 0 {
                    running.push(Reserved { host: hosts[host].into(), kbit: verdict.kbit });
                }
                prop_assert!(running.len() <= settings.transfers as usize);
                prop_assert!(running.iter().map(|r| r.kbit).sum::<u64>() <= u64::from(settings.total_mbit) * 1000);
                for host in hosts {
                    let here: Vec<_> = running.iter().filter(|r| r.host == host).collect();
                    prop_assert!(here.len() <= settings.transfers_per_host as usize);
                    prop_assert!(here.iter().map(|r| r.kbit).sum::<u64>() <= host_limit(&settings, host).0);
                }
            }
        }
    }
}
