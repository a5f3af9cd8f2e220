-- A shard: the tables of the original's game database, schema 16, with the columns that carry meaning here.
CREATE TABLE schema_metadata (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE games (
    game_id TEXT PRIMARY KEY,
    board_type TEXT NOT NULL,
    num_players INTEGER NOT NULL,
    rng_seed INTEGER NOT NULL,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    completed_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    game_status TEXT NOT NULL,
    winner INTEGER,
    termination_reason TEXT NOT NULL,
    total_moves INTEGER NOT NULL,
    total_turns INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    source TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    metadata_json TEXT NOT NULL,
    quality_score REAL,
    quality_category TEXT,
    engine_mode TEXT NOT NULL,
    opponent_type TEXT,
    opponent_model_id TEXT
);
CREATE TABLE game_players (
    game_id TEXT NOT NULL REFERENCES games(game_id),
    player_number INTEGER NOT NULL,
    player_type TEXT NOT NULL,
    model_sha256 TEXT,
    final_rank INTEGER NOT NULL,
    final_value REAL NOT NULL,
    final_eliminated_rings INTEGER NOT NULL,
    final_territory_spaces INTEGER NOT NULL,
    final_rings_in_hand INTEGER NOT NULL,
    PRIMARY KEY (game_id, player_number)
) WITHOUT ROWID;
CREATE TABLE game_moves (
    game_id TEXT NOT NULL REFERENCES games(game_id),
    move_number INTEGER NOT NULL,
    turn_number INTEGER NOT NULL,
    player INTEGER NOT NULL,
    phase TEXT NOT NULL,
    move_type TEXT NOT NULL,
    move_json TEXT NOT NULL,
    engine_eval REAL,
    engine_type TEXT,
    move_probs TEXT,
    search_stats_json TEXT,
    PRIMARY KEY (game_id, move_number)
) WITHOUT ROWID;
PRAGMA user_version = 16;
