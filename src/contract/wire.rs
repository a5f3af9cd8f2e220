//! Varlink frames: what stands between the NUL bytes. Bytes and sockets are the platform's.
use super::error::Permanence;
use super::reason::ReasonCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::io::ErrorKind;

/// Longest frame that is read or written, in bytes without the NUL.
pub const MAX_FRAME: usize = 1 << 20;
/// Arrays and objects within each other in a frame that is read. What is accepted can be passed on inside another
/// frame, and read there by parsers that stop at 128.
pub const MAX_DEPTH: usize = 112;

/// Whether JSON text is nested deeper than is read, looked at before it is parsed.
pub fn is_too_deep(text: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0usize, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return true;
                }
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// A call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// `<interface>.<Method>`.
    pub method: String,
    /// The arguments.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// Several replies are wanted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// No reply is wanted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub oneway: bool,
}

/// A reply; with `error` it is a failure.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reply {
    /// The results, or the error's parameters.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// More replies follow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
    /// Name of the error, `<interface>.<Name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Call {
    /// A call with typed arguments.
    pub fn new(method: impl Into<String>, parameters: &impl Serialize) -> Call {
        Call { method: method.into(), parameters: to_map(parameters), more: false, oneway: false }
    }
}

impl Reply {
    /// A last reply with typed results.
    pub fn ok(parameters: &impl Serialize) -> Reply {
        Reply { parameters: to_map(parameters), continues: false, error: None }
    }
    /// One of several replies.
    pub fn more(parameters: &impl Serialize) -> Reply {
        Reply { continues: true, ..Reply::ok(parameters) }
    }
    /// A failure.
    pub fn error(name: impl Into<String>, parameters: &impl Serialize) -> Reply {
        Reply { parameters: to_map(parameters), continues: false, error: Some(name.into()) }
    }
}

/// A struct as a JSON object; fields without a value are left out.
pub fn to_map(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map.into_iter().filter(|(_, v)| !v.is_null()).collect(),
        Ok(Value::Null) => Map::new(),
        other => unreachable!("parameters are structs: {other:?}"),
    }
}

/// Names of errors. Those of `org.varlink.service` are the protocol's own.
pub mod errors {
    /// The interface is not served here.
    pub const INTERFACE_NOT_FOUND: &str = "org.varlink.service.InterfaceNotFound";
    /// No such method.
    pub const METHOD_NOT_FOUND: &str = "org.varlink.service.MethodNotFound";
    /// A parameter is missing, wrong or unknown.
    pub const INVALID_PARAMETER: &str = "org.varlink.service.InvalidParameter";
    /// The caller may not call this method.
    pub const PERMISSION_DENIED: &str = "org.varlink.service.PermissionDenied";
    /// The method streams: call it with `more`.
    pub const EXPECTED_MORE: &str = "org.varlink.service.ExpectedMore";
    /// The frame is no JSON object of a call.
    pub const BAD_FRAME: &str = "org.ringrift.BadFrame";
    /// The payload does not fit its type: field, expected, got.
    pub const BAD_PAYLOAD: &str = "org.ringrift.BadPayload";
    /// The database's file system is full; nothing was stored.
    pub const OUT_OF_SPACE: &str = "org.ringrift.OutOfSpace";
    /// Too many calls in flight on one connection.
    pub const TOO_MANY: &str = "org.ringrift.TooMany";
    /// No such event, job, artefact or subscriber.
    pub const NOT_FOUND: &str = "org.ringrift.NotFound";
    /// Refused by a limit or gate; the reasons are in `reasons`.
    pub const REFUSED: &str = "org.ringrift.Refused";
    /// The token is not the current one: the caller has been fenced off.
    pub const FENCED: &str = "org.ringrift.Fenced";
    /// Something failed that is not the caller's fault; `message` says what.
    pub const INTERNAL: &str = "org.ringrift.Internal";
}

/// Parameters of our errors.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ErrorParameters {
    /// What happened, for people.
    #[serde(default)]
    pub message: String,
    /// Every reason against, where the call was refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What kind each reason is, in their order; absent from a version that did not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<ReasonCode>,
    /// The parameter or field concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
}

