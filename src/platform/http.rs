//! A small HTTP/1 server: each GET or POST becomes a request of the contract and is answered by a function.
use crate::contract::daemon::{HttpRequest, HttpResponse};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderName, Method, StatusCode, Uri, header};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

/// Answers a request. Called on a thread of its own, so it may wait.
pub type Answer = Arc<dyn Fn(HttpRequest) -> HttpResponse + Send + Sync>;

/// Largest body of a POST, bytes.
const MAX_BODY: usize = 64 * 1024;

/// Opens the sockets, then serves them on one thread. An address that cannot be opened is an error that names it.
pub fn serve(addresses: &[SocketAddr], answer: &Answer) -> std::io::Result<()> {
    let named = |a: &SocketAddr, e: std::io::Error| std::io::Error::new(e.kind(), format!("listening on {a}: {e}"));
    let mut listeners = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(address).map_err(|e| named(address, e))?;
        listener.set_nonblocking(true).map_err(|e| named(address, e))?;
        listeners.push((address.port(), listener));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().max_blocking_threads(8).build()?;
    let answer = Arc::clone(answer);
    std::thread::Builder::new().name("http".into()).spawn(move || {
        runtime.block_on(async move {
            let mut servers = Vec::new();
            for (port, listener) in listeners {
                match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => servers.push(tokio::spawn(serve_port(port, listener, Arc::clone(&answer)))),
                    Err(error) => tracing::error!(%error, port, "serving HTTP"),
                }
            }
            for server in servers {
                if let Err(error) = server.await {
                    tracing::error!(%error, "the HTTP server ended");
                }
            }
        });
    })?;
    Ok(())
}

async fn serve_port(port: u16, listener: tokio::net::TcpListener, answer: Answer) {
    let handle = move |method: Method, uri: Uri, body: Bytes| {
        let answer = Arc::clone(&answer);
        async move {
            if method != Method::GET && method != Method::POST {
                return plain(StatusCode::METHOD_NOT_ALLOWED, "GET and POST are served\n");
            }
            let request = HttpRequest {
                port,
                method: method.to_string(),
                path: uri.path().to_owned(),
                query: uri.query().unwrap_or_default().to_owned(),
                body: body.to_vec(),
            };
            match tokio::task::spawn_blocking(move || answer(request)).await {
                Ok(r) => (StatusCode::from_u16(r.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), content(r.content_type), r.body),
                Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the request's handler ended without an answer\n"),
            }
        }
    };
    let router: Router = Router::new().fallback(handle).layer(axum::extract::DefaultBodyLimit::max(MAX_BODY));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, port, "serving HTTP");
    }
}

type Answered = (StatusCode, [(HeaderName, &'static str); 1], String);

fn content(kind: &'static str) -> [(HeaderName, &'static str); 1] {
    [(header::CONTENT_TYPE, kind)]
}

fn plain(status: StatusCode, text: &str) -> Answered {
    (status, content("text/plain; charset=utf-8"), text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn requests_reach_the_function_and_its_answer_comes_back() {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
        let answer: Answer = Arc::new(|r: HttpRequest| HttpResponse {
            status: 503,
            content_type: "application/json",
            body: format!("{} {}?{} {}", r.method, r.path, r.query, String::from_utf8_lossy(&r.body)),
        });
        serve(&[free], &answer).expect("serves");
        let mut stream = std::net::TcpStream::connect(free).expect("connects");
        stream.write_all(b"POST /a/b?x=1 HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi").expect("writes");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("reads");
        assert!(text.starts_with("HTTP/1.1 503") && text.contains("application/json") && text.ends_with("POST /a/b?x=1 hi"), "{text}");
        assert!(serve(&[free], &answer).expect_err("taken").to_string().contains(&free.to_string()));
    }
}
