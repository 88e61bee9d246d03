//! `queries` of an update: what Prometheus is asked when hosts have been watched.

use super::declared::Declared;
use super::existing_file;
use crate::environment::UpdatePolicy;
use crate::environment::query::{Bound, Decimal, Query, QueryGate};
use crate::manifest::decode::{Decoder, Fields};
use crate::manifest::node::{Node, quoted};

/// Most queries of a service.
const MOST: usize = 20;

/// The queries that a service's update asks for.
pub(super) fn decode(
    fields: &mut Fields<'_>,
    update: &UpdatePolicy,
    declared: &Declared<'_>,
    decoder: &mut Decoder<'_>,
) -> Vec<QueryGate> {
    let written = fields.get("deploy").and_then(|deploy| deploy.entry("update_config")?.value.entry("queries"));
    let Some(entry) = written else { return Vec::new() };
    let items = decoder.list(&entry.value);
    let canary = update.canary.as_ref().map(|canary| canary.monitor);
    if !items.is_empty() && (update.monitor.is_zero() || canary.is_some_and(|monitor| monitor.is_zero())) {
        let help = "what is asked is measured while hosts are watched; write for how long as `monitor`";
        decoder.problem_with_help(entry.key, "`queries` beside `monitor: 0s`", help);
    }
    if items.len() > MOST {
        decoder.problem(entry.value.span, format!("{} queries: at most {MOST} are asked", items.len()));
    }
    items.iter().filter_map(|item| query(item, declared, decoder)).collect()
}

fn query(item: &Node, declared: &Declared<'_>, decoder: &mut Decoder<'_>) -> Option<QueryGate> {
    let mut fields = decoder.map(item, item.span);
    let prometheus = fields.required("prometheus", decoder).and_then(|node| address(node, decoder));
    let query = fields.required("query", decoder).and_then(|node| {
        let text = decoder.text(node)?.trim();
        if text.is_empty() {
            decoder.problem(node.span, "the query is empty");
        }
        Some(text.to_owned())
    });
    let most = fields.entry("at_most");
    let bound = match (most, fields.entry("at_least")) {
        (Some(most), None) => number(&most.value, decoder).map(Bound::AtMost),
        (None, Some(least)) => number(&least.value, decoder).map(Bound::AtLeast),
        (Some(_), Some(least)) => {
            decoder.problem(least.key, "`at_least` beside `at_most`: ask twice for a range");
            None
        }
        (None, None) => {
            let help = "write `at_most: 0.01`, or `at_least`";
            fields.lack(decoder, "nothing says what the answer may be", help);
            None
        }
    };
    let ca = fields.get("ca").and_then(|node| existing_file(node, decoder, declared.root));
    fields.finish(decoder);
    Some(QueryGate { query: Query { prometheus: prometheus?, query: query?, bound: bound? }, ca })
}

fn address(node: &Node, decoder: &mut Decoder<'_>) -> Option<String> {
    let text = decoder.text(node)?.trim_end_matches('/');
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic());
    if !is_plain || rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/') || rest.contains(['@', '?', '#'])) {
        let help = "write `https://host:port`, with a path where it has one before `/api`";
        decoder.problem_with_help(node.span, format!("{} is not the address of a Prometheus", quoted(text)), help);
        return None;
    }
    Some(text.to_owned())
}

fn number(node: &Node, decoder: &mut Decoder<'_>) -> Option<Decimal> {
    let found = node.text().and_then(Decimal::parse);
    if found.is_none() {
        decoder.expected(node, "a number such as `0.01` or `-5`");
    }
    found
}
