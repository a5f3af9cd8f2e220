//! Questions to the catalog.
use super::failure::{failed, json_failed};
use crate::contract::catalog::{ArtefactFilter, ArtefactRecord, Champion, LineageStep, Rating, SetAside, StageState};
use crate::contract::ids::{BadId, ConfigKey, Digest, JobId, NodeId};
use crate::contract::ports::StoreError;
use crate::contract::workload::BUILT_IN_RULES;
use rusqlite::{Connection, OptionalExtension, Row, params};

pub(super) const COLUMNS: &str = "seq, id, kind, config_key, path, bytes, created_us, job_id, node, metrics, rules";

pub(super) fn bad_id(error: BadId) -> StoreError {
    StoreError::Unfit { operation: "reading catalog.db".into(), why: error.to_string() }
}

/// A row as it stands, before its ids are checked.
pub(super) struct Raw {
    seq: i64,
    text: [String; 7],
    bytes: i64,
    created_us: i64,
    rules: u32,
}

pub(super) fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw {
        seq: row.get(0)?,
        text: [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(7)?, row.get(8)?, row.get(9)?],
        bytes: row.get(5)?,
        created_us: row.get(6)?,
        rules: row.get(10)?,
    })
}

pub(super) fn record(db: &Connection, raw: Raw) -> Result<ArtefactRecord, StoreError> {
    let [id, kind, config_key, path, job_id, node, metrics] = raw.text;
    let mut parents =
        db.prepare_cached("SELECT parent FROM lineage WHERE child = ?").map_err(failed("reading lineage"))?;
    let parents: Vec<String> = parents
        .query_map(params![id], |row| row.get(0))
        .and_then(Iterator::collect)
        .map_err(failed("reading lineage"))?;
    Ok(ArtefactRecord {
        id: Digest::new(id).map_err(bad_id)?,
        kind,
        config_key: ConfigKey::new(config_key).map_err(bad_id)?,
        path,
        bytes: raw.bytes.unsigned_abs(),
        created_us: raw.created_us,
        seq: raw.seq.unsigned_abs(),
        job_id: JobId::new(job_id).map_err(bad_id)?,
        node: NodeId::new(node).map_err(bad_id)?,
        rules_version: raw.rules,
        parents: parents.into_iter().map(Digest::new).collect::<Result<_, _>>().map_err(bad_id)?,
        metrics: serde_json::from_str(&metrics).map_err(json_failed("reading metrics"))?,
    })
}

pub(super) fn list(db: &Connection, filter: &ArtefactFilter) -> Result<Vec<ArtefactRecord>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM artefacts WHERE gone_us IS NULL AND (?1 IS NULL OR kind = ?1)
          AND (?2 IS NULL OR config_key = ?2) AND seq > ?3 AND (?5 IS NULL OR rules = ?5)
        AND (?6 IS NULL OR seq < ?6)
        ORDER BY seq DESC LIMIT ?4"
    );
    let after = i64::try_from(filter.after.unwrap_or(0)).unwrap_or(i64::MAX);
    let before = filter.before.map(|before| i64::try_from(before).unwrap_or(i64::MAX));
    let key = filter.config_key.as_ref().map(ConfigKey::as_str);
    let mut query = db.prepare_cached(&sql).map_err(failed("listing artefacts"))?;
    let rows: Vec<Raw> = query
        .query_map(params![filter.kind, key, after, filter.most(), filter.rules_version, before], raw)
        .and_then(Iterator::collect)
        .map_err(failed("listing artefacts"))?;
    rows.into_iter().map(|r| record(db, r)).collect()
}

pub(super) fn get(db: &Connection, id: &Digest) -> Result<Option<ArtefactRecord>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM artefacts WHERE id = ?");
    let found = db.query_row(&sql, params![id.as_str()], raw).optional().map_err(failed("looking up an artefact"))?;
    found.map(|r| record(db, r)).transpose()
}

/// The version of the rules in force for a configuration, and since when: the newest that was recorded, else that of
/// its artefacts.
fn rules(db: &Connection, key: &ConfigKey) -> Result<(Option<u32>, Option<i64>), StoreError> {
    let recorded = db
        .prepare_cached("SELECT version, since_us FROM rules WHERE config_key = ? ORDER BY n DESC LIMIT 1")
        .and_then(|mut q| q.query_row(params![key.as_str()], |r| Ok((r.get(0)?, r.get(1)?))).optional())
        .map_err(failed("looking up the rules version"))?;
    if let Some((version, since)) = recorded {
        return Ok((Some(version), Some(since)));
    }
    let made = db
        .prepare_cached("SELECT max(rules) FROM artefacts WHERE config_key = ?")
        .and_then(|mut q| q.query_row(params![key.as_str()], |r| r.get(0)))
        .map_err(failed("looking up the rules version"))?;
    Ok((made, None))
}

