//! One GET over a stream. No redirects: an answer that sends elsewhere is not a yes of this container.

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioIo;

use crate::engine::docker::output::clean_line;
use crate::health::NotReady;
use crate::transport::Stream;

/// Most that is read of an answer's body.
const MAX_BODY: usize = 64 * 1024;

/// Asks for `path`; a status from 200 to 299 is a yes. Whoever calls sets the time limit.
pub(super) async fn get(stream: Box<dyn Stream>, path: &str) -> Result<(), NotReady> {
    let unanswered = |error: hyper::Error| NotReady(format!("no HTTP answer: {}", reason(&error)));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(unanswered)?;
    let request = Request::get(path)
        .header(HOST, "localhost")
        .header(USER_AGENT, concat!("shipctl/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
        .body(Empty)
        .map_err(|error| NotReady(format!("cannot ask for {path}: {error}")))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(unanswered)?;
        verdict(response).await
    };
    // The connection moves only while it is polled, and is dropped with this call: no task is left behind.
    tokio::pin!(answer);
    tokio::select! {
        answer = &mut answer => answer,
        _ended = connection => answer.await,
    }
}

async fn verdict(response: Response<Incoming>) -> Result<(), NotReady> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let body = first_bytes(response.into_body()).await;
    let text = String::from_utf8_lossy(&body);
    let said = text.lines().map(clean_line).find(|line| !line.trim().is_empty());
    Err(NotReady(match said {
        Some(line) => format!("HTTP {status}: {line}"),
        None => format!("HTTP {status}"),
    }))
}

/// What arrives of a body, up to the limit; one that breaks off is good enough to quote.
async fn first_bytes(body: Incoming) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut body = std::pin::pin!(body);
    while let Some(Ok(frame)) = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() >= MAX_BODY {
            bytes.truncate(MAX_BODY);
            break;
        }
    }
    bytes
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
