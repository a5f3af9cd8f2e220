//! Results of systemd's jobs: JobRemoved may arrive before the call that queued the job has returned, so both orders
//! are kept.
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Results that nobody has asked for yet are kept for this many jobs; other programs' jobs end up here too.
const MAX_UNCLAIMED_RESULTS: usize = 1024;

/// Jobs by object path.
#[derive(Debug, Clone, Default)]
pub(super) struct JobTable(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    waiting: HashMap<String, oneshot::Sender<String>>,
    done: VecDeque<(String, String)>,
    /// The bus is gone: no result comes any more.
    closed: bool,
}

impl JobTable {
    /// A job was removed from the queue.
    pub(super) fn removed(&self, path: &str, result: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match inner.waiting.remove(path) {
            // Whoever waited may have gone; then nobody needs the result.
            Some(waiting) => drop(waiting.send(result.to_owned())),
            None => {
                inner.done.push_back((path.to_owned(), result.to_owned()));
                if inner.done.len() > MAX_UNCLAIMED_RESULTS {
                    inner.done.pop_front();
                }
            }
        }
    }

    /// Where the job's result will come, or has come already.
    pub(super) fn wait(&self, path: &str) -> oneshot::Receiver<String> {
        let (sender, receiver) = oneshot::channel();
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match inner.done.iter().rposition(|(p, _)| p == path) {
            Some(at) => {
                if let Some((_, result)) = inner.done.remove(at) {
                    // The receiver is in our hands.
                    drop(sender.send(result));
                }
            }
            None if inner.closed => {}
            None => {
                inner.waiting.insert(path.to_owned(), sender);
            }
        }
        receiver
    }

    /// The bus is gone: the closed channel wakes all waiting callers.
    pub(super) fn close(&self) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.closed = true;
        inner.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_found_whichever_comes_first() {
        let table = JobTable::default();
        let mut early = table.wait("/job/1");
        table.removed("/job/1", "done");
        assert_eq!(early.try_recv().as_deref(), Ok("done"));
        table.removed("/job/2", "dependency");
        assert_eq!(table.wait("/job/2").try_recv().as_deref(), Ok("dependency"));
        let mut lost = table.wait("/job/3");
        table.close();
        assert!(lost.try_recv().is_err());
        assert!(
            matches!(table.wait("/job/4").try_recv(), Err(oneshot::error::TryRecvError::Closed)),
            "nobody waits for what cannot come"
        );
    }
}