/// What a configuration has of other versions than `force`.
fn set_aside(db: &Connection, key: &ConfigKey, force: u32) -> Result<Vec<SetAside>, StoreError> {
    let sql = "
        SELECT rules, coalesce(sum(CASE kind WHEN 'games' THEN coalesce(metrics ->> 'games_completed', 0) END), 0),
            count(CASE kind WHEN 'samples' THEN 1 END), count(CASE kind WHEN 'model' THEN 1 END),
            coalesce((SELECT max(generation) FROM champions c WHERE c.config_key = ?1 AND c.rules = artefacts.rules), 0)
        FROM artefacts WHERE config_key = ?1 AND rules <> ?2 GROUP BY rules ORDER BY rules DESC";
    let mut query = db.prepare_cached(sql).map_err(failed("counting artefacts"))?;
    let read = |r: &Row<'_>| {
        let count = |at| r.get::<_, i64>(at).map(i64::unsigned_abs);
        Ok(SetAside {
            rules_version: r.get(0)?,
            games: count(1)?,
            samples: count(2)?,
            models: count(3)?,
            generation: r.get(4)?,
        })
    };
    query
        .query_map(params![key.as_str(), force], read)
        .and_then(Iterator::collect)
        .map_err(failed("counting artefacts"))
}

/// The newest generation of champions.
fn last_generation(db: &Connection, key: &ConfigKey, rules: u32) -> Result<u32, StoreError> {
    let sql = "SELECT coalesce(max(generation), 0) FROM champions WHERE config_key = ? AND rules = ?";
    db.query_row(sql, params![key.as_str(), rules], |r| r.get(0)).map_err(failed("looking up the newest generation"))
}

/// The newest champion whose model is there: of a damaged one the nearest before it takes the place.
pub(super) fn champion(db: &Connection, key: &ConfigKey, rules: u32) -> Result<Option<Champion>, StoreError> {
    let sql = "
        SELECT generation, model_id, model_path, match_id, elo,
        promoted_us FROM champions c WHERE config_key = ? AND rules = ?
            AND EXISTS (SELECT 1 FROM artefacts a WHERE a.id = c.model_id AND a.gone_us IS NULL)
        ORDER BY generation DESC LIMIT 1";
    let row = db
        .query_row(sql, params![key.as_str(), rules], |r| {
            Ok((
                r.get::<_, u32>(0)?,
                r.get::<_, String>(1)?,
                r.get::<_, String>(2)?,
                r.get::<_, String>(3)?,
                r.get(4)?,
                r.get(5)?,
            ))
        })
        .optional()
        .map_err(failed("looking up the champion"))?;
    let Some((generation, model_id, model_path, match_id, elo, promoted_us)) = row else { return Ok(None) };
    Ok(Some(Champion {
        config_key: key.clone(),
        generation,
        model_id: Digest::new(model_id).map_err(bad_id)?,
        model_path,
        match_id: Digest::new(match_id).map_err(bad_id)?,
        elo,
        promoted_us,
    }))
}

pub(super) fn stage(db: &Connection, key: &ConfigKey) -> Result<StageState, StoreError> {
    let name = key.as_str();
    let head = db
        .query_row("SELECT stage, since_us, reason, refusals FROM stages WHERE config_key = ?", params![name], |r| {
            Ok((r.get::<_, String>(0)?, r.get(1)?, r.get::<_, String>(2)?, r.get(3)?))
        })
        .optional()
        .map_err(failed("looking up a stage"))?;
    let (stage, since_us, reason, refusals) =
        head.unwrap_or_else(|| ("idle".into(), 0, "nothing has happened yet".into(), 0));
    let (force, since) = rules(db, key)?;
    let force = force.unwrap_or(BUILT_IN_RULES);
    // Games that no sample file was made from: those catalogued after the newest shard that was exported.
    let sql = "
        SELECT kind, count(*), coalesce(sum(coalesce(metrics ->> 'games_completed', 0)), 0),
        coalesce(sum(coalesce(metrics ->> 'samples_exported', 0)), 0),
            coalesce(sum(CASE WHEN kind = 'games' AND seq > (
                SELECT coalesce(max(g.seq), 0) FROM artefacts g JOIN lineage l ON l.parent = g.id
                JOIN artefacts s ON s.id = l.child
                WHERE g.kind = 'games' AND s.kind = 'samples' AND g.config_key = ?1 AND g.rules = ?2
            ) THEN coalesce(metrics ->> 'games_completed', 0) ELSE 0 END), 0)
        FROM artefacts WHERE config_key = ?1 AND rules = ?2 GROUP BY kind";
    let mut state = StageState {
        config_key: key.clone(),
        stage,
        since_us,
        reason,
        games: 0,
        games_since_export: 0,
        samples: 0,
        models: 0,
        matches: 0,
        refusals,
        rules_version: force,
        rules_since_us: since,
        set_aside: set_aside(db, key, force)?,
        champion: champion(db, key, force)?,
        last_generation: last_generation(db, key, force)?,
    };
    let mut query = db.prepare_cached(sql).map_err(failed("counting artefacts"))?;
    let mut rows = query.query(params![name, force]).map_err(failed("counting artefacts"))?;
    while let Some(row) = rows.next().map_err(failed("counting artefacts"))? {
        let read = |at| row.get::<_, i64>(at).map(i64::unsigned_abs).map_err(failed("counting artefacts"));
        match row.get::<_, String>(0).map_err(failed("counting artefacts"))?.as_str() {
            "games" => (state.games, state.games_since_export) = (read(2)?, read(4)?),
            "samples" => state.samples = read(3)?,
            "model" => state.models = read(1)?,
            "match" => state.matches = read(1)?,
            _ => {}
        }
    }
    Ok(state)
}

