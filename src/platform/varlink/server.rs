//! The server: a thread a connection, calls answered in order, bad frames answered and survived.
use super::budget::{Budget, ConnectionBudget};
use super::frame::{FRAME_TIMEOUT, FrameError, Frames, frame};
use super::peer::Caller;
use crate::contract::rights::{self, Verdict};
use crate::contract::text::clean_json;
use crate::contract::wire::{Call, ErrorParameters, MAX_DEPTH, Reply, errors, field_of, is_too_deep};
use crate::platform::threads;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Of a connection's thread, bytes.
const STACK_BYTES: usize = 512 * 1024;
/// What a call that is parsed takes of memory, by its text.
const PARSED_SIZE_FACTOR: usize = 8;

/// Where replies go.
pub trait Replies {
    /// Sends one reply; an error means that the other end is gone.
    fn send(&mut self, reply: &Reply) -> io::Result<()>;
}

/// What a socket offers.
pub trait Service: Send + Sync {
    /// Vendor, product and version for GetInfo are the suite's; here the interfaces: name and description in Varlink's
    /// language.
    fn interfaces(&self) -> Vec<(&'static str, &'static str)>;
    /// Answers one call; for `more` it may send several replies, the last one without `continues`.
    fn call(&self, caller: &Caller, call: &Call, replies: &mut dyn Replies) -> io::Result<()>;
}

struct Stream<'a>(&'a UnixStream);

impl Replies for Stream<'_> {
    fn send(&mut self, reply: &Reply) -> io::Result<()> {
        let frame = frame(reply).or_else(|too_long| {
            // A caller whose connection just ended would ask again for ever.
            tracing::error!("an answer cannot be sent: {too_long}");
            frame(&failure(errors::INTERNAL, format!("the answer would be {too_long}; ask for less")))
        })?;
        (&mut self.0).write_all(&frame)
    }
}

impl<S: Service + ?Sized> Service for Arc<S> {
    fn interfaces(&self) -> Vec<(&'static str, &'static str)> {
        (**self).interfaces()
    }
    fn call(&self, caller: &Caller, call: &Call, replies: &mut dyn Replies) -> io::Result<()> {
        (**self).call(caller, call, replies)
    }
}

/// Accepts connections for ever, each in a thread of its own, as far as its user's budget goes; `make` builds what one
/// connection sees.
pub fn serve<S, M>(name: &'static str, listener: &UnixListener, budget: &Arc<Budget>, make: M) -> !
where
    S: Service,
    M: Fn(&UnixStream) -> io::Result<S> + Send + Sync + 'static,
{
    let make = Arc::new(make);
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => continue,
            Err(error) => {
                tracing::error!(%error, socket = name, "accepting a connection");
                // Out of descriptors, most likely: connections that end give some back.
                std::thread::park_timeout(Duration::from_millis(100));
                continue;
            }
        };
        let Some((caller, seat)) = admit(&stream, budget) else { continue };
        let make = Arc::clone(&make);
        let spawned = threads::guest(name, STACK_BYTES, move || match make(&stream) {
            Ok(service) => serve_connection(&stream, &caller, seat, &service),
            Err(error) => tracing::error!(%error, socket = name, "setting up a connection"),
        });
        if let Err(error) = spawned {
            tracing::error!(%error, socket = name, "starting a thread for a connection");
        }
    }
}

/// Who connects, and his place; nothing if he is turned away.
fn admit(stream: &UnixStream, budget: &Arc<Budget>) -> Option<(Caller, ConnectionBudget)> {
    let caller = match Caller::of(stream) {
        Ok(caller) => caller,
        Err(error) => {
            tracing::warn!(%error, "rejected a caller without credentials");
            return None;
        }
    };
    match budget.seat(&caller) {
        Ok(seat) => Some((caller, seat)),
        Err(over) => {
            // Into the empty buffer of a new connection; one that is gone already need not know.
            let _ = Stream(stream).send(&failure(errors::TOO_MANY, over.to_string()));
            None
        }
    }
}

