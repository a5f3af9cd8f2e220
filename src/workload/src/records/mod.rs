//! Shards: the games of one self-play job as a SQLite file, written game by game and read back for export and show.

pub mod play;
pub mod reader;
pub mod selfplay;
pub mod shard;

pub use play::{GameRecord, MoveRecord, play_game};
pub use reader::{ShardReader, StoredGame, StoredMove};
pub use shard::ShardWriter;
