//! The blocking client.
use super::frame::{FrameError, Frames, write_frame};
use crate::contract::method::Method;
use crate::contract::wire::{Call, CallError, ErrorParameters, Reply};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A connection to a Varlink service.
#[derive(Debug)]
pub struct Client {
    socket: String,
    frames: Frames<UnixStream>,
}

impl Client {
    /// Connects. Reads and writes then wait at most `timeout`, or for ever when there is none.
    pub fn connect(path: impl AsRef<Path>, timeout: Option<Duration>) -> Result<Client, CallError> {
        let socket = path.as_ref().display().to_string();
        let fail = |why: io::Error| transport("connecting", &socket, &why);
        let stream = UnixStream::connect(path.as_ref()).map_err(fail)?;
        stream.set_read_timeout(timeout).map_err(fail)?;
        stream.set_write_timeout(timeout).map_err(fail)?;
        Ok(Client { socket, frames: Frames::new(stream) })
    }

    /// Waits longer or shorter for the next replies.
    pub fn set_timeout(&self, timeout: Option<Duration>) -> Result<(), CallError> {
        self.frames.stream().set_read_timeout(timeout).map_err(|e| transport("setting a timeout", &self.socket, &e))
    }

    /// The stream, to wait on it or shut it down from another thread.
    pub fn stream(&self) -> &UnixStream {
        self.frames.stream()
    }

    /// Calls a method and reads its one reply.
    pub fn call<R: DeserializeOwned>(&mut self, method: &str, parameters: &impl Serialize) -> Result<R, CallError> {
        self.send(&Call::new(method, parameters))?;
        self.receive(method).map(|(result, _)| result)
    }

    /// Calls a method of an interface that has a table of them.
    pub fn ask<M: Method>(&mut self, _: M, arguments: &M::Arguments) -> Result<M::Answer, CallError> {
        self.call(M::FULL_NAME, arguments)
    }

    /// Calls a method that streams; read the replies with `receive`.
    pub fn start(&mut self, method: &str, parameters: &impl Serialize) -> Result<(), CallError> {
        self.send(&Call { more: true, ..Call::new(method, parameters) })
    }

    /// Sends a call.
    pub fn send(&mut self, call: &Call) -> Result<(), CallError> {
        let mut stream = self.frames.stream();
        write_frame(&mut stream, call).map_err(|e| transport(&call.method, &self.socket, &e))
    }

    /// Reads the next reply of a call; the flag says whether more follow.
    pub fn receive<R: DeserializeOwned>(&mut self, method: &str) -> Result<(R, bool), CallError> {
        let frame = match self.frames.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) => return Err(self.broken(method, ErrorKind::UnexpectedEof, "the connection was closed".into())),
            Err(FrameError::Io(e)) => return Err(transport(method, &self.socket, &e)),
            Err(e) => return Err(self.broken(method, ErrorKind::InvalidData, e.to_string())),
        };
        let reply: Reply = serde_json::from_slice(&frame)
            .map_err(|e| self.broken(method, ErrorKind::Other, format!("not a Varlink reply: {e}")))?;
        match reply.error {
            Some(name) => {
                let parameters =
                    serde_json::from_value::<ErrorParameters>(Value::Object(reply.parameters)).unwrap_or_default();
                Err(CallError::Answer { method: method.into(), name, parameters: Box::new(parameters) })
            }
            None => serde_json::from_value(Value::Object(reply.parameters))
                .map(|result| (result, reply.continues))
                .map_err(|e| self.broken(method, ErrorKind::Other, format!("unexpected reply: {e}"))),
        }
    }

    fn broken(&self, method: &str, kind: ErrorKind, why: String) -> CallError {
        CallError::Transport { method: method.into(), socket: self.socket.clone(), kind, why }
    }
}

/// What the system said of a call, by its kind and in words.
fn transport(method: &str, socket: &str, error: &io::Error) -> CallError {
    CallError::Transport { method: method.into(), socket: socket.into(), kind: error.kind(), why: error.to_string() }
}
