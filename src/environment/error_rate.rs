//! How many more requests may fail on the new release's servers than on the old one's. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `deploy.update_config.error_rate`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRate {
    /// By how much the share of failed requests may be above that of the old servers.
    pub above_old: Percentage,
    /// So many requests are needed of the new servers, and of the old ones.
    pub requests: u64,
    /// What it means when there were fewer.
    pub inconclusive: Inconclusive,
}

/// What too few requests mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inconclusive {
    /// The release goes on.
    Pass,
    /// The release has failed.
    Fail,
}

/// A share, in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Percentage(pub u32);

/// Requests that were answered or should have been, and those of them that failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// All.
    pub requests: u64,
    /// Without an answer, or with one from 500 to 599.
    pub failed: u64,
}

/// What a comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No more fail than may.
    Pass,
    /// More do.
    Fail,
    /// There were too few requests to tell.
    Inconclusive,
}

impl ErrorRate {
    /// Compares what new servers did with what old ones did in the same time.
    pub fn verdict(&self, new: Tally, old: Tally) -> Verdict {
        if new.requests.min(old.requests) < self.requests.max(1) {
            return Verdict::Inconclusive;
        }
        // Both shares over one denominator; what no balancer ever counts is cut off rather than wrapped.
        let product = |factors: [u64; 3]| factors.into_iter().map(u128::from).fold(1, u128::saturating_mul);
        let all = u64::from(Percentage::ALL.0);
        let found = product([new.failed, old.requests, all]);
        let usual = product([old.failed, new.requests, all]);
        let more = product([u64::from(self.above_old.0), new.requests, old.requests]);
        if found > usual.saturating_add(more) { Verdict::Fail } else { Verdict::Pass }
    }
}

impl fmt::Display for ErrorRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let few = match self.inconclusive {
            Inconclusive::Pass => "too few pass",
            Inconclusive::Fail => "too few fail",
        };
        write!(
            f,
            "at most {} more errors than on the old servers, of {} requests each; {few}",
            self.above_old, self.requests
        )
    }
}

impl Percentage {
    /// All of something.
    pub const ALL: Self = Self(10_000);
}

impl fmt::Display for Percentage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 100, self.0 % 100);
        match rest {
            0 => write!(f, "{whole}%"),
            rest if rest % 10 == 0 => write!(f, "{whole}.{}%", rest / 10),
            rest => write!(f, "{whole}.{rest:02}%"),
        }
    }
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { requests: self.requests + other.requests, failed: self.failed + other.failed }
    }

    /// What has come since; `None` if this is not later.
    pub fn since(self, earlier: Self) -> Option<Self> {
        let requests = self.requests.checked_sub(earlier.requests)?;
        Some(Self { requests, failed: self.failed.checked_sub(earlier.failed)? })
    }

    /// How many of them failed, rounded.
    pub fn share(self) -> Percentage {
        let all = u128::from(self.requests.max(1));
        let share = (u128::from(self.failed) * u128::from(Percentage::ALL.0) + all / 2) / all;
        Percentage(u32::try_from(share).unwrap_or(Percentage::ALL.0))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} ({})", self.failed, self.requests, self.share())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(failed: u64, requests: u64) -> Tally {
        Tally { requests, failed }
    }

    #[test]
    fn a_release_fails_when_its_share_of_errors_is_above_what_may_be() {
        let rate = ErrorRate { above_old: Percentage(100), requests: 100, inconclusive: Inconclusive::Fail };
        let cases = [
            (tally(0, 100), tally(0, 100), Verdict::Pass),
            (tally(1, 100), tally(0, 100), Verdict::Pass),
            (tally(2, 100), tally(0, 100), Verdict::Fail),
            (tally(30, 1000), tally(200, 10_000), Verdict::Pass),
            (tally(31, 1000), tally(200, 10_000), Verdict::Fail),
            (tally(99, 99), tally(0, 1_000_000), Verdict::Inconclusive),
            (tally(0, 1_000_000), tally(0, 99), Verdict::Inconclusive),
            (tally(1 << 50, 1 << 50), tally(0, 1 << 50), Verdict::Fail),
        ];
        for (new, old, verdict) in cases {
            assert_eq!(rate.verdict(new, old), verdict, "{new}, {old}");
        }
        let anything = ErrorRate { requests: 0, ..rate };
        assert_eq!(
            anything.verdict(Tally::default(), Tally::default()),
            Verdict::Inconclusive,
            "nothing tells nothing"
        );
    }

    #[test]
    fn shares_are_written_without_noise() {
        assert_eq!(
            [0, 5, 50, 100, 125, 10_000].map(|share| Percentage(share).to_string()),
            ["0%", "0.05%", "0.5%", "1%", "1.25%", "100%"]
        );
        assert_eq!(tally(3, 250).to_string(), "3 of 250 (1.2%)");
        assert_eq!(tally(0, 0).to_string(), "0 of 0 (0%)");
    }
}
