//! A question about what was measured, and what the answer may be.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// An entry of `deploy.update_config.queries`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryGate {
    /// What is asked.
    pub query: Query,
    /// An authority to trust beside the system's.
    pub ca: Option<PathBuf>,
}

/// A query of a Prometheus, and what every number in its answer must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// `http[s]://host:port`, with a path before `/api` where it has one.
    pub prometheus: String,
    /// In its language.
    pub query: String,
    /// What the numbers may be.
    pub bound: Bound,
}

/// What a number may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// This or less.
    AtMost(Decimal),
    /// This or more.
    AtLeast(Decimal),
}

/// A number as somebody wrote it, so that equal plans are equal texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Decimal(String);

impl Decimal {
    /// A decimal number, with a sign and a fraction if need be; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        (digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(fraction)).then(|| Self(text.to_owned()))
    }

    fn value(&self) -> f64 {
        // One that is not a number admits nothing.
        self.0.parse().unwrap_or(f64::NAN)
    }
}

impl Bound {
    /// Whether a number is as it may be. What is not a number never is.
    pub fn admits(&self, number: f64) -> bool {
        match self {
            Self::AtMost(most) => number <= most.value(),
            Self::AtLeast(least) => number >= least.value(),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "at most {}", most.0),
            Self::AtLeast(least) => write!(f, "at least {}", least.0),
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.prometheus, self.query.escape_debug(), self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_admits_what_it_names_and_never_what_is_not_a_number() {
        let number = |text| Decimal::parse(text).expect("a number");
        let (most, least) = (Bound::AtMost(number("0.01")), Bound::AtLeast(number("-2")));
        for (admitted, value) in
            [(true, 0.01), (true, -1.0), (false, 0.0101), (false, f64::NAN), (false, f64::INFINITY)]
        {
            assert_eq!(most.admits(value), admitted, "{value}");
        }
        for (admitted, value) in [(true, -2.0), (true, f64::INFINITY), (false, -2.1), (false, f64::NAN)] {
            assert_eq!(least.admits(value), admitted, "{value}");
        }
        for text in ["", "-", "1.", ".5", "1e3", "NaN", "inf", "1,5", "+1", "0x1"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}
