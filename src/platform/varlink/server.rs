//! The server: a thread a connection, calls answered in order, bad frames answered and survived.
use super::frame::{FrameError, Frames, write_frame};
use super::peer::Caller;
use crate::contract::text::clean_json;
use crate::contract::wire::{Call, ErrorParameters, Reply, errors};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

/// Where replies go.
pub trait Replies {
    /// Sends one reply; an error means that the other end is gone.
    fn send(&mut self, reply: &Reply) -> io::Result<()>;
}

/// What a socket offers.
pub trait Service: Send + Sync {
    /// Vendor, product and version for GetInfo are the suite's; here the interfaces: name and description in Varlink's language.
    fn interfaces(&self) -> Vec<(&'static str, &'static str)>;
    /// Answers one call; for `more` it may send several replies, the last one without `continues`.
    fn call(&self, caller: &Caller, call: &Call, replies: &mut dyn Replies) -> io::Result<()>;
}

struct Stream<'a>(&'a UnixStream);

impl Replies for Stream<'_> {
    fn send(&mut self, reply: &Reply) -> io::Result<()> {
        write_frame(&mut self.0, reply)
    }
}

/// Accepts connections for ever, each in a thread of its own.
pub fn serve(listener: &UnixListener, service: &Arc<dyn Service>) -> io::Result<()> {
    loop {
        let (stream, _) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => continue,
            Err(e) => return Err(e),
        };
        let service = Arc::clone(service);
        std::thread::Builder::new().name("varlink".into()).stack_size(256 * 1024).spawn(move || serve_connection(&stream, &*service))?;
    }
}

/// Serves one connection to its end.
pub fn serve_connection(stream: &UnixStream, service: &dyn Service) {
    let caller = match Caller::of(stream) {
        Ok(caller) => caller,
        Err(error) => {
            tracing::warn!(%error, "a caller without credentials is turned away");
            return;
        }
    };
    let mut frames = Frames::new(stream);
    let mut out = Stream(stream);
    loop {
        let frame = match frames.next_frame() {
            Ok(Some(frame)) => frame,
            Ok(None) | Err(FrameError::Io(_)) => return,
            Err(error) => {
                // The other end may have stopped reading; nothing more can be done for it then.
                let _ = out.send(&failure(errors::BAD_FRAME, error.to_string()));
                return;
            }
        };
        let done = match serde_json::from_slice::<Call>(&frame) {
            Ok(call) => answer(&caller, &call, service, &mut out),
            Err(error) => out.send(&failure(errors::BAD_FRAME, format!("no Varlink call: {error}"))),
        };
        if done.is_err() {
            return;
        }
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
            if interfaces.iter().any(|(name, _)| *name == interface) {
                service.call(caller, call, out)
            } else {
                out.send(&Reply::error(errors::INTERFACE_NOT_FOUND, &json!({ "interface": interface })))
            }
        }
    }
}

/// Reads a call's arguments, every text in them clean; the error reply names the field, what was expected, what was given.
pub fn parse<T: DeserializeOwned + Serialize>(call: &Call) -> Result<T, Box<Reply>> {
    serde_path_to_error::deserialize(clean_json(Value::Object(call.parameters.clone())))
        .map_err(|error| Box::new(Reply::error(errors::INVALID_PARAMETER, &wrong(&error))))
}

/// The same from JSON text, for those who have not read it into a tree.
pub fn parse_text<T: DeserializeOwned>(text: &str) -> Result<T, ErrorParameters> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text)).map_err(|error| wrong(&error))
}

fn wrong(error: &serde_path_to_error::Error<serde_json::Error>) -> ErrorParameters {
    let (path, message) = (error.path().to_string(), error.inner().to_string());
    // A field that is missing or unknown stands in the words, not in the path.
    let named = message.split('`').nth(1).map(str::to_owned);
    let parameter = if path == "." { named } else { Some(path) };
    ErrorParameters { message, reasons: Vec::new(), parameter }
}
