//! `error_rate` of an update: a comparison of new servers with old ones.

use crate::environment::error_rate::{ErrorRate, Inconclusive, Percentage};
use crate::environment::{Traffic, UpdatePolicy};
use crate::manifest::decode::{Decoder, Fields, decimal};
use crate::manifest::node::{Entry, Node, quoted};

/// What holds where the manifest is silent.
pub(super) const DEFAULTS: ErrorRate =
    ErrorRate { above_old: Percentage(100), requests: 100, inconclusive: Inconclusive::Fail };

/// The comparison that an update asks for.
pub(super) fn decode(entry: &Entry, decoder: &mut Decoder<'_>) -> ErrorRate {
    let mut fields = decoder.map(&entry.value, entry.key);
    let above_old = fields.get("above_old").and_then(|node| share(node, decoder)).unwrap_or(DEFAULTS.above_old);
    let requests = fields.get("requests").and_then(|node| decoder.number(node, 1..=1_000_000_000));
    let words = [("pass", Inconclusive::Pass), ("fail", Inconclusive::Fail)];
    let inconclusive = fields.get("inconclusive").and_then(|node| decoder.word(node, &words));
    fields.finish(decoder);
    ErrorRate {
        above_old,
        requests: requests.unwrap_or(DEFAULTS.requests),
        inconclusive: inconclusive.unwrap_or(DEFAULTS.inconclusive),
    }
}

/// What is compared has to be counted, and takes time.
pub(super) fn check(
    fields: &mut Fields<'_>,
    update: &UpdatePolicy,
    traffic: Option<&Traffic>,
    decoder: &mut Decoder<'_>,
) {
    let Some(entry) = written(fields) else { return };
    if traffic.is_none() {
        let help =
            "name one in `traffic: { balancer: … }`; an edge has but one container of a service to send requests to";
        decoder.problem_with_help(entry.key, "`error_rate` compares what a balancer counts, and there is none", help);
    }
    let canary = update.canary.as_ref().map(|canary| canary.monitor);
    if update.monitor.is_zero() || canary.is_some_and(|monitor| monitor.is_zero()) {
        let help = "errors are counted while hosts are watched; write for how long as `monitor`";
        decoder.problem_with_help(entry.key, "`error_rate` beside `monitor: 0s`", help);
    }
}

/// Where a service asks for a comparison.
fn written<'n>(fields: &mut Fields<'n>) -> Option<&'n Entry> {
    fields.get("deploy")?.entry("update_config")?.value.entry("error_rate")
}

fn share(node: &Node, decoder: &mut Decoder<'_>) -> Option<Percentage> {
    let found =
        node.text().and_then(|text| hundredths(text.strip_suffix('%')?)).filter(|share| *share <= Percentage::ALL);
    if found.is_none() {
        let text = node.text().map_or_else(|| node.describe(), quoted);
        let help = "write a share from `0%` to `100%`, such as `1%` or `0.5%`";
        decoder.problem_with_help(node.span, format!("{text} is not a share of requests"), help);
    }
    found
}

/// A number of percent, with two decimals at most.
fn hundredths(text: &str) -> Option<Percentage> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let whole = decimal(whole).and_then(|whole| u32::try_from(whole).ok())?.checked_mul(100)?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten();
    let fraction = match fraction {
        None => 0,
        Some(tenths) if tenths.len() == 1 => digits(tenths)? * 10,
        Some(both) if both.len() == 2 => digits(both)?,
        Some(_) => return None,
    };
    whole.checked_add(fraction).map(Percentage)
}
