//! One HTTP connection: what is refused before anybody is asked, the times that each step may take, and the end.
use super::house::{Answer, House, Seat};
use super::taken::Taken;
use crate::contract::daemon::{HttpRequest, HttpResponse};
use http_body_util::Full;
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest path with its query, bytes: 414.
const MAX_TARGET: usize = 4096;
/// Request line and headers together, bytes: 431.
const MAX_HEAD: usize = 16 * 1024;
/// What is read and thrown away of somebody who was refused, so that the refusal reaches him: bytes, and how long.
const LINGER: (usize, Duration) = (256 * 1024, Duration::from_secs(1));

type Answered = Response<Full<Bytes>>;

/// Why a request is refused before its path is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Method,
    Target,
    NoHost,
    Host,
    Body,
}

impl Refusal {
    fn answer(self) -> Answered {
        let (status, text) = match self {
            Refusal::Method => (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are supported\n"),
            Refusal::Target => (StatusCode::URI_TOO_LONG, "the path is too long\n"),
            Refusal::NoHost => (StatusCode::BAD_REQUEST, "an HTTP/1.1 request must have exactly one Host header\n"),
            Refusal::Host => (
                StatusCode::MISDIRECTED_REQUEST,
                "unknown host name; use this host's name, localhost or an IP address, or add the name to \
                    daemons.health_server.hosts\n",
            ),
            Refusal::Body => (StatusCode::PAYLOAD_TOO_LARGE, "requests must not have a body\n"),
        };
        let mut answer = plain(status, text);
        if self == Refusal::Method {
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        closing(answer)
    }
}

/// Talks until the peer goes, is silent for too long, or is refused.
pub(super) async fn talk(stream: TcpStream, port: u16, seat: Seat, house: Arc<House>) {
    let seat = Arc::new(seat);
    let service = service_fn(|request: Request<Incoming>| {
        let (house, seat) = (Arc::clone(&house), Arc::clone(&seat));
        async move {
            seat.busy();
            let answered = answer(&request, port, &house).await;
            seat.answered();
            Ok::<_, Infallible>(answered)
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // From the connection, or the last answer, to the end of the next request's headers.
        .header_read_timeout(house.times.head)
        .max_header_size(MAX_HEAD)
        .serve_connection(TokioIo::new(Taken::new(stream, house.times.answer)), service);
    if let Err(error) = (&mut connection).await {
        tracing::debug!(%error, "an HTTP connection ended");
    }
    linger(connection.into_parts().io.into_inner().into_inner()).await;
}

/// Answers that there is no room.
pub(super) async fn turn_away(mut stream: TcpStream) {
    let body = "too many active connections; close some or retry\n";
    let text = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\nretry-after: 5\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    if tokio::time::timeout(LINGER.1, stream.write_all(text.as_bytes())).await.is_ok_and(|written| written.is_ok()) {
        linger(stream).await;
    }
}

/// A socket that is closed while something unread lies in it takes back what was answered; so that is read first,
/// within bounds.
async fn linger(mut stream: TcpStream) {
    let drain = async {
        let (mut rest, mut buffer) = (LINGER.0, [0; 4096]);
        while rest > 0 {
            match stream.read(&mut buffer).await {
                Ok(n) if n > 0 => rest = rest.saturating_sub(n),
                _ => return,
            }
        }
    };
    // Whoever sends on for longer has been answered as well as can be.
    let _ = tokio::time::timeout(LINGER.1, drain).await;
}

async fn answer(request: &Request<Incoming>, port: u16, house: &House) -> Answered {
    if let Some(refusal) = refusal(request, house) {
        return refusal.answer();
    }
    let asked = HttpRequest {
        port,
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
    };
    match tokio::time::timeout(house.times.answer, ask(house, asked)).await {
        Ok(answered) => answered,
        Err(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "timeout: the daemon is busy; retry\n"),
    }
}

/// Asks on a thread of its own, when one of few is free.
async fn ask(house: &House, request: HttpRequest) -> Answered {
    let Ok(turn) = Arc::clone(&house.turns).acquire_owned().await else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "the daemon is stopping\n");
    };
    let answer: Answer = Arc::clone(&house.answer);
    // The turn ends with the thread's work, even if nobody waits for it any more.
    let asked = tokio::task::spawn_blocking(move || {
        let answered = answer(request);
        drop(turn);
        answered
    });
    asked.await.map_or_else(
        |_| plain(StatusCode::INTERNAL_SERVER_ERROR, "the request's handler ended without an answer\n"),
        full,
    )
}

fn refusal(request: &Request<Incoming>, house: &House) -> Option<Refusal> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Some(Refusal::Method);
    }
    if request.uri().path_and_query().is_some_and(|target| target.as_str().len() > MAX_TARGET) {
        return Some(Refusal::Target);
    }
    match host(request.headers()) {
        // What stands in the request line counts before the header.
        _ if request.uri().authority().is_some() => {
            let named = request.uri().authority().is_some_and(|authority| house.names.has(authority.as_str()));
            if !named {
                return Some(Refusal::Host);
            }
        }
        Hosts::One(host) if house.names.has(host) => {}
        Hosts::One(_) => return Some(Refusal::Host),
        Hosts::None if request.version() < Version::HTTP_11 => {}
        Hosts::None | Hosts::Unclear => return Some(Refusal::NoHost),
    }
    (!request.body().is_end_stream()).then_some(Refusal::Body)
}

enum Hosts<'a> {
    None,
    One(&'a str),
    /// Several, or one that is no text.
    Unclear,
}

fn host(headers: &HeaderMap) -> Hosts<'_> {
    let mut all = headers.get_all(header::HOST).iter();
    match (all.next(), all.next()) {
        (None, _) => Hosts::None,
        (Some(one), None) => one.to_str().map_or(Hosts::Unclear, Hosts::One),
        (Some(_), Some(_)) => Hosts::Unclear,
    }
}

fn full(answer: HttpResponse) -> Answered {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = status;
    for (name, value) in [(header::CONTENT_TYPE, answer.content_type), (header::CACHE_CONTROL, "no-store")] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    // A browser takes what is here for what it is said to be.
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn plain(status: StatusCode, text: &str) -> Answered {
    full(HttpResponse { status: status.as_u16(), content_type: "text/plain; charset=utf-8", body: text.to_owned() })
}

fn closing(mut answer: Answered) -> Answered {
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}
