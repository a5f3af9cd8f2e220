//! Rows of work and leases as types.
use super::change::Change;
use super::refusal::Refusal;
use crate::contract::cause::FailureCause;
use crate::contract::coordinator::{Lease, NewWork, WorkItem, WorkStatus};
use crate::contract::ids::{FencingToken, JobId, LeaseId, NodeId};
use crate::contract::job::LEASE_TERM;
use crate::contract::time::{Span, Wall};
use crate::contract::workload::JobType;
use crate::coordination::assignment;
use crate::coordination::lease::Holding;
use crate::coordination::limits::Usage;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// A text column with a type of ours in it.
pub struct Text<T>(pub T);

macro_rules! text_column {
    ($type:ty, $parse:expr, $name:expr) => {
        impl FromSql for Text<$type> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let text = value.as_str()?;
                let parse: fn(&str) -> Option<$type> = $parse;
                parse(text)
                    .map(Text)
                    .ok_or_else(|| FromSqlError::Other(format!("{text:?} in {}", stringify!($type)).into()))
            }
        }
        impl ToSql for Text<$type> {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                let name: fn(&$type) -> &str = $name;
                Ok(name(&self.0).into())
            }
        }
    };
}

text_column!(JobType, |t| JobType::from_name(t), |k| k.name());
text_column!(LeaseId, |t| LeaseId::new(t).ok(), |l| l.as_str());
text_column!(NodeId, |t| NodeId::new(t).ok(), |n| n.as_str());
text_column!(WorkStatus, |t| WorkStatus::ALL.into_iter().find(|s| s.name() == t), |s| s.name());

/// A column of JSON.
pub fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(e)))
}

/// A column of JSON that may be empty.
pub fn json_opt<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    if row.get_ref(column)? == ValueRef::Null { Ok(None) } else { json(row, column).map(Some) }
}

/// A lease with what the wire does not carry.
#[derive(Debug, Clone)]
pub struct LeaseRow {
    /// Its token.
    pub token: FencingToken,
    /// What it is called where its token is nobody's business.
    pub id: LeaseId,
    /// The slot's type.
    pub kind: JobType,
    /// Where.
    pub node: NodeId,
    /// The item that holds it.
    pub work: Option<i64>,
    /// Who asked.
    pub requested_by: String,
    /// When it was granted.
    pub granted: Wall,
    /// When it ends, for people.
    pub expires: Wall,
    /// The master carried out the start order.
    pub ordered: bool,
    /// The unit took the job up.
    pub taken: bool,
    /// systemd's id of that run.
    pub invocation: String,
    /// The process that took the job up, its runner; 0: none, or another node's.
    pub runner: i32,
    /// Why it was fenced off.
    pub fenced: Option<FailureCause>,
    /// The node's GPUs that it may use.
    pub gpus: Option<Vec<u32>>,
}

fn token(row: &Row<'_>) -> rusqlite::Result<FencingToken> {
    // Row ids of AUTOINCREMENT are positive.
    row.get::<_, i64>("token").map(|t| FencingToken(t.unsigned_abs()))
}

impl LeaseRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<LeaseRow> {
        Ok(LeaseRow {
            token: token(row)?,
            id: row.get::<_, Text<LeaseId>>("name")?.0,
            kind: row.get::<_, Text<JobType>>("kind")?.0,
            node: row.get::<_, Text<NodeId>>("node")?.0,
            work: row.get("work")?,
            requested_by: row.get("requested_by")?,
            granted: row.get("granted_us")?,
            expires: row.get("expires_us")?,
            ordered: row.get("ordered")?,
            taken: row.get("taken")?,
            invocation: row.get("invocation")?,
            runner: row.get("runner")?,
            fenced: row.get::<_, Option<String>>("fenced")?.map(|word| FailureCause::from_name(&word)),
            gpus: json_opt(row, "gpus")?,
        })
    }
    /// As its end is judged.
    pub fn holding(&self) -> Holding {
        Holding { token: self.token, fenced: self.fenced.is_some(), taken: self.taken, granted: self.granted }
    }
}

/// A token as a column.
pub fn key(token: FencingToken) -> i64 {
    i64::try_from(token.0).unwrap_or(-1)
}

/// All leases, oldest first.
pub fn leases(db: &Connection) -> rusqlite::Result<Vec<LeaseRow>> {
    db.prepare_cached("SELECT * FROM lease ORDER BY token")?.query_map([], LeaseRow::read)?.collect()
}

/// The lease that an item holds.
pub fn lease_of(db: &Connection, work: i64) -> rusqlite::Result<Option<LeaseRow>> {
    db.prepare_cached("SELECT * FROM lease WHERE work = ?1")?.query_row([work], LeaseRow::read).optional()
}

/// The lease with this token.
pub fn lease(db: &Connection, token: FencingToken) -> rusqlite::Result<Option<LeaseRow>> {
    db.prepare_cached("SELECT * FROM lease WHERE token = ?1")?.query_row([key(token)], LeaseRow::read).optional()
}

