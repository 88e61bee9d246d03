//! One question over HTTP to what listens at a socket, and its whole answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use http::{HeaderMap, Request, StatusCode};
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::BalancerError;
use crate::image::printable::printable;
use crate::registry::chain;
use crate::transport::{Socket, TransportError};

/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(15);
/// Longest answer that is read.
const LONGEST: usize = 8 * 1024 * 1024;

/// An answer. Headers that came behind the body are among the others.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

/// Asks on a connection of its own.
pub(super) async fn ask(way: &dyn Socket, request: Request<String>) -> Result<Answer, BalancerError> {
    let lost = |error: TransportError| BalancerError::Unreachable(error.message);
    let stream = TokioIo::new(way.open().await.map_err(lost)?);
    match timeout(ANSWER, exchange(stream, request)).await {
        Ok(answer) => answer,
        Err(_) => Err(doubt(&format!("no answer in {} s", ANSWER.as_secs()))),
    }
}

async fn exchange(
    stream: impl hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    request: Request<String>,
) -> Result<Answer, BalancerError> {
    let garbled = |error: hyper::Error| doubt(&chain(&error));
    let (mut sender, connection) = http1::handshake(stream).await.map_err(garbled)?;
    let exchange = async {
        let (head, mut body) = sender.send_request(request).await.map_err(garbled)?.into_parts();
        let (mut headers, mut bytes) = (head.headers, Vec::new());
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            match frame.map_err(garbled)?.into_data() {
                Ok(data) => bytes.extend_from_slice(&data),
                Err(frame) => headers.extend(frame.into_trailers().unwrap_or_default()),
            }
            if bytes.len() > LONGEST {
                return Err(doubt("an answer that is longer than any"));
            }
        }
        let text = String::from_utf8(bytes).map_err(|_| doubt("an answer that is not text"))?;
        Ok(Answer { status: head.status, headers, text })
    };
    tokio::pin!(connection, exchange);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        ended = &mut connection => {
            ended.map_err(garbled)?;
            // What has arrived before the connection ended is still to be read.
            exchange.await
        }
    }
}

fn doubt(what: &str) -> BalancerError {
    BalancerError::InDoubt(printable(what))
}
