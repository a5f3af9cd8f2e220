//! The table: stages, their metrics and their artefacts.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// An integer from 0 up to this; `10.0` is not one.
    Count(u64),
    /// A finite number from the first to the second.
    Number(f64, f64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A SHA-256, 64 lower-case hexadecimal digits.
    Sha256,
    /// true or false.
    Flag,
    /// An object with a number `win_rate` from 0 to 1.
    Score,
}

/// A metric that ringrift reads. Others are kept and shown as they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Whether a result without it is refused.
    pub demanded: bool,
    /// What it says, for the manual.
    pub doc: &'static str,
}

/// How many artefacts of a kind a stage leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArtefactRule {
    /// The kind.
    pub kind: &'static str,
    /// Whether a result without one is refused. More than one is refused always.
    pub demanded: bool,
    /// What it holds, for the manual.
    pub doc: &'static str,
}

/// The demands of one stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageSchema {
    /// The stage, the name of the job type.
    pub name: &'static str,
    /// What it measures.
    pub metrics: &'static [Metric],
    /// What it leaves.
    pub artefacts: &'static [ArtefactRule],
}

/// Largest count that goes into an event's 32-bit field.
const SMALL: u64 = u32::MAX as u64;
/// Largest integer that every JSON reader takes exactly.
const EXACT: u64 = 1 << 53;
const ELO: Kind = Kind::Number(-10_000.0, 10_000.0);
const LOSS: Kind = Kind::Number(-1e9, 1e9);
const SHARE: Kind = Kind::Number(0.0, 1.0);

const fn must(name: &'static str, kind: Kind, doc: &'static str) -> Metric {
    Metric { name, kind, demanded: true, doc }
}

const fn may(name: &'static str, kind: Kind, doc: &'static str) -> Metric {
    Metric { name, kind, demanded: false, doc }
}

const fn leaves(kind: &'static str, doc: &'static str) -> ArtefactRule {
    ArtefactRule { kind, demanded: true, doc }
}

const fn may_leave(kind: &'static str, doc: &'static str) -> ArtefactRule {
    ArtefactRule { kind, demanded: false, doc }
}

const RULES: Metric =
    may("rules_version", Kind::Count(1_000_000), "version of the game's rules; absent: that of the inputs");

/// The stages whose results the catalog takes. Results of other job types are bound by the limits only.
pub const STAGES: &[StageSchema] = &[
    StageSchema {
        name: "selfplay",
        metrics: &[
            must("games_completed", Kind::Count(EXACT), "games in the shard"),
            must("games_per_second", Kind::Number(0.0, 1e9), "games played per second of wall-clock time"),
            may("model_sha256", Kind::Sha256, "the network that was used"),
            RULES,
        ],
        artefacts: &[leaves("games", "the shard of games")],
    },
    StageSchema {
        name: "export",
        metrics: &[
            must("samples_exported", Kind::Count(EXACT), "samples in the file"),
            must("games_exported", Kind::Count(EXACT), "games that were exported"),
            RULES,
        ],
        artefacts: &[leaves("samples", "the sample file"), may_leave("quarantine", "rejected games with reasons")],
    },
    StageSchema {
        name: "training",
        metrics: &[
            must("epochs", Kind::Count(SMALL), "passes over the samples"),
            must("final_loss", LOSS, "loss after the last epoch"),
            must("samples_trained", Kind::Count(EXACT), "samples times epochs"),
            may("early_stopped", Kind::Flag, "whether it ended before the epochs asked for"),
            RULES,
        ],
        artefacts: &[leaves("model", "the model file"), may_leave("plot", "plot of the losses")],
    },
    StageSchema {
        name: "evaluation",
        metrics: &[
            must("games_played", Kind::Count(SMALL), "games against the champion"),
            must("wins", Kind::Count(SMALL), "games that the candidate won"),
            must("draws", Kind::Count(SMALL), "games without a winner"),
            must("losses", Kind::Count(SMALL), "games that the champion won"),
            must("win_rate", SHARE, "share of the points"),
            must("elo", ELO, "the candidate's Elo minus the champion's"),
            must("elo_low", ELO, "lower 95 % bound of elo"),
            must("elo_high", ELO, "upper 95 % bound of elo"),
            must("sprt_llr", Kind::Number(-1e6, 1e6), "log-likelihood ratio of the sequential test"),
            must(
                "sprt_decision",
                Kind::Word(&["accept_h1", "accept_h0", "continue"]),
                "its decision; continue: undecided at the last game",
            ),
            may("vs_random", Kind::Score, "the match against the random player"),
            may("vs_heuristic", Kind::Score, "the match against the heuristic player"),
            RULES,
        ],
        artefacts: &[leaves("match", "the record of the match")],
    },
];

/// The demands of a stage; nothing for job types whose results the catalog does not take.
pub fn stage(name: &str) -> Option<&'static StageSchema> {
    STAGES.iter().find(|s| s.name == name)
}
