//! Frames on an asynchronous socket, and replies as bytes.
use super::command::Done;
use super::delivery::Seq;
use super::ids;
use super::refusal::Refusal;
use crate::contract::wire::{MAX_FRAME, Reply, errors, to_map};
use crate::platform::varlink::{FRAME_TIMEOUT, FrameError};
use serde::Serialize;
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes read at once: little from callers that say little, more from those that fill it.
const MIN_READ_BYTES: usize = 4 * 1024;
const MAX_READ_BYTES: usize = 128 * 1024;
/// Bytes that a caller may send ahead while a stream occupies the connection.
const MAX_AHEAD: usize = 64 * 1024;

/// Reads frames.
#[derive(Debug)]
pub struct Frames<R> {
    stream: R,
    buffer: Vec<u8>,
    start: usize,
    scanned: usize,
    chunk: usize,
    /// Since when a frame is here that is not whole.
    since: Option<Instant>,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    /// Around a socket's reading half.
    pub fn new(stream: R) -> Self {
        Frames { stream, buffer: Vec::new(), start: 0, scanned: 0, chunk: MIN_READ_BYTES, since: None }
    }

    /// The next frame of what was read, without its NUL.
    pub fn next(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let Some(at) = memchr::memchr(0, &self.buffer[self.scanned..]) else {
            self.scanned = self.buffer.len();
            return if self.scanned - self.start > MAX_FRAME { Err(FrameError::TooLong) } else { Ok(None) };
        };
        let (start, end) = (self.start, self.scanned + at);
        self.start = end + 1;
        self.scanned = self.start;
        self.since = None;
        if end - start > MAX_FRAME {
            return Err(FrameError::TooLong);
        }
        Ok(Some(&self.buffer[start..end]))
    }

    /// Bytes that were read and belong to no frame that was delivered.
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Waits for more; false at the end. May be dropped and called again. Call it when `next` has nothing: what is here
    /// then is the beginning of a frame, which has to come to its end in time.
    pub async fn more(&mut self) -> Result<bool, FrameError> {
        let read = match (self.buffered(), self.since) {
            (0, _) => self.read().await,
            (_, since) => {
                let since = *self.since.insert(since.unwrap_or_else(Instant::now));
                let left = FRAME_TIMEOUT.saturating_sub(since.elapsed());
                tokio::time::timeout(left, self.read()).await.unwrap_or(Err(FrameError::Slow))
            }
        };
        match read? {
            0 if self.buffer.is_empty() => Ok(false),
            0 => Err(FrameError::Truncated),
            _ => Ok(true),
        }
    }

    /// Comes back when the caller has closed the connection, or has sent more ahead than it may.
    pub async fn closed(&mut self) {
        while self.buffer.len() - self.start < MAX_AHEAD {
            if !matches!(self.read().await, Ok(n) if n > 0) {
                return;
            }
        }
    }

    async fn read(&mut self) -> Result<usize, FrameError> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.buffer.is_empty() && self.buffer.capacity() > 2 * self.chunk {
            // One large frame must not keep its memory for the connection's life.
            self.buffer = Vec::new();
        }
        self.buffer.reserve(self.chunk);
        let n = self.stream.read_buf(&mut self.buffer).await?;
        self.chunk = if n >= self.chunk {
            (2 * self.chunk).min(MAX_READ_BYTES)
        } else {
            (n.next_power_of_two() * 2).clamp(MIN_READ_BYTES, self.chunk)
        };
        Ok(n)
    }
}

/// A number in digits, appended.
pub fn number(value: u64, out: &mut Vec<u8>) {
    let (mut digits, mut at, mut rest) = ([0u8; 20], 20, value);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The answer to a Publish, appended.
pub fn published(results: &[Done], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"parameters\":{\"results\":[");
    for (at, done) in results.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b"{\"seq\":" } else { b",{\"seq\":" });
        number(done.seq, out);
        out.extend_from_slice(b",\"id\":\"");
        out.extend_from_slice(&ids::text(&done.id));
        out.extend_from_slice(if done.duplicate { b"\",\"duplicate\":true}" } else { b"\",\"duplicate\":false}" });
    }
    out.extend_from_slice(b"]}}\0");
}