/// A new lease; returns its row.
pub fn insert_lease(
    cx: &mut Change<'_>,
    kind: JobType,
    node: &NodeId,
    work: Option<i64>,
    requested_by: &str,
) -> rusqlite::Result<LeaseRow> {
    let (granted, expires) = (cx.now.wall, cx.now.wall + Span::of_secs(LEASE_TERM));
    let gpus = assign(cx, kind, node)?;
    let id = cx.state.new_lease_id();
    let listed = gpus.as_ref().and_then(|gpus| serde_json::to_string(gpus).ok());
    cx.db
        .prepare_cached(
            "INSERT INTO lease (kind, node, work, requested_by, granted_us, expires_us, gpus, name) VALUES (?1, ?2, \
                ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![kind.name(), node.as_str(), work, requested_by, granted, expires, listed, id.as_str()])?;
    let token = FencingToken(cx.db.last_insert_rowid().unsigned_abs());
    cx.state.leases.renew(token, cx.now.mono);
    let (node, requested_by) = (node.clone(), requested_by.to_owned());
    Ok(LeaseRow {
        token,
        id,
        kind,
        node,
        work,
        requested_by,
        granted,
        expires,
        ordered: false,
        taken: false,
        invocation: String::new(),
        runner: 0,
        fenced: None,
        gpus,
    })
}

/// The GPUs for one more lease; only the own node's are known.
fn assign(cx: &Change<'_>, kind: JobType, node: &NodeId) -> rusqlite::Result<Option<Vec<u32>>> {
    if cx.state.admission.gpus == 0 || *node != cx.state.node {
        return Ok(None);
    }
    let mut used = vec![0; cx.state.admission.gpus];
    let sql = "SELECT value FROM lease, json_each(lease.gpus) WHERE node = ?1";
    let mut statement = cx.db.prepare_cached(sql)?;
    let mut rows = statement.query([node.as_str()])?;
    while let Some(row) = rows.next()? {
        // A GPU that is gone since then counts nothing.
        if let Some(jobs) = row.get::<_, i64>(0).ok().and_then(|at| used.get_mut(usize::try_from(at).ok()?)) {
            *jobs += 1;
        }
    }
    Ok(Some(assignment::gpus(kind, &cx.state.config.limits, &used)))
}

/// Frees the slot.
pub fn delete_lease(cx: &mut Change<'_>, lease: &LeaseRow) -> rusqlite::Result<()> {
    let deleted = cx.db.prepare_cached("DELETE FROM lease WHERE token = ?1")?.execute([key(lease.token)])?;
    if deleted > 0
        && let Some(decisions) = cx.state.admission.kept.edit()
    {
        decisions.usage.free(lease.kind, &lease.node);
    }
    cx.state.forget(lease.token, lease.work);
    Ok(())
}

/// Used slots.
pub fn usage(db: &Connection) -> rusqlite::Result<Usage> {
    let mut usage = Usage::default();
    let mut statement = db.prepare_cached("SELECT kind, node FROM lease")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        usage.take(row.get::<_, Text<JobType>>(0)?.0, &row.get::<_, Text<NodeId>>(1)?.0);
    }
    Ok(usage)
}

/// Item number n, without its waiting reasons.
pub fn item(cx: &Change<'_>, n: i64) -> Result<Option<WorkItem>, Refusal> {
    let found =
        cx.db.prepare_cached("SELECT * FROM work WHERE n = ?1")?.query_row([n], |row| read_item(cx, row)).optional()?;
    found.map(|item| with_lease(cx, n, item)).transpose()
}

/// The item with this id, or that there is none.
pub fn wanted(cx: &Change<'_>, id: &JobId) -> Result<(i64, WorkItem), Refusal> {
    let missing = || Refusal::not_found(format!("no job {id}; `ringrift jobs list --all` lists jobs"));
    let n = cx.state.number(id).ok_or_else(missing)?;
    item(cx, n)?.map(|item| (n, item)).ok_or_else(missing)
}

/// An item from a row of work.
pub fn read_item(cx: &Change<'_>, row: &Row<'_>) -> rusqlite::Result<WorkItem> {
    let n: i64 = row.get("n")?;
    let progress = cx.state.leases.progress.get(&n).cloned();
    let result: Option<String> = row.get("result")?;
    let status = row.get::<_, Text<WorkStatus>>("status")?.0;
    let failed = result.as_deref().filter(|_| status != WorkStatus::Completed).map(FailureCause::from_name);
    Ok(WorkItem {
        work_id: cx.state.job_id(n),
        work: json::<NewWork>(row, "body")?,
        status,
        attempts: row.get("attempts")?,
        created_us: row.get("created_us")?,
        claimed_us: row.get("claimed_us")?,
        started_us: row.get("started_us")?,
        completed_us: row.get("completed_us")?,
        not_before_us: row.get("not_before_us")?,
        claimed_by: row.get::<_, Option<Text<NodeId>>>("node")?.map(|n| n.0),
        lease: None,
        progress: if progress.is_some() { progress } else { json_opt(row, "progress")? },
        result,
        failed,
        error: row.get("error")?,
        waiting_for: Vec::new(),
        waiting_codes: Vec::new(),
    })
}

/// Adds the lease that the item holds.
pub fn with_lease(cx: &Change<'_>, n: i64, mut item: WorkItem) -> Result<WorkItem, Refusal> {
    item.lease = lease_of(cx.db, n)?.map(|row| view(&row));
    Ok(item)
}

/// A lease as the wire carries it.
pub fn view(row: &LeaseRow) -> Lease {
    Lease {
        lease_id: row.id.clone(),
        token: row.token,
        task_type: row.kind,
        node: row.node.clone(),
        granted_us: row.granted,
        expires_us: row.expires,
        fenced: row.fenced.is_some(),
        gpus: row.gpus.clone(),
    }
}
