//! The router as a Varlink client sees it that shares no code with it: crate `varlink`, made by the protocol's authors.
use crate::world::Router;
use ringrift::contract::wire::errors;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, RwLock};
use varlink::{Connection, ErrorKind, MethodCall, OrgVarlinkServiceClient, OrgVarlinkServiceInterface};

type Call = MethodCall<Value, Value, varlink::Error>;

fn connect(dir: &Path) -> Arc<RwLock<Connection>> {
    Connection::with_address(&format!("unix:{}", dir.join("socket").display())).expect("the foreign client connects")
}

fn method(connection: &Arc<RwLock<Connection>>, name: &str, parameters: Value) -> Call {
    Call::new(connection.clone(), format!("org.ringrift.Router.{name}"), parameters)
}

/// Name and parameters of the error that a call ends with.
fn error(connection: &Arc<RwLock<Connection>>, name: &str, parameters: Value) -> (String, Value) {
    let failed = method(connection, name, parameters).call().expect_err("an error");
    match failed.kind() {
        ErrorKind::VarlinkErrorReply(reply) => {
            (reply.error.clone().expect("a name").into_owned(), reply.parameters.clone().unwrap_or(Value::Null))
        }
        ErrorKind::InvalidParameter(field) => (errors::INVALID_PARAMETER.into(), json!({ "parameter": field })),
        ErrorKind::MethodNotFound(name) => (errors::METHOD_NOT_FOUND.into(), json!({ "method": name })),
        ErrorKind::InterfaceNotFound(name) => (errors::INTERFACE_NOT_FOUND.into(), json!({ "interface": name })),
        other => panic!("no Varlink error: {other:?}"),
    }
}

#[test]
fn it_says_what_it_is_and_describes_its_interfaces() {
    let dir = tempfile::tempdir().expect("a directory");
    let _router = Router::start(dir.path(), &[]);
    let mut service = OrgVarlinkServiceClient::new(connect(dir.path()));
    let info = service.get_info().expect("GetInfo");
    assert_eq!((&*info.product, &*info.version), ("ringrift", env!("CARGO_PKG_VERSION")));
    assert_eq!(info.interfaces, ["org.varlink.service", "org.ringrift.Router"]);
    for interface in info.interfaces {
        let text =
            service.get_interface_description(interface.clone()).expect("a description").description.expect("its text");
        assert!(text.lines().any(|line| line == format!("interface {interface}")), "{text}");
    }
    let unknown = service.get_interface_description("org.example.Other").expect_err("not served");
    assert!(matches!(unknown.kind(), ErrorKind::InterfaceNotFound(name) if name == "org.example.Other"), "{unknown:?}");
}

#[test]
fn it_publishes_streams_and_acknowledges() {
    let dir = tempfile::tempdir().expect("a directory");
    let router = Router::start(dir.path(), &[]);
    let (caller, stream) = (connect(dir.path()), connect(dir.path()));
    let mut deliveries =
        method(&stream, "Subscribe", json!({"name": "foreign", "interest": {"types": ["external.f"]}}));
    let deliveries = deliveries.more().expect("a stream");
    let token =
        deliveries.next().expect("a first reply").expect("no error")["token"].as_str().expect("the token").to_owned();

    let events: Vec<Value> =
        (0..3).map(|n| json!({"type": "external.f", "payload": {"n": n}, "source": "foreign"})).collect();
    let published = method(&caller, "Publish", json!({ "events": events })).call().expect("stored");
    let seqs: Vec<u64> =
        published["results"].as_array().expect("results").iter().filter_map(|r| r["seq"].as_u64()).collect();
    assert_eq!(seqs.len(), 3);
    for (n, seq) in seqs.iter().enumerate() {
        let delivery = deliveries.next().expect("it goes on").expect("a delivery");
        assert_eq!(
            (delivery["seq"].as_u64(), delivery["event"]["payload"]["n"].as_u64()),
            (Some(*seq), Some(n as u64))
        );
        method(&caller, "Ack", json!({"name": "foreign", "token": token, "seqs": [seq]})).call().expect("acknowledged");
    }
    assert_eq!(router.caller().subscriber("foreign").map(|s| (s.lag, s.in_flight)), Some((0, 0)));

    // A replay ends by itself: the last reply says that none follows.
    let mut replay = method(&caller, "Replay", json!({"interest": {"types": ["external.f"]}}));
    let replies: Vec<Value> = replay.more().expect("a stream").collect::<Result<_, _>>().expect("no error");
    assert_eq!(replies.iter().filter(|r| r.get("event").is_some()).count(), 3);

    // A call without an answer, then one with: the second answer is its own.
    method(&caller, "Publish", json!({"events": events[..1]})).oneway().expect("sent");
    assert_eq!(method(&caller, "Stats", json!({})).call().expect("figures")["last_seq"].as_u64(), Some(4));
}

#[test]
fn its_errors_are_errors_to_others_and_the_connection_lives() {
    let dir = tempfile::tempdir().expect("a directory");
    let _router = Router::start(dir.path(), &[]);
    let caller = connect(dir.path());
    let publish = |events: Value| error(&caller, "Publish", json!({ "events": events }));
    let (name, parameters) =
        publish(json!([{"type": "exploration_boost", "payload": {"config_key": "hex8_2p", "boost_factor": "x"}}]));
    assert_eq!(
        (name.as_str(), &parameters["parameter"]),
        (errors::BAD_PAYLOAD, &json!("events[0].payload.boost_factor"))
    );
    assert!(parameters["message"].as_str().is_some_and(|m| m.contains("f64") && m.contains("\"x\"")), "{parameters}");
    let (name, parameters) = publish(json!([{"type": "external.f"}]));
    assert_eq!(
        (name.as_str(), &parameters["parameter"]),
        (errors::INVALID_PARAMETER, &json!("events[0]")),
        "{parameters}"
    );
    assert_eq!(error(&caller, "Nonsense", json!({})).0, errors::METHOD_NOT_FOUND);
    assert_eq!(error(&caller, "Subscribe", json!({"name": "x"})).0, errors::EXPECTED_MORE);
    assert_eq!(error(&caller, "Ack", json!({"name": "nobody", "token": "", "seqs": []})).0, errors::NOT_FOUND);
    let (name, parameters) = error(&caller, "Fetch", json!({"seq": 7}));
    assert!(name == errors::NOT_FOUND && parameters["message"].as_str().is_some_and(|m| !m.is_empty()), "{parameters}");
    let other = Call::new(caller.clone(), "org.example.Other.Do", json!({})).call().expect_err("not served");
    assert!(matches!(other.kind(), ErrorKind::InterfaceNotFound(name) if name == "org.example.Other"), "{other:?}");
    assert_eq!(method(&caller, "Stats", json!({})).call().expect("it lives")["last_seq"].as_u64(), Some(0));
}