pub(super) fn stages(db: &Connection) -> Result<Vec<StageState>, StoreError> {
    let sql = "SELECT config_key FROM stages UNION SELECT config_key FROM artefacts ORDER BY 1";
    let mut query = db.prepare_cached(sql).map_err(failed("listing stages"))?;
    let keys: Vec<String> =
        query.query_map([], |r| r.get(0)).and_then(Iterator::collect).map_err(failed("listing stages"))?;
    keys.into_iter().map(|key| stage(db, &ConfigKey::new(key).map_err(bad_id)?)).collect()
}

pub(super) fn ratings(db: &Connection, key: &ConfigKey) -> Result<Vec<Rating>, StoreError> {
    let sql = "SELECT model_id, elo, elo_low, elo_high, games_played, vs_random, vs_heuristic,
      rated_us FROM ratings WHERE config_key = ?1
        AND coalesce((SELECT rules FROM artefacts WHERE id = model_id), ?2) = ?2 ORDER BY elo DESC";
    let force = rules(db, key)?.0.unwrap_or(BUILT_IN_RULES);
    let mut query = db.prepare_cached(sql).map_err(failed("listing ratings"))?;
    let mut rows = query.query(params![key.as_str(), force]).map_err(failed("listing ratings"))?;
    let mut list = Vec::new();
    while let Some(row) = rows.next().map_err(failed("listing ratings"))? {
        let read = || -> rusqlite::Result<_> {
            Ok((
                row.get::<_, String>(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
                row.get(6)?,
                row.get(7)?,
            ))
        };
        let (model_id, elo, elo_low, elo_high, games_played, vs_random, vs_heuristic, rated_us) =
            read().map_err(failed("listing ratings"))?;
        let model_id = Digest::new(model_id).map_err(bad_id)?;
        list.push(Rating {
            config_key: key.clone(),
            model_id,
            elo,
            elo_low,
            elo_high,
            games_played,
            vs_random,
            vs_heuristic,
            rated_us,
        });
    }
    Ok(list)
}

/// How far a lineage is followed in each direction: more than a hundred generations.
const MAX_LINEAGE_DEPTH: i32 = 400;

pub(super) fn lineage(db: &Connection, id: &Digest) -> Result<Vec<LineageStep>, StoreError> {
    let sql = format!(
        "WITH RECURSIVE up(id, depth) AS (SELECT ?1, 0 UNION SELECT l.parent,
          up.depth + 1 FROM lineage l JOIN up ON l.child = up.id WHERE up.depth < {MAX_LINEAGE_DEPTH}),
        down(id, depth) AS (SELECT ?1, 0 UNION SELECT l.child,
        down.depth - 1 FROM lineage l JOIN down ON l.parent = down.id WHERE down.depth > -{MAX_LINEAGE_DEPTH}),
        steps(id, depth) AS (SELECT id, min(depth) FROM up GROUP BY id UNION SELECT id,
        max(depth) FROM down WHERE depth < 0 GROUP BY id)
        SELECT {columns}, depth FROM steps JOIN artefacts USING(id) ORDER BY depth, seq",
        columns = COLUMNS
    );
    let mut query = db.prepare(&sql).map_err(failed("following a lineage"))?;
    let rows: Vec<(Raw, i32)> = query
        .query_map(params![id.as_str()], |row| Ok((raw(row)?, row.get(11)?)))
        .and_then(Iterator::collect)
        .map_err(failed("following a lineage"))?;
    rows.into_iter().map(|(r, depth)| Ok(LineageStep { depth, artefact: record(db, r)? })).collect()
}
