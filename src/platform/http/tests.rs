//! The server on real sockets: floods, slow and oversized requests, foreign hosts. Waits have deadlines and name what
//! was seen last.
use super::*;
use crate::contract::daemon::{HttpRequest, HttpResponse};
use crate::until::until;
use std::io::{Read, Write};
use std::net::TcpStream as Stream;

/// Until something has to be seen.
const DEADLINE: Duration = Duration::from_secs(60);
/// Short in place of the shipped ones where a test waits for the limit itself.
const QUICK: Times = Times { head: Duration::from_millis(300), answer: Duration::from_millis(300) };
const SHIPPED: Times = Times { head: HEAD, answer: super::DEADLINE };

fn echo() -> Answer {
    Arc::new(|r: HttpRequest| HttpResponse {
        status: if r.path == "/ill" { 503 } else { 200 },
        content_type: "application/json",
        body: format!("{}?{}", r.path, r.query),
    })
}

/// A server of its own on a free port of the loopback.
fn house(answer: &Answer, times: Times, room: Room) -> (SocketAddr, Arc<House>) {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
    let house = House::new(answer, Names::new("node7", &[]), times, room);
    open(&[free], Arc::clone(&house)).expect("serves");
    (free, house)
}

fn server(answer: &Answer, times: Times, room: Room) -> SocketAddr {
    house(answer, times, room).0
}

fn connect(server: SocketAddr) -> Stream {
    let stream = Stream::connect(server).expect("connects");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    stream
}

/// Connects from another address of the loopback.
fn connect_from(n: u8, server: SocketAddr) -> Stream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, n], 0))).expect("an address of the loopback");
        socket.connect(server).await.expect("connects").into_std().expect("a socket")
    });
    stream.set_nonblocking(false).expect("blocking");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    stream
}

/// All that comes until the other end closes.
fn rest(stream: &mut Stream) -> String {
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        panic!("{error} after {:?}", String::from_utf8_lossy(&bytes));
    }
    String::from_utf8(bytes).expect("text")
}

fn ask_on(stream: &mut Stream, request: &str) -> String {
    stream.write_all(request.as_bytes()).expect("writes");
    rest(stream)
}

fn ask(server: SocketAddr, request: &str) -> String {
    ask_on(&mut connect(server), request)
}

const GET: &str = "GET /a/b?x=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Whether the other end has closed the connection; within the deadline.
fn closed(stream: &mut Stream) -> bool {
    match stream.read(&mut [0; 1]) {
        Ok(n) => n == 0,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn requests_reach_the_function_and_its_answer_comes_back() {
    let at = server(&echo(), SHIPPED, ROOM);
    let text = ask(at, GET);
    assert!(
        text.starts_with("HTTP/1.1 200") && text.contains("application/json") && text.ends_with("\r\n\r\n/a/b?x=1"),
        "{text}"
    );
    assert!(text.contains("nosniff") && text.contains("no-store"), "{text}");
    assert!(ask(at, &GET.replace("/a/b", "/ill")).starts_with("HTTP/1.1 503"));
    let taken = open(&[at], House::new(&echo(), Names::default(), SHIPPED, ROOM)).expect_err("taken");
    assert!(taken.to_string().contains(&at.to_string()), "{taken}");
}

#[test]
fn head_is_get_without_the_body() {
    let at = server(&echo(), SHIPPED, ROOM);
    let text = ask(at, &GET.replace("GET", "HEAD"));
    assert!(text.starts_with("HTTP/1.1 200") && text.to_lowercase().contains("content-length: 8\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\n"), "no body: {text}");
    assert!(ask(at, &GET.replace("GET /a/b", "HEAD /ill")).starts_with("HTTP/1.1 503"));
}

#[test]
fn what_is_no_plain_question_is_refused_with_its_status() {
    let at = server(&echo(), SHIPPED, ROOM);
    let close = "Connection: close\r\n\r\n";
    let long = "x".repeat(5000);
    let huge = "x".repeat(20_000);
    for (request, status) in [
        (format!("GET / HTTP/1.1\r\nHost: evil.example\r\n{close}"), "421"),
        (format!("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n{close}"), "421"),
        (format!("GET / HTTP/1.1\r\n{close}"), "400"),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n{close}"), "400"),
        (format!("GET / HTTP/1.0\r\n{close}"), "200"),
        (format!("GET / HTTP/1.1\r\nHost: NODE7:8790\r\n{close}"), "200"),
        (format!("GET / HTTP/1.1\r\nHost: [::1]:8790\r\n{close}"), "200"),
        (format!("GET http://127.0.0.1/ HTTP/1.1\r\nHost: evil.example\r\n{close}"), "200"),
        (format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n{close}"), "414"),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {huge}\r\n{close}"), "431"),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}{close}", "X: y\r\n".repeat(150)), "431"),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n{close}hello"), "413"),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n{close}"), "413"),
        (
            format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n{close}5\r\nhello\r\n0\r\n\r\n"
            ),
            "413",
        ),
        (format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n{close}hi"), "405"),
        (format!("DELETE / HTTP/1.1\r\nHost: localhost\r\n{close}"), "405"),
        ("\0\x01 nonsense\r\n\r\n".to_owned(), "400"),
    ] {
        let text = ask(at, &request);
        let head: String = request.chars().take(80).collect();
        assert!(
            text.starts_with(&format!("HTTP/1.1 {status}")) || text.starts_with(&format!("HTTP/1.0 {status}")),
            "{head:?}: {text}"
        );
        assert_eq!(status == "405", text.to_lowercase().contains("allow: get, head"), "{text}");
    }
}

