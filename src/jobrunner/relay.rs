//! What the child says on its way: progress from the report descriptor, and its stderr, which continues to the journal.
use crate::contract::coalesce::{Coalesced, SECOND};
use crate::contract::text::{Block, Line};
use crate::contract::workload::{Progress, ReportLine};
use crate::platform::terminal;
use crate::platform::threads;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines of stderr that are kept for the error's text.
const MAX_KEPT_LINES: usize = 20;
/// The longest line of which more is not kept, bytes.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Reads progress lines until the descriptor is closed; `news` gets each.
pub fn progress(from: impl Read + Send + 'static, news: impl Fn(Progress) + Send + 'static) -> std::io::Result<Done> {
    progress_or(from, news, |why| tracing::warn!("{why}"))
}

/// The same, with what to do with warnings about other lines: at most one a second, then their count.
fn progress_or(
    from: impl Read + Send + 'static,
    news: impl Fn(Progress) + Send + 'static,
    warn: impl Fn(String) + Send + 'static,
) -> std::io::Result<Done> {
    let (ended, done) = mpsc::channel();
    threads::part("report", move || {
        let mut pace = Coalesced::new(SECOND);
        lines(from, |line| match serde_json::from_slice::<ReportLine>(line) {
            Ok(line) => news(line.progress),
            Err(error) => {
                if let Some(left_out) = pace.admit(Instant::now()) {
                    warn(format!("invalid progress report: {error}{left_out}"));
                }
            }
        });
        if let Some(count) = pace.rest() {
            warn(format!("{count} more invalid lines"));
        }
        let _ = ended.send(());
    })?;
    Ok(Done(done))
}

/// Hands stderr on line by line and remembers the last ones.
pub fn stderr(from: impl Read + Send + 'static) -> std::io::Result<(Tail, Done)> {
    let (ended, done) = mpsc::channel();
    let tail = Tail::default();
    let kept = tail.clone();
    threads::part("stderr", move || {
        lines(from, |line| {
            terminal::hand_on(line);
            kept.push(line);
        });
        let _ = ended.send(());
    })?;
    Ok((tail, Done(done)))
}

fn lines(from: impl Read, mut each: impl FnMut(&[u8])) {
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                while line.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
                    line.pop();
                }
                if !line.is_empty() {
                    each(&line);
                }
            }
        }
    }
}

/// Whether a reader has come to its end.
pub struct Done(Receiver<()>);

impl Done {
    /// Waits; a descendant that outlives the child may hold the descriptor open, so not for ever.
    pub fn wait(&self, limit: Duration) {
        let _ = self.0.recv_timeout(limit);
    }
}

/// The last lines.
#[derive(Clone, Default)]
pub struct Tail(Arc<Mutex<VecDeque<Line>>>);

impl Tail {
    fn push(&self, line: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == MAX_KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(Line::new(line));
    }
    /// As one text, the end of it.
    pub fn text(&self) -> Block {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Block::last(kept.iter().map(Line::as_str).collect::<Vec<_>>().join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_twenty_lines_are_kept() {
        let text: String = (1..=30).map(|n| format!("line {n}\n")).collect();
        let (tail, done) = stderr(std::io::Cursor::new(text)).expect("a thread");
        done.wait(Duration::from_secs(10));
        assert!(tail.text().starts_with("line 11\n") && tail.text().ends_with("line 30"), "{}", tail.text());
    }

    #[test]
    fn a_flood_of_bad_lines_is_a_few_warnings() {
        let (sender, receiver) = mpsc::channel();
        let warn = move |why| sender.send(why).expect("wanted");
        let done = progress_or(std::io::Cursor::new("garbage\n".repeat(100_000)), |_| {}, warn).expect("a thread");
        done.wait(Duration::from_secs(60));
        let warnings: Vec<String> = receiver.try_iter().collect();
        assert!((2..=20).contains(&warnings.len()), "{warnings:?}");
        let counted = |w: &String| {
            w.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<usize>().ok()).max().unwrap_or(0)
        };
        assert!(counted(warnings.last().expect("one")) > 1000, "{warnings:?}");
    }

    #[test]
    fn lines_that_are_no_progress_are_passed_over() {
        let (sender, receiver) = mpsc::channel();
        let text = "{\"progress\":{\"done\":1}}\nnot json\n{\"progress\":{\"done\":2,\"total\":4}}\n";
        let done =
            progress(std::io::Cursor::new(text), move |p| sender.send(p.done).expect("wanted")).expect("a thread");
        done.wait(Duration::from_secs(10));
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1.0, 2.0]);
    }
}
