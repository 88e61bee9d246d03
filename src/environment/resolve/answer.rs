//! `expect` and `smoke` of a gate: what answers must be.

use std::time::Duration;

use super::traffic::positive;
use crate::environment::{Expect, Method, Smoke};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Entry, Kind, Node, quoted};

/// `expect` of a gate.
pub(super) fn expect(entry: &Entry, decoder: &mut Decoder<'_>) -> Expect {
    let mut fields = decoder.map(&entry.value, entry.key);
    let expect = answer(&mut fields, decoder);
    fields.finish(decoder);
    expect
}

/// What an answer must be, by the keys of whatever says so.
fn answer(fields: &mut Fields<'_>, decoder: &mut Decoder<'_>) -> Expect {
    let mut expect = Expect::default();
    if let Some(node) = fields.get("status") {
        let nodes = if let Kind::List(items) = &node.kind { items.iter().collect() } else { vec![node] };
        for node in nodes {
            expect.status.extend(decoder.number(node, 200..=599).and_then(|status| u16::try_from(status).ok()));
        }
    }
    if let Some(entry) = fields.entry("header") {
        for (name, entry) in decoder.map(&entry.value, entry.key).named() {
            if !is_header(name) {
                let help = "a header's name is made of letters, digits and `-`, such as `X-Release`";
                decoder.problem_with_help(entry.key, format!("{} is no name of a header", quoted(name)), help);
            }
            if let Some(value) = text(&entry.value, "the value of a header", decoder) {
                expect.header.insert(name.to_owned(), value);
            }
        }
    }
    expect.contains = fields.get("contains").and_then(|node| {
        let text = decoder.text(node)?;
        if text.is_empty() {
            decoder.problem(node.span, "`contains` is empty: every body contains that");
        }
        Some(text.to_owned())
    });
    expect
}

/// The requests of `smoke`. `port` is that of the `http` check, if there `is_http` one, and `limit` what they may take each.
pub(super) fn smoke(
    fields: &mut Fields<'_>,
    port: Option<u16>,
    limit: Duration,
    is_http: bool,
    decoder: &mut Decoder<'_>,
) -> Vec<Smoke> {
    let Some(node) = fields.get("smoke") else { return Vec::new() };
    let methods = Method::ALL.map(|method| (method.as_str(), method));
    let mut requests = Vec::new();
    for item in decoder.list(node) {
        let mut fields = decoder.map(item, item.span);
        let path = fields.required("path", decoder).and_then(|node| super::health::path(node, decoder));
        let method = fields.get("method").map_or(Some(Method::Get), |node| decoder.word(node, &methods));
        let port = match fields.get("port") {
            Some(node) => decoder.port(node),
            None if is_http => port,
            None => {
                let help = "write `port: 80`; without an `http` check there is none to take it from";
                fields.lack(decoder, "`port` is missing", help);
                None
            }
        };
        let timeout = fields.get("timeout").map_or(Some(limit), |node| positive(node, "timeout", decoder));
        let expect = answer(&mut fields, decoder);
        if let (Some(Method::Head), Some(node)) = (method, fields.get("contains")) {
            decoder.problem(node.span, "`contains` beside `method: HEAD`, whose answer has no body");
        }
        fields.finish(decoder);
        if let (Some(path), Some(method), Some(port), Some(timeout)) = (path, method, port, timeout) {
            requests.push(Smoke { port, method, path, expect, timeout });
        }
    }
    requests
}

fn is_header(name: &str) -> bool {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    (1..=128).contains(&name.len()) && name.bytes().all(is_token)
}

/// Text that can be the value of a header. An empty one is a variable that somebody forgot to set.
fn text(node: &Node, what: &str, decoder: &mut Decoder<'_>) -> Option<String> {
    let text = decoder.text(node)?;
    let is_plain = text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if text.is_empty() || text.trim() != text || !is_plain {
        let help = "write text in ASCII, without a line break, and with nothing but spaces within it";
        decoder.problem_with_help(node.span, format!("{} is not {what}", quoted(text)), help);
        return None;
    }
    Some(text.to_owned())
}
