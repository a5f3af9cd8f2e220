//! Writing a shard: each finished game in a transaction of its own, so that a kill at any byte loses only the game in
//! hand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::play::GameRecord;
use crate::contract::files::sync_folder_of;
use crate::failure::Failure;
use crate::game::{GameConfig, RULES_VERSION};

/// What a shard is about; games of another origin never go into the same file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The job.
    pub job_id: String,
    /// The configuration.
    pub config: GameConfig,
    /// The job's seed.
    pub seed: u64,
    /// The network that played.
    pub model_sha256: String,
    /// The parameters, as canonical text.
    pub params: String,
}

/// A shard being written.
#[derive(Debug)]
pub struct ShardWriter {
    connection: Connection,
    path: PathBuf,
    origin: Origin,
}

fn sql(path: &Path) -> impl Fn(rusqlite::Error) -> Failure + '_ {
    move |e| {
        Failure::internal(&format!("writing shard {}", path.display()), format!("{e}; check that the disk is not full"))
    }
}

impl ShardWriter {
    /// Creates the shard, or goes on with it if a run with the same origin left it unfinished.
    pub fn open(path: &Path, origin: Origin) -> Result<Self, Failure> {
        let connection = Connection::open(path).map_err(sql(path))?;
        let writer = Self { connection, path: path.to_owned(), origin };
        let err = sql(path);
        // A searched move is about 1 KiB: on the default pages of 4 KiB most of them would take an overflow page each,
        // and half the file be empty. Of no effect on a file that is there.
        writer.connection.pragma_update(None, "page_size", 16384).map_err(&err)?;
        // A rollback journal, not WAL: when a transaction ends the file alone is whole.
        writer.connection.pragma_update(None, "journal_mode", "DELETE").map_err(&err)?;
        writer.connection.pragma_update(None, "synchronous", "FULL").map_err(&err)?;
        let version: i64 = writer.connection.pragma_query_value(None, "user_version", |r| r.get(0)).map_err(&err)?;
        if version == 0 {
            let script = format!("BEGIN; {} COMMIT;", include_str!("schema.sql"));
            writer.connection.execute_batch(&script).map_err(&err)?;
            for (key, value) in writer.identity() {
                writer
                    .connection
                    .execute("INSERT INTO schema_metadata VALUES (?1, ?2)", params![key, value])
                    .map_err(&err)?;
            }
        }
        Ok(writer)
    }

    fn identity(&self) -> [(&'static str, String); 7] {
        let o = &self.origin;
        [
            ("schema_version", "16".to_owned()),
            ("job_id", o.job_id.clone()),
            ("config_key", o.config.to_string()),
            ("seed", o.seed.to_string()),
            ("model_sha256", o.model_sha256.clone()),
            ("params", o.params.clone()),
            ("rules_version", RULES_VERSION.to_string()),
        ]
    }

    /// True if the file belongs to this origin and is not damaged.
    pub fn is_ours(&self) -> bool {
        let sound =
            self.connection.pragma_query_value(None, "quick_check", |r| r.get::<_, String>(0)).is_ok_and(|s| s == "ok");
        sound && self.identity().iter().all(|(key, value)| self.metadata(key).as_deref() == Some(value))
    }

    fn metadata(&self, key: &str) -> Option<String> {
        let query = self.connection.query_row("SELECT value FROM schema_metadata WHERE key = ?1", [key], |r| r.get(0));
        query.optional().ok().flatten()
    }

    /// The numbers of the games that are in the shard.
    pub fn finished(&self) -> Result<BTreeSet<u64>, Failure> {
        let err = sql(&self.path);
        let mut query = self.connection.prepare("SELECT metadata_json ->> '$.index' FROM games").map_err(&err)?;
        let rows = query.query_map([], |r| r.get::<_, i64>(0)).map_err(&err)?;
        rows.map(|r| r.map(|n| n as u64).map_err(&err)).collect()
    }

    /// Adds a finished game in one transaction.
    pub fn add(&mut self, game: &GameRecord) -> Result<(), Failure> {
        let path = self.path.clone();
        let err = sql(&path);
        let id = format!("{}-{:05}", self.origin.job_id, game.index);
        let transaction = self.connection.transaction().map_err(&err)?;
        let config = self.origin.config;
        transaction
            .execute(
                "INSERT INTO games (game_id, board_type, num_players, rng_seed, game_status, winner,
                  termination_reason, total_moves,
                 total_turns, duration_ms, source, schema_version, metadata_json, quality_score, quality_category, engine_mode, opponent_type, opponent_model_id)
                 VALUES (?1,?2,?3,?4,'completed',?5,?6,?7,?8,?9,'selfplay',16,?10,1.0,'selfplay','gumbel-mcts','self',?11)",
                params![
                    id,
                    config.board.name(),
                    config.players,
                    game.seed as i64,
                    game.winner().map(|seat| seat + 1),
                    game.termination(),
                    game.moves.len() as i64,
                    i64::from(game.last.turn_count()),
                    game.milliseconds as i64,
                    json!({"index": game.index, "swap_rule": game.swap_rule, "swapped": game.last.swapped()}).to_string(),
                    self.origin.model_sha256,
                ],
            )
            .map_err(&err)?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO game_players VALUES (?1,?2,'model',?3,?4,?5,?6,?7,?8)")
                .map_err(&err)?;
            let values = game.values();
            for seat in 0..config.players {
                // Seats and colours are exchanged the same way in both directions.
                let colour = game.last.seat(seat);
                let rank = game.outcome.map_or(1, |o| o.rank[usize::from(colour)] + 1);
                let (eliminated, territory, hand) =
                    (game.last.eliminated(colour), game.last.territory(colour), game.last.hand(colour));
                insert
                    .execute(params![
                        id,
                        seat + 1,
                        self.origin.model_sha256,
                        rank,
                        values[usize::from(seat)],
                        eliminated,
                        territory,
                        hand
                    ])
                    .map_err(&err)?;
            }
            let mut insert = transaction
                .prepare_cached("INSERT INTO game_moves VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)")
                .map_err(&err)?;
            for (n, mv) in game.moves.iter().enumerate() {
                let kind = mv.json.get("type").and_then(|t| t.as_str()).unwrap_or("unknown");
                let eval = mv.values.map(|v| v[usize::from(mv.player - 1)]);
                let engine = mv.policy.as_ref().map(|_| "gumbel-mcts");
                let probabilities = mv.policy.as_ref().map(|p| policy_text(p));
                let stats = mv.values.map(|v| {
                    json!({"simulations": mv.simulations, "values": v[..usize::from(config.players)]}).to_string()
                });
                insert
                    .execute(params![
                        id,
                        n as i64 + 1,
                        mv.turn,
                        mv.player,
                        mv.phase,
                        kind,
                        mv.json.to_string(),
                        eval,
                        engine,
                        probabilities,
                        stats
                    ])
                    .map_err(&err)?;
            }
        }
        transaction.commit().map_err(&err)
    }

    /// Marks the shard as whole and closes it; only then will export take it.
    pub fn finish(self) -> Result<(), Failure> {
        let err = sql(&self.path);
        self.connection.execute("INSERT OR REPLACE INTO schema_metadata VALUES ('complete', '1')", []).map_err(&err)?;
        self.connection.close().map_err(|(_, e)| err(e))?;
        sync_folder_of(&self.path)
    }
}

/// A policy as JSON: pairs of policy index and probability.
fn policy_text(policy: &[(u32, f32)]) -> String {
    let pairs: Vec<String> = policy.iter().map(|(index, p)| format!("[{index},{p:.5}]")).collect();
    format!("[{}]", pairs.join(","))
}