#[derive(Serialize)]
struct Ok_<'a, T> {
    parameters: &'a T,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    continues: bool,
}

/// A reply with its NUL.
pub fn reply(parameters: &impl Serialize, continues: bool) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(&Ok_ { parameters, continues }).expect("results can be written as JSON");
    if bytes.len() > MAX_FRAME {
        return failure(&Refusal::new(
            errors::REFUSED,
            format!("the answer has {} bytes, the maximum is {MAX_FRAME}; request less at once", bytes.len()),
        ));
    }
    bytes.push(0);
    bytes
}

/// An empty reply.
pub fn done() -> Vec<u8> {
    b"{\"parameters\":{}}\0".to_vec()
}

/// An error reply with its NUL.
pub fn failure(refusal: &Refusal) -> Vec<u8> {
    let mut parameters = to_map(&refusal.parameters);
    // Two of the protocol's own errors name what was not found in a field of their own.
    let own = match refusal.name {
        errors::METHOD_NOT_FOUND => "method",
        errors::INTERFACE_NOT_FOUND => "interface",
        _ => "parameter",
    };
    if let Some(value) = parameters.remove("parameter") {
        parameters.insert(own.into(), value);
    }
    let mut bytes =
        serde_json::to_vec(&Reply::error(refusal.name, &parameters)).expect("errors can be written as JSON");
    bytes.push(0);
    bytes
}

/// A delivery of an event with its stored text, appended.
pub fn delivery(seq: Seq, body: &[u8], attempt: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"parameters\":{\"seq\":");
    number(seq, out);
    out.extend_from_slice(b",\"attempt\":");
    number(attempt.into(), out);
    out.extend_from_slice(b",\"event\":");
    event(seq, body, out);
    out.extend_from_slice(b"},\"continues\":true}\0");
}

/// The envelope's JSON, appended.
pub fn event(seq: Seq, body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"origin_seq\":");
    number(seq, out);
    out.push(b',');
    out.extend_from_slice(body);
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::router::PublishResult;
    use crate::contract::wire::Call;

    #[test]
    fn the_answer_to_a_publish_is_what_the_contract_says() {
        let done = |seq, duplicate| Done { seq, id: ids::Ids::new().at(seq, 1_000), duplicate };
        for count in 0..3 {
            let all: Vec<Done> = (0..count).map(|n| done(n * 1_234_567_890_123, n == 1)).collect();
            let mut bytes = Vec::new();
            published(&all, &mut bytes);
            assert_eq!(bytes.pop(), Some(0));
            let reply: Reply = serde_json::from_slice(&bytes).expect("a reply");
            let result: PublishResult = serde_json::from_value(reply.parameters.into()).expect("results");
            let back: Vec<_> = result.results.iter().map(|r| (r.seq, r.id.to_bytes(), r.duplicate)).collect();
            assert_eq!(back, all.iter().map(|d| (d.seq, d.id, d.duplicate)).collect::<Vec<_>>());
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn frames_come_whole_however_they_are_cut() {
        let calls: Vec<Vec<u8>> = (0..50usize)
            .map(|n| {
                serde_json::to_vec(&Call::new("a.B", &serde_json::json!({"n": "x".repeat(n * n * 20)}))).expect("JSON")
            })
            .collect();
        let stream: Vec<u8> = calls.iter().flat_map(|call| call.iter().copied().chain([0])).collect();
        for size in [1usize, 7, 4096, 100_000, stream.len()] {
            let (mut writing, reading) = tokio::io::duplex(size);
            let (mut frames, mut found) = (Frames::new(reading), Vec::new());
            let bytes = stream.clone();
            let send = async move { tokio::io::AsyncWriteExt::write_all(&mut writing, &bytes).await.expect("sent") };
            let receive = async {
                loop {
                    while let Some(frame) = frames.next().expect("a frame") {
                        found.push(frame.to_vec());
                    }
                    if !frames.more().await.expect("read") {
                        return;
                    }
                }
            };
            futures_util::future::join(send, receive).await;
            assert!(found == calls, "cut at {size}: {} of {}", found.len(), calls.len());
        }
    }
}
