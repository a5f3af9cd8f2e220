//! Reservations of bandwidth, and what transfers measured. Reservations end on the monotonic clock; after a restart
//! each gets a whole term once more, so a wall clock that jumps neither frees bandwidth nor keeps it.
use super::change::Change;
use super::refusal::Refusal;
use crate::contract::coordinator::bandwidth::{
    BandwidthView, CanTransfer, EndTransfer, HostView, RateOptions, RouteView, Transfer, TransferEnded, TransferGrant,
    TransferView, Urgency,
};
use crate::contract::reason::{Reason, ReasonCode};
use crate::contract::time::Span;
use crate::coordination::bandwidth::{self, Reserved, Verdict};
use rusqlite::{OptionalExtension, Row, params};
use std::collections::BTreeSet;

/// Measurements kept of a route.
const KEPT: u32 = 20;

fn term(cx: &Change<'_>) -> Span {
    Span::of_secs(cx.state.config.bandwidth.reservation_seconds.into())
}

/// A rate as a column.
fn column(kbit: u64) -> i64 {
    i64::try_from(kbit).unwrap_or(i64::MAX)
}

fn read(row: &Row<'_>) -> rusqlite::Result<TransferView> {
    let urgency: String = row.get("urgency")?;
    Ok(TransferView {
        transfer_id: row.get("id")?,
        host: row.get("host")?,
        node: row.get("node")?,
        data_type: row.get("data_type")?,
        urgency: Urgency::ALL.into_iter().find(|u| u.name() == urgency).unwrap_or_default(),
        kbit: row.get::<_, i64>("kbit")?.unsigned_abs(),
        started_us: row.get("started_us")?,
        expires_us: row.get("expires_us")?,
    })
}

/// Transfers that run; what has expired is gone.
fn running(cx: &mut Change<'_>) -> Result<Vec<TransferView>, Refusal> {
    let all = cx
        .db
        .prepare_cached("SELECT * FROM transfer ORDER BY started_us, id")?
        .query_map([], read)?
        .collect::<Result<Vec<_>, _>>()?;
    let term = term(cx);
    let mut alive = Vec::new();
    for transfer in all {
        let ends = *cx.state.managers.reservations.entry(transfer.transfer_id.clone()).or_insert(cx.now.mono + term);
        if ends > cx.now.mono {
            alive.push(transfer);
        } else {
            tracing::warn!(
                transfer = transfer.transfer_id,
                host = transfer.host,
                "a transfer was not ended; its reservation expired"
            );
            forget(cx, &transfer.transfer_id)?;
        }
    }
    Ok(alive)
}

fn forget(cx: &mut Change<'_>, id: &str) -> Result<(), Refusal> {
    cx.db.prepare_cached("DELETE FROM transfer WHERE id = ?1")?.execute([id])?;
    cx.state.managers.reservations.remove(id);
    Ok(())
}

fn check(call: &Transfer) -> Result<(), Refusal> {
    for (parameter, text) in
        [("host", Some(&call.host)), ("data_type", Some(&call.data_type)), ("transfer_id", call.transfer_id.as_ref())]
    {
        if text.is_some_and(|t| t.is_empty() || t.len() > 256) {
            return Err(Refusal::bad(parameter, "must have 1 to 256 characters"));
        }
    }
    Ok(())
}

fn judge(cx: &Change<'_>, running: &[TransferView], call: &Transfer) -> Verdict {
    let reserved: Vec<Reserved> = running.iter().map(|t| Reserved { host: t.host.clone(), kbit: t.kbit }).collect();
    let mut verdict = bandwidth::judge(&cx.state.config.bandwidth, &reserved, &call.host, call.urgency);
    if cx.state.draining {
        verdict.reasons.push(Reason::new(ReasonCode::Stopping, "the coordinator is stopping"));
        verdict.kbit = 0;
    }
    verdict
}

fn node(cx: &Change<'_>, call: &Transfer) -> String {
    call.node.as_ref().unwrap_or(&cx.state.node).to_string()
}

/// Whether a transfer could begin now; reserves nothing.
pub fn can(cx: &mut Change<'_>, call: &Transfer) -> Result<CanTransfer, Refusal> {
    check(call)?;
    let running = running(cx)?;
    let Verdict { kbit, reasons } = judge(cx, &running, call);
    let carried = bandwidth::throughput(measurements(cx, &node(cx, call), &call.host, &call.data_type)?);
    let pace = carried.unwrap_or(kbit).min(kbit);
    let expected_seconds = call.bytes.filter(|_| pace > 0).map(|bytes| bytes as f64 * 8.0 / 1000.0 / pace as f64);
    let (reasons, codes) = Reason::split(reasons);
    Ok(CanTransfer { allowed: reasons.is_empty(), kbit, reasons, codes, expected_seconds })
}

