//! Frames on an asynchronous socket, and replies as bytes.
use super::delivery::Seq;
use super::refusal::Refusal;
use super::tail::Row;
use crate::contract::wire::{MAX_FRAME, Reply, errors, to_map};
use crate::platform::varlink::FrameError;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes read at once.
const CHUNK: usize = 32 * 1024;
/// Bytes that a caller may send ahead while a stream occupies the connection.
const MAX_AHEAD: usize = 64 * 1024;

/// Reads frames.
#[derive(Debug)]
pub struct Frames<R> {
    stream: R,
    buffer: Vec<u8>,
    start: usize,
    scanned: usize,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    /// Around a socket's reading half.
    pub fn new(stream: R) -> Self {
        Frames { stream, buffer: Vec::new(), start: 0, scanned: 0 }
    }

    /// The next frame without its NUL; nothing at the end. May be dropped and called again.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        loop {
            if let Some(at) = self.buffer[self.scanned..].iter().position(|b| *b == 0) {
                let end = self.scanned + at;
                let frame = self.buffer[self.start..end].to_vec();
                self.start = end + 1;
                self.scanned = self.start;
                if frame.len() > MAX_FRAME {
                    return Err(FrameError::TooLong);
                }
                return Ok(Some(frame));
            }
            self.scanned = self.buffer.len();
            if self.scanned - self.start > MAX_FRAME {
                return Err(FrameError::TooLong);
            }
            if self.read().await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(FrameError::Truncated) };
            }
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
        if self.buffer.is_empty() && self.buffer.capacity() > 4 * CHUNK {
            // One large frame must not keep its memory for the connection's life.
            self.buffer = Vec::new();
        }
        self.buffer.reserve(CHUNK);
        Ok(self.stream.read_buf(&mut self.buffer).await?)
    }
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
            format!("the answer takes {} bytes, {MAX_FRAME} are allowed; ask for less at once", bytes.len()),
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
    let mut bytes = serde_json::to_vec(&Reply::error(refusal.name, &parameters)).expect("errors can be written as JSON");
    bytes.push(0);
    bytes
}

/// A delivery, appended.
pub fn delivery(row: &Row, attempt: u32, out: &mut Vec<u8>) {
    let seq: Seq = row.seq;
    out.extend_from_slice(b"{\"parameters\":{\"seq\":");
    out.extend_from_slice(seq.to_string().as_bytes());
    out.extend_from_slice(b",\"attempt\":");
    out.extend_from_slice(attempt.to_string().as_bytes());
    out.extend_from_slice(b",\"event\":");
    row.write_event(out);
    out.extend_from_slice(b"},\"continues\":true}\0");
}