/// Serves one connection to its end.
pub fn serve_connection(stream: &UnixStream, caller: &Caller, mut seat: ConnectionBudget, service: &dyn Service) {
    let mut frames = Frames::new(stream);
    let mut out = Stream(stream);
    loop {
        let frame = match next(&mut frames, &mut seat, FRAME_TIMEOUT) {
            Ok(Some(frame)) => frame,
            Ok(None) | Err(FrameError::Io(_)) => return,
            Err(error) => {
                // The other end may have stopped reading; nothing more can be done for it then.
                let name =
                    if matches!(error, FrameError::OverBudget(_)) { errors::TOO_MANY } else { errors::BAD_FRAME };
                let _ = out.send(&failure(name, error.to_string()));
                return;
            }
        };
        // What a call takes while it is at work is many times its text.
        let held = seat.hold(frame.len() * PARSED_SIZE_FACTOR + frames.buffered()).and_then(|()| seat.work(1));
        let done = match held {
            Ok(()) => one(caller, &frame, service, &mut out),
            Err(over) => out.send(&failure(errors::TOO_MANY, over.to_string())),
        };
        drop(frame);
        let freed = seat.work(0).and_then(|()| seat.hold(frames.buffered()));
        if done.is_err() || freed.is_err() {
            return;
        }
    }
}

/// The next frame: whole within its time, and within its sender's budget while it comes.
fn next(
    frames: &mut Frames<&UnixStream>,
    seat: &mut ConnectionBudget,
    patience: Duration,
) -> Result<Option<Vec<u8>>, FrameError> {
    let mut begun: Option<Instant> = None;
    let found = frames.next_watched(|stream, unfinished| {
        if unfinished > 0 {
            let left = patience.saturating_sub(begun.get_or_insert_with(Instant::now).elapsed());
            if left.is_zero() {
                return Err(FrameError::Slow);
            }
            stream.set_read_timeout(Some(left))?;
        }
        Ok(seat.hold(unfinished)?)
    });
    if begun.is_some() {
        // Between two frames a caller may take as long as it likes.
        frames.stream().set_read_timeout(None)?;
    }
    match found {
        Err(FrameError::Io(e)) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Err(FrameError::Slow)
        }
        found => found,
    }
}

fn one(caller: &Caller, frame: &[u8], service: &dyn Service, out: &mut dyn Replies) -> io::Result<()> {
    if is_too_deep(frame) {
        return out.send(&failure(errors::BAD_FRAME, format!("nested deeper than {MAX_DEPTH}")));
    }
    match serde_json::from_slice::<Call>(frame) {
        Ok(call) => answer(caller, &call, service, out),
        Err(error) => out.send(&failure(errors::BAD_FRAME, format!("not a Varlink call: {error}"))),
    }
}

fn failure(name: &str, message: String) -> Reply {
    Reply::error(name, &ErrorParameters { message, ..Default::default() })
}

fn answer(caller: &Caller, call: &Call, service: &dyn Service, out: &mut dyn Replies) -> io::Result<()> {
    let interfaces = service.interfaces();
    match call.method.as_str() {
        "org.varlink.service.GetInfo" => {
            let mut names = vec!["org.varlink.service"];
            names.extend(interfaces.iter().map(|(name, _)| *name));
            out.send(&Reply::ok(&json!({
                "vendor": "ringrift", "product": "ringrift", "version": env!("CARGO_PKG_VERSION"),
                "url": env!("CARGO_PKG_REPOSITORY"), "interfaces": names,
            })))
        }
        "org.varlink.service.GetInterfaceDescription" => {
            let wanted = call.parameters.get("interface").and_then(Value::as_str).unwrap_or_default();
            match interfaces.iter().find(|(name, _)| *name == wanted) {
                Some((_, description)) => out.send(&Reply::ok(&json!({ "description": description }))),
                None => out.send(&Reply::error(errors::INTERFACE_NOT_FOUND, &json!({ "interface": wanted }))),
            }
        }
        method => {
            let interface = method.rsplit_once('.').map_or("", |(interface, _)| interface);
            if !interfaces.iter().any(|(name, _)| *name == interface) {
                return out.send(&Reply::error(errors::INTERFACE_NOT_FOUND, &json!({ "interface": interface })));
            }
            match rights::judge(method, caller.class) {
                Verdict::Allowed => service.call(caller, call, out),
                Verdict::Denied(need) => out.send(&failure(errors::PERMISSION_DENIED, caller.denied(method, need))),
                Verdict::Unknown => out.send(&Reply::error(errors::METHOD_NOT_FOUND, &json!({ "method": method }))),
            }
        }
    }
}

/// Reads a call's arguments, every text in them clean; the error reply names the field, what was expected, what was
/// given.
pub fn parse<T: DeserializeOwned + Serialize>(call: &Call) -> Result<T, Box<Reply>> {
    serde_path_to_error::deserialize(clean_json(Value::Object(call.parameters.clone())))
        .map_err(|error| Box::new(Reply::error(errors::INVALID_PARAMETER, &wrong(&error))))
}

