//! Amounts: bytes, shares of a CPU, numbers below zero.

use std::ops::RangeInclusive;

use super::decode::{Decoder, decimal};
use super::node::Node;

impl Decoder<'_> {
    /// A number of bytes, with a unit of 1024 if it has one: `512m`, `1.5g`, `64kb`.
    pub(crate) fn bytes(&mut self, node: &Node) -> Option<u64> {
        let found = node.text().and_then(bytes);
        if found.is_none() {
            self.expected(node, "a number of bytes such as `512m` or `1.5g`");
        }
        found
    }

    /// A decimal number above zero, in billionths.
    pub(crate) fn billionths(&mut self, node: &Node) -> Option<u64> {
        let found = node.text().and_then(|text| fixed(text, 1_000_000_000)).filter(|number| *number > 0);
        if found.is_none() {
            self.expected(node, "a number of CPUs such as `0.5` or `2`");
        }
        found
    }

    /// A part of something from 0 to 1, in millionths.
    pub(crate) fn millionths(&mut self, node: &Node) -> Option<u32> {
        let found = node.text().and_then(|text| fixed(text, 1_000_000)).filter(|number| *number <= 1_000_000);
        if found.is_none() {
            self.expected(node, "a part from `0` to `1`, such as `0.25`");
        }
        found.and_then(|number| u32::try_from(number).ok())
    }

    /// A decimal number within a range that may lie below zero.
    pub(crate) fn signed(&mut self, node: &Node, range: RangeInclusive<i64>) -> Option<i64> {
        let number = node.text().and_then(|text| {
            let magnitude =
                decimal(text.strip_prefix('-').unwrap_or(text)).and_then(|number| i64::try_from(number).ok())?;
            Some(if text.starts_with('-') { -magnitude } else { magnitude })
        });
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let limit = if *range.end() == i64::MAX { "up".to_owned() } else { format!("to {}", range.end()) };
            self.expected(node, &format!("a number from {} {limit}", range.start()));
        }
        number
    }
}

/// The units of the Compose Specification: `b`, `k`, `m`, `g`, `t`, and `kb` and so on; all of 1024.
fn bytes(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &lower[digits.len()..] {
        "" | "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        "t" | "tb" => 1 << 40,
        _ => return None,
    };
    fixed(digits, factor)
}

/// `text` times `factor`, rounded down; without floating point, so that nothing is lost.
fn fixed(text: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let tail = text.contains('.') && fraction.is_empty();
    if tail || fraction.len() > 12 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole = decimal(whole)?.checked_mul(factor)?;
    let numerator = if fraction.is_empty() { 0 } else { fraction.parse::<u128>().ok()? };
    let part = numerator * u128::from(factor) / 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    whole.checked_add(u64::try_from(part).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_units_and_lose_nothing() {
        for (text, amount) in [
            ("0", Some(0)),
            ("1024", Some(1024)),
            ("64kb", Some(65536)),
            ("1.5g", Some(1_610_612_736)),
            ("512M", Some(536_870_912)),
            ("1.", None),
            (".5g", None),
            ("5x", None),
            ("-1", None),
            ("1e3", None),
            ("99999999999t", None),
        ] {
            assert_eq!(bytes(text), amount, "{text}");
        }
        assert_eq!(fixed("0.1", 1_000_000_000), Some(100_000_000));
    }
}
