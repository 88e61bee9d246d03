//! What is cleaned up on hosts, and what never is.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use regex::Regex;
use serde::{Deserialize, Serialize};

/// How images that no release needs any more are removed from hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prune {
    /// Whether that is done after each rollout that came to a good end.
    pub automatic: bool,
    /// How long an image stays after it was made, or a release with it was rolled out.
    pub grace: Duration,
    /// Images that stay whatever becomes of releases.
    pub exclude: Vec<Pattern>,
}

impl Default for Prune {
    /// The grace period is docker-gc's (`GRACE_PERIOD_SECONDS`, 3600).
    fn default() -> Self {
        Self { automatic: true, grace: Duration::from_hours(1), exclude: Vec::new() }
    }
}

/// A pattern of names of images, in which `*` stands for any characters and `?` for one. It is compared with
/// `repository`, and with `repository@digest` or `repository:tag`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// Whether it is about an image of this name, which is `repository@digest`.
    pub fn matches(&self, name: &str) -> bool {
        let body = regex::escape(&self.0).replace(r"\*", ".*").replace(r"\?", ".");
        let repository = name.split_once('@').map_or(name, |(repository, _)| repository);
        // What is escaped is no bad expression, and none is too large that a manifest may hold.
        Regex::new(&format!("^{body}$")).is_ok_and(|regex| regex.is_match(name) || regex.is_match(repository))
    }
}

/// Longest pattern, in bytes. No name of an image is longer.
const LONGEST: usize = 512;

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > LONGEST || text.chars().any(|char| char.is_whitespace() || char.is_control())
        {
            return Err(format!("a pattern has 1 to {LONGEST} bytes and no spaces, as `registry.internal/shop/*`"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_about_a_whole_name() {
        let name = format!("registry.internal:5000/shop/web@sha256:{}", "a".repeat(64));
        let matches = |pattern: &str| pattern.parse::<Pattern>().unwrap().matches(&name);
        for pattern in ["registry.internal:5000/shop/web", "*/shop/*", "*", "*@sha256:a*", "registry?internal*"] {
            assert!(matches(pattern), "{pattern}");
        }
        for pattern in ["shop/web", "*/shop", "registry.internal:5000/shop/we", "*@sha256:b*", "[a-z]*", "(.*)"] {
            assert!(!matches(pattern), "{pattern}");
        }
    }
}
