//! The three protocols, each as thin as it can be: calls are bytes that are appended, answers are counted in the bytes
//! that come. All clients are blocking sockets and the same loop, so that what differs between two systems is the
//! systems.
use anyhow::{Context, Result, bail, ensure};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes of JSON in each event.
pub const PAYLOAD: usize = 256;
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a system listens and what it speaks.
#[derive(Debug, Clone)]
pub enum Address {
    /// The router's Varlink socket.
    Router(PathBuf),
    /// A port on loopback.
    Nats(u16),
    /// Redis's socket.
    Redis(PathBuf),
}

/// What came from a system.
pub enum Frame<'a> {
    /// An answer to a publish.
    Ack,
    /// An event: its bytes, and our place of it.
    Event(&'a [u8], &'a [u8]),
    /// Anything else.
    Other(&'a [u8]),
}

/// A connection.
pub struct Wire {
    stream: Stream,
    address: Address,
    buffer: Vec<u8>,
    start: usize,
    /// A subject of its own for NATS's answers; with `d` or `q` behind it for deliveries and for questions.
    inbox: String,
}

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Wire {
    /// Connects and says hello.
    pub fn connect(address: &Address) -> Result<Wire> {
        let unix = |path: &Path| -> Result<Stream> {
            let stream = UnixStream::connect(path).with_context(|| format!("connecting to {}", path.display()))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(Stream::Unix(stream))
        };
        let stream = match address {
            Address::Router(path) | Address::Redis(path) => unix(path)?,
            Address::Nats(port) => {
                let stream =
                    TcpStream::connect(("127.0.0.1", *port)).with_context(|| format!("connecting to port {port}"))?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Stream::Tcp(stream)
            }
        };
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let inbox = format!("i{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut wire = Wire { stream, address: address.clone(), buffer: Vec::with_capacity(1 << 16), start: 0, inbox };
        if let Address::Nats(_) = address {
            wire.send(
                b"CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\nPING\r\n",
            )?;
            while wire.text()? != "PONG" {}
            wire.send(format!("SUB {} 1\r\n", wire.inbox).as_bytes())?;
        }
        Ok(wire)
    }

    /// The subject of its own.
    pub fn inbox(&self) -> &str {
        &self.inbox
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.stream {
            Stream::Unix(s) => s.write_all(bytes),
            Stream::Tcp(s) => s.write_all(bytes),
        }
        .context("sending")
    }

    /// Waits for bytes.
    pub fn read(&mut self) -> Result<()> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let before = self.buffer.len();
        self.buffer.resize(before + (1 << 16), 0);
        let n = match &mut self.stream {
            Stream::Unix(s) => s.read(&mut self.buffer[before..]),
            Stream::Tcp(s) => s.read(&mut self.buffer[before..]),
        }
        .with_context(|| format!("waiting for an answer of {:?}", self.address))?;
        self.buffer.truncate(before + n);
        ensure!(n > 0, "{:?} closed the connection", self.address);
        Ok(())
    }

    /// The next frame of what has come; nothing: more must be read.
    pub fn frame(&mut self) -> Result<Option<Frame<'_>>> {
        // NATS wants to know whether its clients live.
        while matches!(self.address, Address::Nats(_)) && self.buffer[self.start..].starts_with(b"PING\r\n") {
            self.start += 6;
            self.send(b"PONG\r\n")?;
        }
        let bytes = &self.buffer[self.start..];
        let (frame, used) = match &self.address {
            Address::Router(_) => router(bytes),
            Address::Nats(_) => nats(bytes)?,
            Address::Redis(_) => redis(bytes)?,
        };
        self.start += used;
        Ok(frame)
    }

    /// Takes all that has come as answers to publishes, and reads on until there is at least one.
    pub fn acks(&mut self) -> Result<usize> {
        let mut count = 0;
        loop {
            while let Some(frame) = self.frame()? {
                match frame {
                    Frame::Ack => count += 1,
                    Frame::Other(bytes) | Frame::Event(bytes, _) => {
                        bail!("not an answer to a publish: {}", String::from_utf8_lossy(&bytes[..bytes.len().min(400)]))
                    }
                }
            }
            if count > 0 {
                return Ok(count);
            }
            self.read()?;
        }
    }

    /// The next line or frame as text, for the few calls that are not measured.
    pub fn text(&mut self) -> Result<String> {
        loop {
            let bytes = &self.buffer[self.start..];
            let (end, used) = match &self.address {
                Address::Router(_) => (find(bytes, b"\0"), 1),
                Address::Nats(_) | Address::Redis(_) => (find(bytes, b"\r\n"), 2),
            };
            if let Some(end) = end {
                let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
                self.start += end + used;
                return Ok(text);
            }
            self.read()?;
        }
    }

    /// Appends the call that publishes one event; `key` is unique, `text` is the payload.
    pub fn publish(&self, key: &str, text: &str, out: &mut Vec<u8>) {
        match &self.address {
            Address::Router(_) => {
                out.extend_from_slice(b"{\"method\":\"org.ringrift.Router.Publish\",\"parameters\":{\"events\":[");
                event(key, text, out);
                out.extend_from_slice(b"]}}\0");
            }
            Address::Nats(_) => {
                out.extend_from_slice(b"PUB bench.a ");
                out.extend_from_slice(self.inbox.as_bytes());
                out.extend_from_slice(b" 256\r\n");
                out.extend_from_slice(text.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            Address::Redis(_) => {
                out.extend_from_slice(b"*5\r\n$4\r\nXADD\r\n$5\r\nbench\r\n$1\r\n*\r\n$1\r\np\r\n$256\r\n");
                out.extend_from_slice(text.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
        }
    }
}

/// The router's event.
pub fn event(key: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":\"external.bench\",\"source\":\"bench\",\"idempotency_key\":\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\",\"payload\":");
    out.extend_from_slice(text.as_bytes());
    out.push(b'}');
}

/// A payload of `PAYLOAD` bytes with a time in nanoseconds in it.
pub fn payload(out: &mut String, time_ns: u64) {
    use std::fmt::Write as _;
    const REST: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ \
        abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ \
        abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ \
        abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ ";
    out.clear();
    let _ = write!(out, "{{\"t\":{time_ns},\"p\":\"");
    let room = PAYLOAD - out.len() - 2;
    out.push_str(&REST[..room]);
    out.push_str("\"}");
}

/// The time in an event's bytes.
pub fn time_of(bytes: &[u8]) -> Option<u64> {
    let at = find(bytes, b"\"t\":")? + 4;
    let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit());
    Some(digits.fold(0, |n, b| n * 10 + u64::from(b - b'0')))
}

/// Where a short text begins.
pub fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    match wanted {
        [one] => memchr::memchr(*one, bytes),
        _ => memchr::memmem::find(bytes, wanted),
    }
}

