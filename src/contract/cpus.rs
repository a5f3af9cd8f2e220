//! A list of logical processors as the kernel writes it: 0-3,8.
use serde::{Deserialize, Serialize};
use std::fmt;

/// The largest number a processor may have here; the kernel's own limit.
const MAX_CPU: usize = 8191;

/// Logical processors, in order, each once, at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CpuList(Vec<usize>);

impl CpuList {
    /// The processors.
    pub fn cpus(&self) -> &[usize] {
        &self.0
    }
}

impl TryFrom<String> for CpuList {
    type Error = String;

    fn try_from(text: String) -> Result<CpuList, String> {
        let number = |word: &str| word.trim().parse::<usize>().ok().filter(|n| *n <= MAX_CPU);
        let mut cpus = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            match (number(first), number(last)) {
                (Some(first), Some(last)) if first <= last => cpus.extend(first..=last),
                _ => {
                    return Err(format!(
                        "{text:?} is not a list of processors; write it as 0-3,8 with numbers up to {MAX_CPU}"
                    ));
                }
            }
        }
        cpus.sort_unstable();
        cpus.dedup();
        Ok(CpuList(cpus))
    }
}

impl From<CpuList> for String {
    fn from(list: CpuList) -> String {
        list.to_string()
    }
}

impl fmt::Display for CpuList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, run) in self.0.chunk_by(|a, b| a + 1 == *b).enumerate() {
            let comma = if at == 0 { "" } else { "," };
            match run {
                [one] => write!(f, "{comma}{one}")?,
                [first, .., last] => write!(f, "{comma}{first}-{last}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        for (text, written) in [("0-3,8", "0-3,8"), ("8, 1,0", "0-1,8"), ("5", "5"), ("1-2,2-4", "1-4")] {
            assert_eq!(CpuList::try_from(text.to_owned()).expect(text).to_string(), written);
        }
        for text in ["", "3-1", "a", "1,", "0-8192", "-1"] {
            assert!(CpuList::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
