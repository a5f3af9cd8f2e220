//! `CoordinatedTask`: a slot for as long as a value lives, for Rust programs beside the suite.
use super::varlink::Client;
use crate::contract::cause::FailureCause;
use crate::contract::coordinator::{Acquire, Acquired, Holder, Release, method};
use crate::contract::ids::NodeId;
use crate::contract::wire::{CallError, errors};
use crate::contract::workload::JobType;
use crate::platform::threads;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longest wait for an answer.
const RPC_TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no slot.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoSlot {
    /// Limits or gates are against it: every reason.
    #[error("{}", .0.join("; "))]
    Refused(Vec<String>),
    /// The coordinator cannot be asked, or did not understand; the gate is shut.
    #[error(transparent)]
    Failed(#[from] CallError),
}

/// A slot that is held: renewed at a third of its term by a thread of its own, given back when dropped or ended.
#[derive(Debug)]
pub struct CoordinatedTask {
    acquired: Acquired,
    socket: PathBuf,
    lost: Arc<Mutex<Option<String>>>,
    /// Its end tells the keeper to stop.
    stop: Option<Sender<()>>,
    keeper: Option<JoinHandle<()>>,
}

impl CoordinatedTask {
    /// Asks for a slot over the coordinator's socket; on this node when none is named. `who` is shown by `ringrift jobs
    /// slots`.
    pub fn acquire(
        socket: impl AsRef<Path>,
        kind: JobType,
        node: Option<NodeId>,
        who: &str,
    ) -> Result<CoordinatedTask, NoSlot> {
        let socket = socket.as_ref().to_owned();
        let ask = Acquire { task_type: kind, node, requested_by: who.to_owned() };
        let acquired = match Client::connect(&socket, Some(RPC_TIMEOUT))?.ask(method::Acquire, &ask) {
            Err(CallError::Answer { name, parameters, .. }) if name == errors::REFUSED => {
                return Err(NoSlot::Refused(parameters.reasons));
            }
            other => other?,
        };
        let (stop, stopped) = mpsc::channel::<()>();
        let lost = Arc::new(Mutex::new(None));
        let (holder, theirs, place) = (holder(&acquired), Arc::clone(&lost), socket.clone());
        let term = Duration::from_secs(acquired.term_seconds);
        let keep = move || {
            let (mut renewed, mut pause) = (Instant::now(), term / 3);
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(pause) {
                let begun = Instant::now();
                let answer = Client::connect(&place, Some(RPC_TIMEOUT)).and_then(|mut c| c.ask(method::Renew, &holder));
                let why = match answer {
                    Ok(_) => {
                        (renewed, pause) = (begun, term / 3);
                        continue;
                    }
                    Err(error) if error.is_transport() && renewed.elapsed() < term => {
                        // It may be back within the term.
                        pause = Duration::from_secs(1).min(term / 3);
                        continue;
                    }
                    Err(error) => error.to_string(),
                };
                *theirs.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                return;
            }
        };
        let keeper = threads::part("lease", keep).map_err(|e| CallError::Transport {
            method: "renewing the lease".into(),
            socket: socket.display().to_string(),
            kind: e.kind(),
            why: e.to_string(),
        })?;
        Ok(CoordinatedTask { acquired, socket, lost, stop: Some(stop), keeper: Some(keeper) })
    }

    /// The slot, with its fencing token.
    pub fn acquired(&self) -> &Acquired {
        &self.acquired
    }

    /// Why the slot was taken away, if it was: stop then, what is made from now on is not wanted.
    pub fn lost(&self) -> Option<String> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives the slot back and says why the task failed; the breaker counts it, and opens at once for Oom.
    pub fn fail(mut self, cause: FailureCause, why: &str) {
        self.end(Some((cause, why.to_owned())));
    }

    fn end(&mut self, failed: Option<(FailureCause, String)>) {
        let Some(stop) = self.stop.take() else { return };
        drop(stop);
        // It is waiting on the channel that has just been closed, or for one answer.
        if let Some(keeper) = self.keeper.take() {
            drop(keeper.join());
        }
        let Holder { lease_id, token } = holder(&self.acquired);
        let (cause, failed) = failed.unzip();
        let release = Release { lease_id, token, failed, cause };
        let given = Client::connect(&self.socket, Some(RPC_TIMEOUT)).and_then(|mut c| c.ask(method::Release, &release));
        if let Err(error) = given {
            tracing::warn!(%error, "cannot release a slot; it ends with its lease");
        }
    }
}

impl Drop for CoordinatedTask {
    fn drop(&mut self) {
        self.end(None);
    }
}

fn holder(acquired: &Acquired) -> Holder {
    Holder { lease_id: acquired.lease.lease_id.clone(), token: acquired.lease.token }
}
