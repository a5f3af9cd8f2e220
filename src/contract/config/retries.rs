//! `master.retry_failed`: when a daemon that failed for good is tried again. A list of seconds, or 0.
use super::check::Check;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Seconds from one try to the next; the last one repeats. Empty: never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retries(pub Vec<u32>);

impl Default for Retries {
    fn default() -> Self {
        Retries(vec![60, 300, 900, 3600])
    }
}

impl Retries {
    /// Seconds before the next try after this many; nothing: never.
    pub fn after(&self, tries: u32) -> Option<u32> {
        let at = usize::try_from(tries).unwrap_or(usize::MAX);
        self.0.get(at).or(self.0.last()).copied()
    }

    /// What ran well for this many seconds is forgotten.
    pub fn longest(&self) -> u32 {
        self.0.iter().copied().max().unwrap_or(0)
    }

    pub(super) fn check(&self, check: &mut Check) {
        for seconds in &self.0 {
            check.range("master.retry_failed", *seconds, 10, 86_400);
        }
        if !self.0.is_sorted() {
            check.fail("master.retry_failed", "must be in ascending order");
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    One(u32),
    Many(Vec<u32>),
}

impl Serialize for Retries {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self.0.is_empty() {
            true => Written::One(0).serialize(out),
            false => self.0.serialize(out),
        }
    }
}

impl<'de> Deserialize<'de> for Retries {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(from)
            .map_err(|_| serde::de::Error::custom("must be a list of seconds, as in [60, 300, 900, 3600], or 0"))?;
        Ok(Retries(match written {
            Written::One(0) => Vec::new(),
            Written::One(seconds) => vec![seconds],
            Written::Many(list) => list,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_never_and_the_last_one_repeats() {
        let read = |text: &str| serde_json::from_str::<Retries>(text);
        let never = read("0").expect("a number");
        assert_eq!((never.after(0), serde_json::to_string(&never).expect("text").as_str()), (None, "0"));
        let usual = Retries::default();
        assert_eq!((0..6).filter_map(|n| usual.after(n)).collect::<Vec<_>>(), [60, 300, 900, 3600, 3600, 3600]);
        assert_eq!(read("[60, 300, 900, 3600]").expect("a list"), usual);
        assert_eq!(read("30").expect("a number").after(7), Some(30));
        assert!(read("\"soon\"").expect_err("refused").to_string().contains("or 0"));
        let mut check = Check::default();
        Retries(vec![60, 30]).check(&mut check);
        Retries(vec![1]).check(&mut check);
        assert_eq!(check.problems.len(), 2);
    }
}