/// Reserves a rate, or says every reason against. The same id again is the same reservation.
pub fn start(cx: &mut Change<'_>, call: &Transfer) -> Result<TransferGrant, Refusal> {
    check(call)?;
    let running = running(cx)?;
    if let Some(known) = running.iter().find(|t| Some(&t.transfer_id) == call.transfer_id.as_ref()) {
        return match known.host == call.host {
            true => Ok(grant(known)),
            false => {
                Err(Refusal::bad("transfer_id", format!("{} is a transfer with {}", known.transfer_id, known.host)))
            }
        };
    }
    let Verdict { kbit, reasons } = judge(cx, &running, call);
    if !reasons.is_empty() {
        return Err(Refusal::refused(format!("no bandwidth for a transfer with {}", call.host), reasons));
    }
    let number: i64 = cx
        .db
        .prepare_cached("UPDATE counter SET value = value + 1 WHERE name = 'transfer' RETURNING value")?
        .query_row([], |row| row.get(0))?;
    let transfer = TransferView {
        transfer_id: call.transfer_id.clone().unwrap_or_else(|| format!("{}-t{number}", cx.state.epoch)),
        host: call.host.clone(),
        node: node(cx, call),
        data_type: call.data_type.clone(),
        urgency: call.urgency,
        kbit,
        started_us: cx.now.wall,
        expires_us: cx.now.wall + term(cx),
    };
    cx.db
        .prepare_cached(
            "INSERT INTO transfer (id, host, node, data_type, urgency, kbit, started_us, expires_us) VALUES (?1, ?2, \
                ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            transfer.transfer_id,
            transfer.host,
            transfer.node,
            transfer.data_type,
            transfer.urgency.name(),
            column(transfer.kbit),
            transfer.started_us,
            transfer.expires_us
        ])?;
    cx.state.managers.reservations.insert(transfer.transfer_id.clone(), cx.now.mono + term(cx));
    Ok(grant(&transfer))
}

fn grant(transfer: &TransferView) -> TransferGrant {
    let kbit = transfer.kbit;
    let options = RateOptions {
        rsync: bandwidth::rsync_option(kbit),
        aria2c: bandwidth::aria2c_option(kbit),
        s3: bandwidth::s3_option(kbit),
    };
    TransferGrant { transfer_id: transfer.transfer_id.clone(), kbit, options, expires_us: transfer.expires_us }
}

/// Ends a reservation and keeps what it measured. An id that has ended already changes nothing.
pub fn end(cx: &mut Change<'_>, call: &EndTransfer) -> Result<TransferEnded, Refusal> {
    if call.seconds.is_some_and(|s| !s.is_finite() || s < 0.0) {
        return Err(Refusal::bad("seconds", "must be a number of seconds above 0"));
    }
    let found = cx
        .db
        .prepare_cached("SELECT * FROM transfer WHERE id = ?1")?
        .query_row([&call.transfer_id], read)
        .optional()?;
    let Some(transfer) = found else { return Ok(TransferEnded { accepted: false, measured_kbit: None }) };
    let begun = cx.state.managers.reservations.get(&transfer.transfer_id).map(|ends| *ends - term(cx));
    forget(cx, &transfer.transfer_id)?;
    let seconds = call.seconds.or_else(|| begun.map(|at| (cx.now.mono - at).secs_f64())).unwrap_or(0.0);
    let measured_kbit = bandwidth::measured(call.bytes, seconds);
    if let Some(kbit) = measured_kbit {
        let route = params![transfer.node, transfer.host, transfer.data_type, column(kbit), cx.now.wall];
        cx.db
            .prepare_cached("INSERT INTO throughput (node, host, data_type, kbit, at_us) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(route)?;
        cx.db
            .prepare_cached(
                "DELETE FROM throughput WHERE node = ?1 AND host = ?2 AND data_type = ?3 AND n NOT IN
                   (SELECT n FROM throughput WHERE node = ?1 AND host = ?2
                   AND data_type = ?3 ORDER BY n DESC LIMIT ?4)",
            )?
            .execute(params![transfer.node, transfer.host, transfer.data_type, KEPT])?;
    }
    Ok(TransferEnded { accepted: true, measured_kbit })
}

fn measurements(cx: &Change<'_>, node: &str, host: &str, data_type: &str) -> Result<Vec<u64>, Refusal> {
    let sql = "SELECT kbit FROM throughput WHERE node = ?1 AND host = ?2 AND data_type = ?3";
    Ok(cx
        .db
        .prepare_cached(sql)?
        .query_map([node, host, data_type], |row| Ok(row.get::<_, i64>(0)?.unsigned_abs()))?
        .collect::<Result<_, _>>()?)
}

/// Everything that is reserved and was measured.
pub fn all(cx: &mut Change<'_>) -> Result<BandwidthView, Refusal> {
    let transfers = running(cx)?;
    let mut routes: Vec<RouteView> = Vec::new();
    let sql = "SELECT node, host, data_type, count(*), max(at_us) FROM throughput GROUP BY node, host, data_type \
        ORDER BY host, node, data_type";
    let mut statement = cx.db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (node, host, data_type): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let kbit = bandwidth::throughput(measurements(cx, &node, &host, &data_type)?).unwrap_or(0);
        routes.push(RouteView { node, host, data_type, kbit, transfers: row.get(3)?, last_us: row.get(4)? });
    }
    let names: BTreeSet<&str> =
        transfers.iter().map(|t| t.host.as_str()).chain(routes.iter().map(|r| r.host.as_str())).collect();
    let host = |name: &str| {
        let (limit_kbit, class) = bandwidth::host_limit(&cx.state.config.bandwidth, name);
        let here = transfers.iter().filter(|t| t.host == name);
        let (used_kbit, count) = here.fold((0, 0), |(kbit, count), t| (kbit + t.kbit, count + 1));
        HostView { host: name.into(), limit_kbit, class: class.into(), used_kbit, transfers: count }
    };
    let hosts = names.into_iter().map(host).collect();
    let total_kbit = u64::from(cx.state.config.bandwidth.total_mbit) * 1000;
    Ok(BandwidthView { total_kbit, used_kbit: transfers.iter().map(|t| t.kbit).sum(), hosts, routes, transfers })
}
