//! Why something is not granted: a code that programs decide on, and its text for people. On the wire the texts stand
//! in a list and their codes in another, one for each, in the same order; who only shows them reads the texts alone.
use serde::{Deserialize, Serialize};

/// What kind of reason it is. A code that this version does not know is Other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The emergency halt is on.
    Halted,
    /// Somebody paused the loop.
    Paused,
    /// The coordinator is stopping.
    Stopping,
    /// The coordinator has not read its state yet.
    NotReady,
    /// No master takes orders.
    NoMaster,
    /// Something that it depends on is not complete.
    Dependency,
    /// The time of its next attempt has not come.
    Retry,
    /// It is held back for the peak hours.
    Peak,
    /// Its deadline has passed.
    Deadline,
    /// The optimizer wants no more there.
    Optimizer,
    /// The tokens of a rate are used up.
    Rate,
    /// Too little time has passed since the last start.
    Spacing,
    /// The node is kept free for something else.
    Reserved,
    /// A breaker is open.
    Breaker,
    /// All slots of a limit are taken: the end of one such task is what helps.
    Slots,
    /// A gate is shut.
    Gate,
    /// As many transfers run as may.
    Transfers,
    /// The bandwidth is taken.
    Bandwidth,
    /// The queue holds as much as it may.
    QueueFull,
    /// Somebody else holds it.
    Taken,
    /// A code of another version.
    #[serde(other)]
    Other,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What kind it is.
    pub code: ReasonCode,
    /// For people.
    pub text: String,
}

impl Reason {
    /// A reason of this kind.
    pub fn new(code: ReasonCode, text: impl Into<String>) -> Reason {
        Reason { code, text: text.into() }
    }

    /// The texts and their codes, as the wire carries them.
    pub fn split(reasons: Vec<Reason>) -> (Vec<String>, Vec<ReasonCode>) {
        reasons.into_iter().map(|reason| (reason.text, reason.code)).unzip()
    }
}

impl ReasonCode {
    /// What helps first, when several reasons are against something: a smaller number.
    fn rank(self) -> u8 {
        use ReasonCode::*;
        match self {
            Halted => 0,
            Paused => 1,
            NotReady | Stopping => 2,
            NoMaster => 3,
            Breaker => 4,
            Gate => 5,
            Dependency => 6,
            Retry => 7,
            Peak | Deadline => 8,
            Reserved => 9,
            Slots => 10,
            Taken | QueueFull | Transfers | Bandwidth => 11,
            Optimizer => 12,
            Rate | Spacing => 13,
            Other => 14,
        }
    }
}

/// The reason to show where there is room for one: what bars everything before what bars this one, and what lasts
/// before what passes. Queue, order, pipeline and status all show this one.
pub fn leading<'a>(texts: &'a [String], codes: &[ReasonCode]) -> Option<&'a str> {
    let code = |at: usize| codes.get(at).copied().unwrap_or(ReasonCode::Other);
    texts.iter().enumerate().min_by_key(|(at, _)| (code(*at).rank(), *at)).map(|(_, text)| text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_another_version_is_read_and_matches_nothing() {
        let codes: Vec<ReasonCode> =
            serde_json::from_str(r#"["slots", "queue_full", "phase_of_the_moon"]"#).expect("read");
        assert_eq!(codes, [ReasonCode::Slots, ReasonCode::QueueFull, ReasonCode::Other]);
    }
}
