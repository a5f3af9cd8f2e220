//! Looks at the machine for the gates: a thread measures once a second, so that no driver or file system holds up a
//! decision.
use super::change::Change;
use super::refusal::Refusal;
use super::state::HostReader;
use super::transition;
use crate::contract::coordinator::GateView;
use crate::contract::host::HostSnapshot;
use crate::contract::ports::Host;
use crate::contract::time::Span;
use crate::coordination::forecast::Growth;
use crate::coordination::gate;
use crate::coordination::hardware::is_gh200;
use crate::coordination::signal::{self, Load};
use crate::platform::threads;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two checks.
const EVERY: Duration = Duration::from_secs(1);
/// An older look says nothing.
const STALE: Duration = Duration::from_secs(15);
/// Between two judgements.
const JUDGE: Span = Span::SECOND;

#[derive(Default)]
struct Seen {
    last: Mutex<Option<(Instant, HostSnapshot)>>,
    first: Condvar,
}

/// Starts the thread that looks; returns when the first look with a use of the processors is there, or after two
/// seconds without.
pub fn watch(make: impl FnOnce() -> Box<dyn Host> + Send + 'static) -> std::io::Result<HostReader> {
    let seen = Arc::new(Seen::default());
    let theirs = Arc::downgrade(&seen);
    threads::part("looks", move || {
        let host = make();
        // A use of the processors is a difference of two looks.
        host.snapshot();
        let (mut growth, begun) = (Growth::default(), Instant::now());
        std::thread::park_timeout(Duration::from_millis(250));
        while let Some(seen) = theirs.upgrade() {
            let mut snapshot = host.snapshot();
            let full_in = snapshot.disk_free_bytes.and_then(|left| growth.see(begun.elapsed(), left));
            snapshot.disk_full_in_seconds = full_in.map(|left| left.as_secs());
            *seen.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), snapshot));
            seen.first.notify_all();
            drop(seen);
            std::thread::park_timeout(EVERY);
        }
    })?;
    let last = seen.last.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = seen.first.wait_timeout_while(last, Duration::from_secs(2), |last| last.is_none());
    drop(waited.unwrap_or_else(PoisonError::into_inner));
    Ok(Box::new(move || match &*seen.last.lock().unwrap_or_else(PoisonError::into_inner) {
        None => Err("the machine has not been measured yet".into()),
        Some((at, _)) if at.elapsed() > STALE => {
            Err(format!("the machine was last measured {} s ago; a driver or disk hangs", at.elapsed().as_secs()))
        }
        Some((_, snapshot)) => Ok(snapshot.clone()),
    }))
}

/// Judges the gates and the back-pressure, at most once a second.
pub fn refresh(cx: &mut Change<'_>) -> Result<(), Refusal> {
    if cx.state.admission.judged.is_some_and(|at| (Span::ZERO..JUDGE).contains(&(cx.now.mono - at))) {
        return Ok(());
    }
    let look = (cx.state.admission.look)();
    cx.state.admission.gates = gate::judge(&mut cx.state.admission.levels, &look, &cx.state.config.safeguards);
    cx.state.admission.gates.extend(gate::emergency(&(cx.state.admission.flags)()));
    let count = |sql: &str| cx.db.prepare_cached(sql)?.query_row([], |row| row.get::<_, u32>(0));
    let host = look.ok();
    if let Some(host) = &host {
        cx.state.admission.gpus = host.gpus.len();
        cx.state.admission.gh200 = is_gh200(&host.gpus.iter().map(|gpu| gpu.name.clone()).collect::<Vec<_>>());
    }
    let load = Load {
        queue: transition::active(cx)?,
        training: count("SELECT count(*) FROM work WHERE status = 'pending' AND kind = 'training'")?,
        sync: count("SELECT count(*) FROM work WHERE status = 'pending' AND kind = 'sync'")?,
        disk: host.as_ref().and_then(|h| h.disk_percent),
        memory: host.as_ref().and_then(|h| h.memory_percent),
    };
    let signal = signal::signal(load, &cx.state.config.limits, &cx.state.config.safeguards);
    if signal.multiplier != cx.state.admission.signal.multiplier {
        // What came at the old rate stays; from now on it comes at the new one.
        let now = cx.now.mono;
        let (rules, decisions) = cx.state.deciding();
        let rate = rules.selfplay_rate();
        if let Some(decisions) = decisions {
            decisions.selfplay_tokens.settle(rate, now);
        }
    }
    cx.state.admission.signal = signal;
    cx.state.admission.judged = Some(cx.now.mono);
    Ok(())
}

/// Every gate as it stands.
pub fn all(cx: &mut Change<'_>) -> Result<Vec<GateView>, Refusal> {
    refresh(cx)?;
    Ok(cx.state.admission.gates.iter().map(|g| g.view.clone()).collect())
}
