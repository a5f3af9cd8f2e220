//! Reading a shard back: its identity first, then game by game.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use serde_json::Value;

use crate::failure::Failure;
use crate::game::GameConfig;

/// A shard opened for reading.
#[derive(Debug)]
pub struct ShardReader {
    connection: Connection,
    path: PathBuf,
    /// The configuration of its games.
    pub config: GameConfig,
    /// The network that played.
    pub model_sha256: String,
    /// Version of the rules that its games were played by.
    pub rules_version: u32,
    /// Whether the job that wrote it ended well.
    pub complete: bool,
}

/// A game as stored.
#[derive(Clone, Debug)]
pub struct StoredGame {
    /// Its id.
    pub id: String,
    /// Seat of the winner, from 1.
    pub winner: Option<u8>,
    /// Why it ended.
    pub termination: String,
    /// Whether the swap rule was on.
    pub swap_rule: bool,
    /// Final value of each seat, in order.
    pub values: Vec<f32>,
    /// Engine that played.
    pub engine_mode: String,
    /// Kind of opponent.
    pub opponent_type: String,
    /// Quality, 0 to 1.
    pub quality: f32,
    /// Number of moves the game should have.
    pub total_moves: usize,
    /// The moves.
    pub moves: Vec<StoredMove>,
}

/// A move as stored.
#[derive(Clone, Debug)]
pub struct StoredMove {
    /// Seat, from 1.
    pub player: u8,
    /// Step of the turn.
    pub phase: String,
    /// Kind of move.
    pub kind: String,
    /// The move in the trace format.
    pub json: Value,
    /// Value for the seat, as searched.
    pub eval: Option<f32>,
    /// Value of each seat, as searched.
    pub values: Option<Vec<f32>>,
    /// Policy target.
    pub policy: Option<Vec<(u32, f32)>>,
}

#[derive(serde::Deserialize)]
struct SearchStats {
    values: Vec<f32>,
}

impl ShardReader {
    /// Opens a shard and reads whose it is.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let bad = |what: String| Failure::bad(format!("shard {}: {what}", path.display()));
        if !path.is_file() {
            return Err(bad("no such file; check the path".to_owned()));
        }
        let connection =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
                .map_err(|e| bad(format!("{e}; is it a games.db?")))?;
        let read = |key: &str| {
            connection
                .query_row("SELECT value FROM schema_metadata WHERE key = ?1", [key], |r| r.get::<_, String>(0))
                .optional()
                .map_err(|e| bad(format!("table schema_metadata: {e}; the file is no whole games.db, fetch it again")))
        };
        let need = |key: &str| {
            read(key)?.ok_or_else(|| bad(format!("schema_metadata has no {key}; it was not written by self-play")))
        };
        let version = need("schema_version")?;
        if version != "16" {
            return Err(bad(format!("field schema_version: expected 16, got {version}")));
        }
        let config = need("config_key")?.parse().map_err(|e| bad(format!("field config_key: {e}")))?;
        let model_sha256 = need("model_sha256")?;
        let rules = read("rules_version")?.unwrap_or_else(|| "1".to_owned());
        let rules_version =
            rules.parse().map_err(|_| bad(format!("field rules_version: expected an integer, got {rules:?}")))?;
        let complete = read("complete")?.as_deref() == Some("1");
        Ok(Self { connection, path: path.to_owned(), config, model_sha256, rules_version, complete })
    }

    fn bad(&self, what: impl std::fmt::Display) -> Failure {
        Failure::bad(format!("shard {}: {what}; the file is damaged, fetch it again", self.path.display()))
    }

    /// Ids of all games, in order.
    pub fn ids(&self) -> Result<Vec<String>, Failure> {
        let mut query =
            self.connection.prepare("SELECT game_id FROM games ORDER BY game_id").map_err(|e| self.bad(e))?;
        let rows = query.query_map([], |r| r.get(0)).map_err(|e| self.bad(e))?;
        rows.map(|r| r.map_err(|e| self.bad(e))).collect()
    }

    /// One game with its moves.
    pub fn game(&self, id: &str) -> Result<StoredGame, Failure> {
        let query = "SELECT winner, termination_reason, metadata_json, engine_mode, opponent_type, quality_score, \
            total_moves FROM games WHERE game_id = ?1";
        let mut game = self
            .connection
            .query_row(query, [id], |r| {
                let metadata: String = r.get(2)?;
                let metadata: Value = serde_json::from_str(&metadata).unwrap_or_default();
                Ok(StoredGame {
                    id: id.to_owned(),
                    winner: r.get(0)?,
                    termination: r.get(1)?,
                    swap_rule: metadata.get("swap_rule").and_then(Value::as_bool).unwrap_or(false),
                    values: Vec::new(),
                    engine_mode: r.get(3)?,
                    opponent_type: r.get::<_, Option<String>>(4)?.unwrap_or_default(),
                    quality: r.get::<_, Option<f32>>(5)?.unwrap_or(0.0),
                    total_moves: r.get::<_, i64>(6)?.max(0) as usize,
                    moves: Vec::new(),
                })
            })
            .optional()
            .map_err(|e| self.bad(e))?
            .ok_or_else(|| {
                Failure::Usage(format!(
                    "shard {} has no game {id}; show without a game lists them",
                    self.path.display()
                ))
            })?;
        let mut values = self
            .connection
            .prepare_cached("SELECT final_value FROM game_players WHERE game_id = ?1 ORDER BY player_number")
            .map_err(|e| self.bad(e))?;
        for value in values.query_map([id], |r| r.get(0)).map_err(|e| self.bad(e))? {
            game.values.push(value.map_err(|e| self.bad(e))?);
        }
        let query = "SELECT player, phase, move_type, move_json, engine_eval, move_probs, search_stats_json FROM \
            game_moves WHERE game_id = ?1 ORDER BY move_number";
        let mut query = self.connection.prepare_cached(query).map_err(|e| self.bad(e))?;
        let mut rows = query.query([id]).map_err(|e| self.bad(e))?;
        while let Some(r) = rows.next().map_err(|e| self.bad(e))? {
            let mv = (|| -> rusqlite::Result<(StoredMove, String, Option<String>, Option<String>)> {
                let stored = StoredMove {
                    player: r.get(0)?,
                    phase: r.get(1)?,
                    kind: r.get(2)?,
                    json: Value::Null,
                    eval: r.get(4)?,
                    values: None,
                    policy: None,
                };
                Ok((stored, r.get(3)?, r.get(5)?, r.get(6)?))
            })();
            let (mut mv, json, policy, stats) = mv.map_err(|e| self.bad(e))?;
            // Text that does not parse becomes an impossible move, which export quarantines with its reason.
            mv.json = serde_json::from_str(&json).unwrap_or_default();
            mv.policy = policy.and_then(|p| serde_json::from_str(&p).ok());
            mv.values = stats.and_then(|s| serde_json::from_str::<SearchStats>(&s).ok()).map(|s| s.values);
            game.moves.push(mv);
        }
        Ok(game)
    }
}