#[test]
fn two_requests_on_one_connection_are_two_answers() {
    let at = server(&echo(), SHIPPED, ROOM);
    let keep = GET.replace("Connection: close\r\n", "");
    let text = ask(at, &format!("{keep}{GET}"));
    assert_eq!(text.matches("HTTP/1.1 200").count(), 2, "{text}");
}

/// 1,130 such connections used to be the end of the daemon.
#[test]
fn an_idle_flood_from_two_addresses_bars_nobody() {
    // Ours and the server's ends are in one process.
    let (_, hard) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).expect("a limit");
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE, hard.min(8192), hard).expect("raised");
    let at = server(&echo(), SHIPPED, ROOM);
    let mut flood: Vec<Stream> = (0..1500_u16).map(|n| connect_from(if n % 2 == 0 { 2 } else { 3 }, at)).collect();
    for _ in 0..20 {
        let text = ask(at, GET);
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    }
    let mut gone = 0;
    for stream in flood.iter_mut().take(1500 - 2 * ROOM.each) {
        gone += usize::from(closed(stream));
    }
    assert_eq!(gone, 1500 - 2 * ROOM.each, "the oldest gave way");
}

#[test]
fn with_all_places_taken_an_operator_takes_that_of_the_fullest() {
    let at = server(&echo(), SHIPPED, Room { all: 8, each: 4 });
    let mut flood: Vec<Stream> = (0..8_u8).map(|n| connect_from(2 + n / 4, at)).collect();
    assert!(ask(at, GET).starts_with("HTTP/1.1 200"));
    assert!(closed(&mut flood[0]), "the oldest of the fullest peer");
}

#[test]
fn without_a_place_the_answer_is_503_at_once() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = Mutex::new(held);
    let (begun, begins) = std::sync::mpsc::channel();
    let answer: Answer = Arc::new(move |_| {
        let _ = begun.send(());
        let _ = lock(&held).recv();
        HttpResponse { status: 200, content_type: "text/plain", body: "done".into() }
    });
    let at = server(&answer, SHIPPED, Room { all: 2, each: 2 });
    let mut at_work: Vec<Stream> = (0..2).map(|_| connect(at)).collect();
    for stream in &mut at_work {
        stream.write_all(GET.as_bytes()).expect("writes");
        begins.recv_timeout(DEADLINE).expect("the request is being answered");
    }
    let text = ask(at, GET);
    assert!(text.starts_with("HTTP/1.1 503") && text.contains("too many active connections"), "{text}");
    drop(hold);
    for stream in &mut at_work {
        assert!(rest(stream).ends_with("done"));
    }
    assert!(ask(at, GET).starts_with("HTTP/1.1 200"), "there is room again");
}

#[test]
fn slow_headers_and_idle_connections_are_closed() {
    let at = server(&echo(), QUICK, ROOM);
    let mut idle = connect(at);
    let mut slow = connect(at);
    let begun = Instant::now();
    // A byte at a time, far from the end: the headers' time is for all of them together.
    let mut sent = 0;
    while begun.elapsed() < DEADLINE && slow.write_all(b"G").is_ok() {
        sent += 1;
        slow.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
        match slow.read(&mut [0; 1]) {
            Ok(_) => break,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    assert!(begun.elapsed() < DEADLINE, "{sent} bytes were taken");
    assert!(closed(&mut idle), "nothing was asked");
    let mut kept = connect(at);
    kept.write_all(GET.replace("Connection: close\r\n", "").as_bytes()).expect("writes");
    assert!(rest(&mut kept).starts_with("HTTP/1.1 200"), "answered, then closed for want of a second request");
}

#[test]
fn who_does_not_read_his_answer_is_closed() {
    let answer: Answer =
        Arc::new(|_| HttpResponse { status: 200, content_type: "text/plain", body: "x".repeat(32 << 20) });
    let (at, house) = house(&answer, QUICK, ROOM);
    let mut deaf = connect(at);
    deaf.write_all(GET.replace("Connection: close\r\n", "").as_bytes()).expect("writes");
    deaf.read_exact(&mut [0; 12]).expect("the beginning of the answer");
    until("the connection to be closed", DEADLINE, || match lock(&house.guests) {
        guests if guests.count() == 0 => Ok(()),
        guests => Err(format!("{guests:?}")),
    });
}

#[test]
fn an_answer_that_takes_too_long_is_503() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = Mutex::new(held);
    let answer: Answer = Arc::new(move |_| {
        let _ = lock(&held).recv();
        HttpResponse { status: 200, content_type: "text/plain", body: String::new() }
    });
    let text = ask(server(&answer, QUICK, ROOM), GET);
    assert!(text.starts_with("HTTP/1.1 503") && text.contains("timeout: the daemon is busy"), "{text}");
    drop(hold);
}

#[test]
fn a_handler_that_panics_is_an_answer() {
    let answer: Answer =
        Arc::new(|r: HttpRequest| if r.path == "/panic" { panic!("as the test wants") } else { echo()(r) });
    let at = server(&answer, SHIPPED, ROOM);
    for _ in 0..2 * TURNS {
        assert!(ask(at, &GET.replace("/a/b", "/panic")).starts_with("HTTP/1.1 500"));
    }
    assert!(ask(at, GET).starts_with("HTTP/1.1 200"), "no turn was lost");
}

#[test]
fn errors_of_accept_are_told_apart() {
    use nix::errno::Errno;
    for newcomer in [Errno::ECONNABORTED, Errno::ECONNRESET, Errno::EINTR, Errno::ENETUNREACH, Errno::EHOSTUNREACH] {
        assert!(of_the_newcomer(&newcomer.into()), "{newcomer}");
    }
    for here in [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::ENOBUFS] {
        assert!(!of_the_newcomer(&here.into()), "{here}");
    }
}
