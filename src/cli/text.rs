//! Numbers and times as people read them.
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Bytes, as in 12.3M.
pub fn bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "K", "M", "G", "T"] {
        if value < 1024.0 || unit == "T" {
            return if value < 10.0 && unit != "B" { format!("{value:.1}{unit}") } else { format!("{value:.0}{unit}") };
        }
        value /= 1024.0;
    }
    unreachable!("the last unit returns")
}

/// A span in its two largest units, as in 2min 5s.
pub fn seconds(seconds: i64) -> String {
    let s = seconds.max(0);
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}min", s / 60),
        3600..86_400 => format!("{}h {}min", s / 3600, s % 3600 / 60),
        _ => format!("{}d {}h", s / 86_400, s % 86_400 / 3600),
    }
}

/// How long ago.
pub fn age(then_us: i64, now_us: i64) -> String {
    seconds((now_us - then_us) / 1_000_000)
}

/// The time of day with milliseconds, and the date when it is not today's; in the local time zone.
pub fn time(us: i64, now_us: i64) -> String {
    let zone = TimeZone::system();
    let local = |us: i64| Timestamp::from_microsecond(us).map(|t| t.to_zoned(zone.clone()));
    match (local(us), local(now_us)) {
        (Ok(then), Ok(now)) if then.date() == now.date() => then.strftime("%H:%M:%S%.3f").to_string(),
        (Ok(then), _) => then.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        (Err(_), _) => format!("{us} µs"),
    }
}

/// A moment that is only foreseen: local time without fractions.
pub fn second(us: i64, now_us: i64) -> String {
    let text = time(us, now_us);
    text.split_once('.').map_or(text.clone(), |(whole, _)| whole.to_owned())
}

/// The first twelve digits of a hash.
pub fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// A number with its noun: `1 job`, `2 jobs`.
pub fn count(n: usize, noun: &str) -> String {
    crate::contract::text::count(n as u64, noun)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_two_digits_and_a_unit() {
        assert_eq!(bytes(0), "0B");
        assert_eq!(bytes(1536), "1.5K");
        assert_eq!(bytes(12 << 20), "12M");
        assert_eq!(bytes(u64::MAX), "16777216T");
    }

    #[test]
    fn spans_have_their_largest_units() {
        assert_eq!(seconds(59), "59s");
        assert_eq!(seconds(125), "2min");
        assert_eq!(seconds(7260), "2h 1min");
        assert_eq!(seconds(90_000), "1d 1h");
    }
}