/// The same from JSON text, for those who have not read it into a tree.
pub fn parse_text<T: DeserializeOwned>(text: &str) -> Result<T, ErrorParameters> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text)).map_err(|error| wrong(&error))
}

fn wrong(error: &serde_path_to_error::Error<serde_json::Error>) -> ErrorParameters {
    ErrorParameters { message: error.inner().to_string(), parameter: field_of(error), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::rights::Class;
    use crate::platform::varlink::{Limits, Peer};
    use std::io::{Read, Write};

    fn stranger() -> Caller {
        Caller { peer: Peer { uid: 61_001, gids: vec![61_001], pid: 1 }, class: Class::Anybody }
    }

    struct Nothing;

    impl Service for Nothing {
        fn interfaces(&self) -> Vec<(&'static str, &'static str)> {
            Vec::new()
        }
        fn call(&self, _caller: &Caller, _call: &Call, _replies: &mut dyn Replies) -> io::Result<()> {
            Ok(())
        }
    }

    /// A connection of a outside user that has sent so much of a frame, and has sent it all when this returns.
    fn unfinished(budget: &Arc<Budget>, bytes: usize) -> UnixStream {
        let (mut ours, theirs) = UnixStream::pair().expect("a pair");
        let seat = budget.seat(&stranger()).expect("room for a connection");
        std::thread::spawn(move || serve_connection(&theirs, &stranger(), seat, &Nothing));
        let _ = ours.write_all(&vec![b' '; bytes]);
        ours
    }

    #[test]
    fn a_peer_s_unfinished_frames_are_bounded_and_timed() {
        let budget = Budget::new();
        let most = Limits::of(Class::Anybody).bytes;
        let part = most / 4;
        let mut streams: Vec<UnixStream> = (0..5).map(|_| unfinished(&budget, part + 16 * 1024)).collect();
        // One of them was too much; the others are as they were.
        let mut told = 0;
        for stream in &mut streams {
            stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
            let mut reply = Vec::new();
            let _ = stream.read_to_end(&mut reply);
            told += usize::from(String::from_utf8_lossy(&reply).contains(errors::TOO_MANY));
        }
        assert!((1..5).contains(&told), "{told} of 5 were told");
        assert!(budget.refused() >= 1);
        // A frame that does not come to its end.
        let (mut ours, theirs) = UnixStream::pair().expect("a pair");
        let mut seat = Budget::new().seat(&stranger()).expect("room");
        ours.write_all(b"{\"method\":").expect("written");
        let mut frames = Frames::new(&theirs);
        let slow = next(&mut frames, &mut seat, Duration::from_millis(30)).expect_err("no end");
        assert!(matches!(slow, FrameError::Slow), "{slow}");
    }

    #[test]
    fn an_answer_that_is_too_long_is_an_error_for_its_caller() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        Stream(&theirs).send(&Reply::ok(&json!({ "text": "x".repeat(2 << 20) }))).expect("something is sent");
        let frame = Frames::new(ours).next_frame().expect("read").expect("an answer");
        let reply: Reply = serde_json::from_slice(&frame).expect("a reply");
        assert_eq!(reply.error.as_deref(), Some(errors::INTERNAL));
        assert!(
            reply.parameters["message"].as_str().is_some_and(|m| m.contains("ask for less")),
            "{:?}",
            reply.parameters
        );
    }

    #[test]
    fn too_deep_is_an_error_and_the_connection_lives() {
        let (mut ours, theirs) = UnixStream::pair().expect("a pair");
        let seat = Budget::new().seat(&stranger()).expect("room");
        std::thread::spawn(move || serve_connection(&theirs, &stranger(), seat, &Nothing));
        let mut client = Frames::new(ours.try_clone().expect("a clone"));
        ours.write_all(format!("{{\"method\":\"a.B\",\"parameters\":{{\"a\":{}\0", "[".repeat(500)).as_bytes())
            .expect("written");
        let deep = client.next_frame().expect("read").expect("an answer");
        assert!(String::from_utf8_lossy(&deep).contains("nested deeper"), "{}", String::from_utf8_lossy(&deep));
        ours.write_all(b"{\"method\":\"org.varlink.service.GetInfo\"}\0").expect("written");
        let info = client.next_frame().expect("read").expect("an answer");
        assert!(String::from_utf8_lossy(&info).contains("ringrift"));
    }
}
