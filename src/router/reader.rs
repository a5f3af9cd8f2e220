//! The thread that reads: it answers one short question after the other.
use super::delivery::Seq;
use super::frames;
use super::kinds::KindId;
use super::refusal::Refusal;
use super::store::fault::Fault;
use super::store::publish::IdBytes;
use super::store::read::{self, Found, Range};
use super::store::retain::{self, place_by_size};
use super::store::{letters, open};
use super::tail::Row;
use crate::contract::router::{DeadLetter, DeadLetterFilter, DeadLetterList};
use crate::platform::threads;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// Where questions go. Clones share the thread.
#[derive(Clone)]
pub struct Reader {
    questions: Sender<Question>,
}

/// Opens the connection and starts the thread; it ends with the last `Reader`.
pub fn start(path: &Path) -> anyhow::Result<(Reader, JoinHandle<()>)> {
    let db = open::reader(path)?;
    let (questions, asked): (Sender<Question>, Receiver<Question>) = channel();
    let thread = threads::part("reader", move || {
        for question in asked {
            question(&db);
        }
    })?;
    Ok((Reader { questions }, thread))
}

impl Reader {
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        let asked = self.questions.send(Box::new(move |db| drop(answer.send(question(db)))));
        let gone = |_| Refusal::stopping();
        asked.map_err(|_| Refusal::stopping())?;
        answered.await.map_err(gone)?.map_err(|e| Fault::new("reading", &e).refusal())
    }

    /// A part of the log.
    pub async fn range(&self, range: Range) -> Result<Found, Refusal> {
        self.ask(move |db| read::range(db, &range)).await
    }
    /// A part of the log as deliveries without a subscription, ready to be sent; and up to where all that fits is in
    /// it.
    pub async fn deliveries(&self, range: Range) -> Result<(Vec<u8>, Seq), Refusal> {
        self.ask(move |db| {
            let mut bytes = Vec::with_capacity(range.bytes + range.bytes / 4);
            let to = read::walk(db, &range, |stored| frames::delivery(stored.seq, stored.body, 0, &mut bytes))?;
            Ok((bytes, to))
        })
        .await
    }
    /// Where the last `count` events of a range begin.
    pub async fn last(&self, range: Range, count: u64) -> Result<Seq, Refusal> {
        self.ask(move |db| read::last(db, &range, count)).await
    }
    /// Events at places; see `read::at`.
    pub async fn at(&self, seqs: Vec<Seq>, bytes: usize) -> Result<(Vec<Arc<Row>>, usize), Refusal> {
        self.ask(move |db| read::at(db, &seqs, bytes)).await
    }
    /// The event with an id.
    pub async fn by_id(&self, id: IdBytes) -> Result<Option<Arc<Row>>, Refusal> {
        self.ask(move |db| read::by_id(db, &id)).await
    }
    /// How many events of these types stand behind a place.
    pub async fn count_after(&self, seq: Seq, kinds: Option<Vec<KindId>>) -> Result<u64, Refusal> {
        self.ask(move |db| read::count_after(db, seq, kinds.as_deref())).await
    }
    /// Below which place types have more bytes than each may take.
    pub async fn places_by_size(&self, kinds: Vec<KindId>, max_bytes: u64) -> Result<Vec<Seq>, Refusal> {
        self.ask(move |db| kinds.into_iter().map(|kind| place_by_size(db, kind, max_bytes)).collect()).await
    }
    /// How many events stand up to a place.
    pub async fn count_to(&self, seq: Seq) -> Result<u64, Refusal> {
        self.ask(move |db| read::count_to(db, seq)).await
    }
    /// The first place stored at this time or later.
    pub async fn place_at(&self, time_us: i64) -> Result<Seq, Refusal> {
        self.ask(move |db| retain::place_at(db, time_us)).await
    }
    /// First place and number of dead letters.
    pub async fn figures(&self) -> Result<(Seq, u64), Refusal> {
        self.ask(read::figures).await
    }
    /// Dead letters without their events.
    pub async fn letters(&self, filter: DeadLetterFilter) -> Result<Vec<DeadLetter>, Refusal> {
        self.ask(move |db| letters::list(db, &filter)).await
    }
    /// A page of dead letters with their events.
    pub async fn letter_page(&self, filter: DeadLetterFilter) -> Result<DeadLetterList, Refusal> {
        self.ask(move |db| letters::page(db, &filter)).await
    }
    /// The dead letter with a number.
    pub async fn letter(&self, id: u64) -> Result<Option<DeadLetter>, Refusal> {
        self.ask(move |db| letters::one(db, id)).await
    }
    /// Dead letters by subscription.
    pub async fn letter_counts(&self) -> Result<BTreeMap<String, u64>, Refusal> {
        self.ask(letters::counts).await
    }
}
