//! One request over a stream. No redirects: an answer that sends elsewhere is not a yes of this container.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, USER_AGENT};
use http::{HeaderMap, Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioIo;

use crate::engine::docker::output::clean_line;
use crate::environment::{Expect, Method};
use crate::health::NotReady;
use crate::transport::Stream;

/// Most that is read of an answer's body.
const MAX_BODY: usize = 64 * 1024;

/// A request, and what the answer to it must be.
pub(super) struct Asked<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) expect: &'a Expect,
}

impl Asked<'_> {
    /// Asks once. Whoever calls sets the time limit.
    pub(super) async fn send(&self, stream: Box<dyn Stream>) -> Result<(), NotReady> {
        let unanswered = |error: hyper::Error| NotReady(format!("no HTTP answer: {}", reason(&error)));
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(unanswered)?;
        let mut request = Request::builder().method(self.method.as_str()).uri(self.path);
        if matches!(self.method, Method::Post | Method::Put | Method::Patch) {
            // Without it a server may wait for a body.
            request = request.header(CONTENT_LENGTH, 0);
        }
        let request = request
            .header(HOST, "localhost")
            .header(USER_AGENT, concat!("shipctl/", env!("CARGO_PKG_VERSION")))
            .header(CONNECTION, "close")
            .body(Empty)
            .map_err(|error| NotReady(format!("cannot ask for {}: {error}", self.path)))?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(unanswered)?;
            verdict(response, self.expect).await
        };
        // The connection moves only while it is polled, and is dropped with this call: no task is left behind.
        tokio::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            _ended = connection => answer.await,
        }
    }
}

async fn verdict(response: Response<Incoming>, expect: &Expect) -> Result<(), NotReady> {
    let status = response.status();
    if !expect.takes(status.as_u16()) {
        let (body, _) = first_bytes(response.into_body()).await;
        return Err(NotReady(match first_line(&body) {
            Some(line) => format!("HTTP {status}: {line}"),
            None => format!("HTTP {status}"),
        }));
    }
    if let Some(amiss) = expect.header.iter().find_map(|header| amiss(response.headers(), header)) {
        return Err(NotReady(format!("HTTP {status}, but {amiss}")));
    }
    let Some(wanted) = &expect.contains else { return Ok(()) };
    let (body, is_whole) = first_bytes(response.into_body()).await;
    if String::from_utf8_lossy(&body).contains(wanted.as_str()) {
        return Ok(());
    }
    let place = if is_whole { "its body" } else { "what was read of its body" };
    let began = first_line(&body).map(|line| format!(", which begins with: {line}")).unwrap_or_default();
    Err(NotReady(format!("HTTP {status}, but {place} does not contain `{wanted}`{began}")))
}

/// What is wrong with a header; `None` if one of its name has the value.
fn amiss(headers: &HeaderMap, (name, wanted): (&String, &String)) -> Option<String> {
    let found: Vec<_> = headers.get_all(name.as_str()).iter().map(http::HeaderValue::as_bytes).collect();
    if found.contains(&wanted.as_bytes()) {
        return None;
    }
    let Some(first) = found.first() else { return Some(format!("it has no header {name}, which must be `{wanted}`")) };
    Some(format!("its header {name} is `{}`, not `{wanted}`", clean_line(&String::from_utf8_lossy(first))))
}

fn first_line(body: &[u8]) -> Option<String> {
    String::from_utf8_lossy(body).lines().find(|line| !line.trim().is_empty()).map(clean_line)
}

/// What arrives of a body, up to the limit, and whether that is all of it; one that breaks off is good enough to quote.
async fn first_bytes(body: Incoming) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let mut body = std::pin::pin!(body);
    while let Some(frame) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(frame) = frame else { return (bytes, false) };
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() >= MAX_BODY {
            bytes.truncate(MAX_BODY);
            return (bytes, false);
        }
    }
    (bytes, true)
}

fn reason(error: &hyper::Error) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// The body of a request that has none.
struct Empty;

impl Body for Empty {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// What is said of an answer, and the line of the request that it was given to.
    async fn asked(method: Method, expect: &Expect, answer: &str) -> (Result<(), NotReady>, String) {
        let (ours, mut theirs) = tokio::io::duplex(256 * 1024);
        let server = async {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(theirs.read_u8().await.expect("a request"));
            }
            theirs.write_all(answer.as_bytes()).await.expect("somebody reads");
            theirs.shutdown().await.expect("an end");
            String::from_utf8(request).expect("text")
        };
        let asked = Asked { method, path: "/up", expect };
        let (said, request) = tokio::join!(asked.send(Box::new(ours)), server);
        (said, request)
    }

    async fn said(expect: &Expect, answer: &str) -> Result<(), String> {
        asked(Method::Get, expect, answer).await.0.map_err(|NotReady(why)| why)
    }

    fn ok(headers: &str, body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
    }

    fn refused(why: &str) -> Result<(), String> {
        Err(why.to_owned())
    }

    #[tokio::test]
    async fn a_status_is_what_was_expected() {
        let found = "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n";
        let plain = Expect::default();
        assert_eq!(said(&plain, &ok("", "")).await, Ok(()));
        assert_eq!(said(&plain, found).await, refused("HTTP 302 Found"));
        let redirect = Expect { status: vec![302, 303], ..Expect::default() };
        assert_eq!(said(&redirect, found).await, Ok(()));
        assert_eq!(said(&redirect, &ok("", "\n  no\n")).await, refused("HTTP 200 OK:   no"));
    }

    #[tokio::test]
    async fn a_header_of_another_release_is_not_a_yes() {
        let header = BTreeMap::from([("X-Release".to_owned(), "v2".to_owned())]);
        let expect = Expect { header, ..Expect::default() };
        assert_eq!(said(&expect, &ok("x-release: v2\r\n", "")).await, Ok(()));
        let other = refused("HTTP 200 OK, but its header X-Release is `v1`, not `v2`");
        assert_eq!(said(&expect, &ok("X-Release: v1\r\n", "")).await, other);
        let v21 = refused("HTTP 200 OK, but its header X-Release is `v21`, not `v2`");
        assert_eq!(said(&expect, &ok("X-Release: v21\r\n", "")).await, v21);
        let none = refused("HTTP 200 OK, but it has no header X-Release, which must be `v2`");
        assert_eq!(said(&expect, &ok("", "v2")).await, none);
    }

    #[tokio::test]
    async fn a_body_contains_what_was_expected() {
        let expect = Expect { contains: Some("ready".to_owned()), ..Expect::default() };
        assert_eq!(said(&expect, &ok("", "all is ready now")).await, Ok(()));
        let not = refused("HTTP 200 OK, but its body does not contain `ready`, which begins with: not yet");
        assert_eq!(said(&expect, &ok("", "not yet")).await, not);
        assert_eq!(said(&expect, &ok("", "")).await, refused("HTTP 200 OK, but its body does not contain `ready`"));
        let long = format!("{}ready", " ".repeat(MAX_BODY));
        let late = refused("HTTP 200 OK, but what was read of its body does not contain `ready`");
        assert_eq!(said(&expect, &ok("", &long)).await, late);
    }

    #[tokio::test]
    async fn a_request_is_made_as_it_is_written() {
        let (said, request) = asked(Method::Post, &Expect::default(), &ok("", "")).await;
        assert_eq!(said, Ok(()));
        assert!(request.starts_with("POST /up HTTP/1.1\r\n"), "{request}");
        assert!(request.to_lowercase().contains("\r\ncontent-length: 0\r\n"), "a server waits for a body: {request}");
    }
}
