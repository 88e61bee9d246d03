//! Points in time as operators write them: `10m` ago, or a date.

use std::str::FromStr;

use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// A point in time, before it is known when it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So long before.
    Ago(SignedDuration),
    /// Just this one.
    At(Timestamp),
}

impl Moment {
    /// The time, if it is `now`.
    pub fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(ago) => now.saturating_sub(ago).unwrap_or(Timestamp::MIN),
            Self::At(at) => at,
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        let ago = text.parse::<Span>().ok().and_then(|span| {
            let ago = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
            (!ago.is_negative()).then_some(ago)
        });
        let allowed = "expected how long ago, such as `90s`, `10m`, `1h30m` or `2d`, or a time such as \
                       `2026-05-07T21:09:36Z`";
        ago.map(Self::Ago).ok_or_else(|| format!("{allowed}, found `{}`", text.escape_debug()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_a_while_ago() {
        let now: Timestamp = "2026-05-07T21:09:36Z".parse().unwrap();
        for (text, expected) in [
            ("0s", "2026-05-07T21:09:36Z"),
            ("10m", "2026-05-07T20:59:36Z"),
            ("1h30m", "2026-05-07T19:39:36Z"),
            ("2d", "2026-05-05T21:09:36Z"),
            ("2026-05-07T23:00:00+02:00", "2026-05-07T21:00:00Z"),
        ] {
            let moment: Moment = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(moment.before(now).to_string(), expected, "{text}");
        }
        for text in ["", "10", "-5m", "yesterday", "5 apples", "2026-05-07"] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }
}