fn router(bytes: &[u8]) -> (Option<Frame<'_>>, usize) {
    let Some(end) = memchr::memchr(0, bytes) else { return (None, 0) };
    let frame = &bytes[..end];
    let kind = if frame.starts_with(b"{\"parameters\":{\"results\":[{\"seq\":") {
        Frame::Ack
    } else if let Some(rest) =
        frame.strip_prefix(b"{\"parameters\":{\"seq\":").filter(|_| frame.ends_with(b",\"continues\":true}"))
    {
        let digits = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(0);
        Frame::Event(frame, &rest[..digits])
    } else {
        Frame::Other(frame)
    };
    (Some(kind), end + 1)
}

fn line(bytes: &[u8]) -> Option<&[u8]> {
    let end = memchr::memchr(b'\n', bytes)?;
    bytes[..end].strip_suffix(b"\r")
}

fn nats(bytes: &[u8]) -> Result<(Option<Frame<'_>>, usize)> {
    let Some(head) = line(bytes) else { return Ok((None, 0)) };
    let after = head.len() + 2;
    if !head.starts_with(b"MSG ") {
        return Ok((Some(Frame::Other(head)), after));
    }
    let words: Vec<&[u8]> = head.split(|b| *b == b' ').collect();
    let size: usize = std::str::from_utf8(words[words.len() - 1])?.parse().context("the size of a NATS message")?;
    if bytes.len() < after + size + 2 {
        return Ok((None, 0));
    }
    let body = &bytes[after..after + size];
    // By the number of the subscription: a delivery has the subject that it was published with.
    let frame = match words[2] {
        b"1" if body.starts_with(b"{\"stream\":") => Frame::Ack,
        b"2" => Frame::Event(body, b""),
        _ => Frame::Other(body),
    };
    Ok((Some(frame), after + size + 2))
}

fn redis(bytes: &[u8]) -> Result<(Option<Frame<'_>>, usize)> {
    let Some(head) = line(bytes) else { return Ok((None, 0)) };
    let after = head.len() + 2;
    if head.first() != Some(&b'$') {
        return Ok((Some(Frame::Other(head)), after));
    }
    let size: usize = std::str::from_utf8(&head[1..])?.parse().context("the size of a Redis string")?;
    if bytes.len() < after + size + 2 {
        return Ok((None, 0));
    }
    let body = &bytes[after..after + size];
    // Ids of entries answer XADD; entries of a range carry them too, with the payload behind.
    let frame = if size == PAYLOAD { Frame::Event(body, b"") } else { Frame::Ack };
    Ok((Some(frame), after + size + 2))
}
