//! Frames: JSON texts that end in NUL, at most 1 MiB each.
use super::budget::OverBudget;
use crate::contract::wire::MAX_FRAME;
use serde::Serialize;
use std::io::{self, Read, Write};
use std::time::Duration;

/// How long a frame may take from its first byte to its end.
pub const FRAME_TIMEOUT: Duration = Duration::from_secs(30);

/// A frame could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Longer than the limit; the connection is of no use any more.
    #[error("a frame of more than {MAX_FRAME} bytes")]
    TooLong,
    /// The stream ended inside a frame.
    #[error("the connection ended inside a frame")]
    Truncated,
    /// It did not come to its end in time.
    #[error("an incomplete frame {} s after its first byte", FRAME_TIMEOUT.as_secs())]
    Slow,
    /// It is more than its sender may have waiting.
    #[error("{0}")]
    OverBudget(#[from] OverBudget),
    /// The socket failed.
    #[error("reading the socket")]
    Io(#[from] io::Error),
}

/// Reads frames from a stream.
#[derive(Debug)]
pub struct Frames<R> {
    stream: R,
    buffer: Vec<u8>,
    start: usize,
}

impl<R: Read> Frames<R> {
    /// Around a stream.
    pub fn new(stream: R) -> Self {
        Frames { stream, buffer: Vec::new(), start: 0 }
    }

    /// The stream inside.
    pub fn stream(&self) -> &R {
        &self.stream
    }

    /// Bytes that were read and belong to no frame that was delivered.
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// The next frame without its NUL; nothing at the stream's end.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        self.next_watched(|_, _| Ok(()))
    }

    /// The same; before each read the function is shown the stream and how much of an unfinished frame is here.
    pub fn next_watched(
        &mut self,
        mut watch: impl FnMut(&R, usize) -> Result<(), FrameError>,
    ) -> Result<Option<Vec<u8>>, FrameError> {
        let mut scanned = self.start;
        loop {
            if let Some(at) = self.buffer[scanned..].iter().position(|b| *b == 0) {
                let end = scanned + at;
                let frame = self.buffer[self.start..end].to_vec();
                self.start = end + 1;
                if self.start == self.buffer.len() {
                    self.buffer.clear();
                    self.start = 0;
                }
                return Ok(Some(frame));
            }
            scanned = self.buffer.len();
            if scanned - self.start > MAX_FRAME {
                return Err(FrameError::TooLong);
            }
            if self.start > 0 {
                self.buffer.drain(..self.start);
                scanned -= self.start;
                self.start = 0;
            }
            watch(&self.stream, self.buffer.len())?;
            let mut chunk = [0u8; 16 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(0) if self.buffer.is_empty() => return Ok(None),
                Ok(0) => return Err(FrameError::Truncated),
                Ok(n) => self.buffer.extend_from_slice(&chunk[..n]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(FrameError::Io(e)),
            }
        }
    }
}

/// A value as one frame. An error when it would be too long for its reader.
pub fn frame(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value)?;
    if bytes.len() > MAX_FRAME {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("a frame of {} bytes; the maximum is {MAX_FRAME}", bytes.len()),
        ));
    }
    bytes.push(0);
    Ok(bytes)
}

/// Writes one frame.
pub fn write_frame(stream: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    stream.write_all(&frame(value)?)
}
