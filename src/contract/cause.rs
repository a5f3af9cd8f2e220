//! Why an attempt or a task ended without a result. Programs decide on the cause; the text beside it is for people.
use super::coordinator::StopCause;
use serde::{Deserialize, Serialize};

/// A cause. One that this version does not know is Other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCause {
    /// It exited with another code than 0.
    Exit,
    /// A signal ended it.
    Signal,
    /// A signal ended it, with a core dump.
    CoreDump,
    /// The kernel killed it, or one of its processes, for want of memory; or it found no memory itself.
    Oom,
    /// It ran longer than it may.
    Timeout,
    /// Its runner gave no sign of life.
    Watchdog,
    /// It ended well and left no result.
    NoResult,
    /// Its result does not fit an event.
    ResultTooLarge,
    /// Its files took more than `limits.job_bytes` or `limits.job_files`.
    Quota,
    /// It was asked to stop with the suite: no failure.
    Interrupted,
    /// It was interrupted again and again without progress.
    Interruptions,
    /// Its unit could not be started.
    StartFailed,
    /// Its unit is gone without a word.
    Gone,
    /// Its lease was not renewed.
    Expired,
    /// Something that it depends on failed.
    Dependency,
    /// Somebody withdrew it.
    Cancelled,
    /// The emergency halt ended it.
    Halted,
    /// It made no progress and was stopped.
    Stuck,
    /// More urgent work took its slot.
    Preempted,
    /// The machine was used too much.
    Shed,
    /// Another cause of systemd's, or of another version.
    #[default]
    #[serde(other)]
    Other,
}

impl FailureCause {
    /// Every cause.
    pub const ALL: [FailureCause; 21] = [
        FailureCause::Exit,
        FailureCause::Signal,
        FailureCause::CoreDump,
        FailureCause::Oom,
        FailureCause::Timeout,
        FailureCause::Watchdog,
        FailureCause::NoResult,
        FailureCause::ResultTooLarge,
        FailureCause::Quota,
        FailureCause::Interrupted,
        FailureCause::Interruptions,
        FailureCause::StartFailed,
        FailureCause::Gone,
        FailureCause::Expired,
        FailureCause::Dependency,
        FailureCause::Cancelled,
        FailureCause::Halted,
        FailureCause::Stuck,
        FailureCause::Preempted,
        FailureCause::Shed,
        FailureCause::Other,
    ];

    /// The `result` of such an attempt: systemd's word where systemd has one.
    pub fn name(self) -> &'static str {
        match self {
            FailureCause::Exit => "exit-code",
            FailureCause::Signal => "signal",
            FailureCause::CoreDump => "core-dump",
            FailureCause::Oom => "oom-kill",
            FailureCause::Timeout => "timeout",
            FailureCause::Watchdog => "watchdog",
            FailureCause::NoResult => "no-result",
            FailureCause::ResultTooLarge => "result-too-large",
            FailureCause::Quota => "quota",
            FailureCause::Interrupted => "interrupted",
            FailureCause::Interruptions => "interruptions",
            FailureCause::StartFailed => "start-failed",
            FailureCause::Gone => "gone",
            FailureCause::Expired => "expired",
            FailureCause::Dependency => "dependency",
            FailureCause::Cancelled => "cancelled",
            FailureCause::Halted => "halted",
            FailureCause::Stuck => StopCause::Stuck.name(),
            FailureCause::Preempted => StopCause::Preempted.name(),
            FailureCause::Shed => StopCause::Shed.name(),
            FailureCause::Other => "other",
        }
    }

    /// The cause with this name.
    pub fn from_name(name: &str) -> FailureCause {
        FailureCause::ALL.into_iter().find(|cause| cause.name() == name).unwrap_or_default()
    }

    /// What systemd's $SERVICE_RESULT, $EXIT_CODE and $EXIT_STATUS say of a unit that left no result.
    pub fn of_systemd(service_result: &str, exit_code: &str, exit_status: &str) -> FailureCause {
        match (service_result, exit_code) {
            // systemd counts some ends as success (SIGTERM, SuccessExitStatus=) that leave no result.
            ("success" | "", "killed" | "dumped") => FailureCause::Signal,
            ("success" | "", _) if exit_status.parse::<i32>().is_ok_and(|code| code != 0) => FailureCause::Exit,
            ("success" | "", _) => FailureCause::NoResult,
            (word, _) => Some(FailureCause::from_name(word)).filter(|cause| cause.is_of_unit()).unwrap_or_default(),
        }
    }

    /// Whether a job's unit may say so of itself. The others are the coordinator's own decisions: a job that claimed
    /// one of them could fail for ever without using up an attempt.
    pub fn is_of_unit(self) -> bool {
        use FailureCause::{CoreDump, Exit, NoResult, Oom, Quota, Signal, Timeout};
        matches!(self, Exit | Signal | CoreDump | Oom | Timeout | NoResult | Quota)
    }

    /// Whether something else than the job ended the attempt, so that it does not count.
    pub fn is_harmless(self) -> bool {
        matches!(self, FailureCause::Halted | FailureCause::Preempted | FailureCause::Shed)
    }

    /// Whether the end may be that of a unit that was stopped because its time was up: it looks like any other.
    pub fn may_be_timeout(self) -> bool {
        matches!(self, FailureCause::Exit | FailureCause::Signal | FailureCause::Gone)
    }

    /// Whether the breaker of the node counts it: files without bound and stops are no fault of the node's.
    pub fn counts_against_node(self) -> bool {
        !matches!(self, FailureCause::Quota | FailureCause::Interrupted | FailureCause::Interruptions)
            && !self.is_harmless()
    }

    /// Whether another attempt would end the same way: what a job writes does not depend on the node or the time.
    pub fn is_final(self) -> bool {
        self == FailureCause::Quota
    }
}

impl std::fmt::Display for FailureCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl From<StopCause> for FailureCause {
    fn from(cause: StopCause) -> FailureCause {
        match cause {
            StopCause::Stuck => FailureCause::Stuck,
            StopCause::Preempted => FailureCause::Preempted,
            StopCause::Shed => FailureCause::Shed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_cause() {
        for cause in FailureCause::ALL {
            assert_eq!(FailureCause::from_name(cause.name()), cause);
        }
        assert_eq!(serde_json::from_str::<FailureCause>(r#""meteor""#).expect("read"), FailureCause::Other);
    }

    #[test]
    fn systemd_s_words_are_causes_and_ours_cannot_be_claimed_by_a_unit() {
        let seen = [
            ("success", "killed", "TERM"),
            ("success", "exited", "3"),
            ("success", "exited", "0"),
            ("oom-kill", "killed", "KILL"),
        ];
        let causes = [FailureCause::Signal, FailureCause::Exit, FailureCause::NoResult, FailureCause::Oom];
        assert_eq!(seen.map(|(result, code, status)| FailureCause::of_systemd(result, code, status)), causes);
        for word in ["halted", "preempted", "shed", "interrupted", "watchdog", "resources"] {
            assert_eq!(FailureCause::of_systemd(word, "", ""), FailureCause::Other, "{word}");
        }
    }
}