/// The field that an error of serde's is about. A missing, unknown or doubled one has no path: serde_json names it in
/// its words alone.
pub fn field_of(error: &serde_path_to_error::Error<serde_json::Error>) -> Option<String> {
    let (path, words) = (error.path().to_string(), error.inner().to_string());
    if path != "." {
        return Some(path);
    }
    let rest = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|start| words.strip_prefix(start))?;
    rest.split_once('`').map(|(name, _)| name.to_owned())
}

/// A call that failed at the other end, or did not get there.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The other end answered with an error.
    #[error("{method}: {name}: {}", describe(.parameters))]
    Answer {
        /// The method called.
        method: String,
        /// The error's name.
        name: String,
        /// What it said.
        parameters: Box<ErrorParameters>,
    },
    /// No answer: the socket is absent, refused, closed or silent.
    #[error("{method} over {socket}: {why}")]
    Transport {
        /// The method called.
        method: String,
        /// The socket's path.
        socket: String,
        /// What kind of error it was. Other: not the system's; the other end speaks another language.
        kind: ErrorKind,
        /// The same for people.
        why: String,
    },
}

impl CallError {
    /// Whether the other end answered with this error.
    pub fn is(&self, wanted: &str) -> bool {
        matches!(self, CallError::Answer { name, .. } if name == wanted)
    }
    /// Whether the same call can go otherwise another time. It cannot where the other end found the arguments
    /// themselves wrong.
    pub fn permanence(&self) -> Permanence {
        match [errors::INVALID_PARAMETER, errors::BAD_PAYLOAD].iter().any(|name| self.is(name)) {
            true => Permanence::Permanent,
            false => Permanence::Transient,
        }
    }
    /// Whether the system did not let the caller at the socket.
    pub fn is_barred(&self) -> bool {
        matches!(self, CallError::Transport { kind: ErrorKind::PermissionDenied, .. })
    }
    /// Whether trying again later may help: nobody answered.
    pub fn is_transport(&self) -> bool {
        matches!(self, CallError::Transport { .. })
    }
}

fn describe(p: &ErrorParameters) -> String {
    let mut parts: Vec<&str> = Vec::new();
    if !p.message.is_empty() {
        parts.push(&p.message);
    }
    if let Some(parameter) = &p.parameter {
        parts.push(parameter);
    }
    parts.extend(p.reasons.iter().map(String::as_str));
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_of_an_error_is_found_by_its_path_or_by_its_name() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Inner {
            #[expect(dead_code, reason = "only its type is asked for")]
            a: u8,
        }
        #[derive(Debug, Deserialize)]
        struct Outer {
            #[expect(dead_code, reason = "only its type is asked for")]
            inner: Inner,
        }
        let inner = |text: &str| {
            serde_path_to_error::deserialize::<_, Inner>(&mut serde_json::Deserializer::from_str(text)).err()
        };
        let outer = |text: &str| {
            serde_path_to_error::deserialize::<_, Outer>(&mut serde_json::Deserializer::from_str(text)).err()
        };
        let errors =
            [inner("{}"), inner(r#"{"b": 1}"#), inner(r#"{"a": -1}"#), outer(r#"{"inner": {"a": "x"}}"#), inner("7")];
        let fields = errors.map(|error| field_of(&error.expect("an error")));
        assert_eq!(fields.each_ref().map(Option::as_deref), [Some("a"), Some("b"), Some("a"), Some("inner.a"), None]);
    }

    #[test]
    fn depth_is_that_of_the_text_and_not_of_its_strings() {
        let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
        assert!(!is_too_deep(nested(MAX_DEPTH).as_bytes()));
        assert!(is_too_deep(nested(MAX_DEPTH + 1).as_bytes()));
        assert!(is_too_deep("[".repeat(1 << 20).as_bytes()), "it need not be whole");
        let text = serde_json::to_string(&"[{\"\\".repeat(200)).expect("JSON");
        assert!(!is_too_deep(text.as_bytes()), "brackets in a text are none");
        let wide = format!("[{}1]", "[],{},".repeat(1000));
        assert!(!is_too_deep(wide.as_bytes()), "many beside each other are not deep");
    }
}
