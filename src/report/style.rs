//! Colours, and how moments and spans of time are written. Text is always styled; [`anstream`], through which
//! everything is written, takes the styles away where they are not wanted (`NO_COLOR`, no terminal).

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

/// What a text says about the state of things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Neither.
    Neutral,
    /// Of less interest.
    Quiet,
    /// Somebody should know.
    Warning,
    /// Not as it should be.
    Bad,
    /// A heading.
    Strong,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Neutral => Style::new(),
            Self::Quiet => Style::new().dimmed(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Strong => Style::new().bold(),
        }
    }
}

/// The text in the colour of its tone.
pub fn paint(tone: Tone, text: &str) -> String {
    let style = tone.style();
    format!("{style}{text}{style:#}")
}

/// A measured time: `0.4s`, `12.0s`, `1m03s`, `2h05m`.
pub fn took(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..100 => format!("{seconds}.{}s", duration.subsec_millis() / 100),
        100..6000 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// A moment: how long ago by the operator's clock, and in UTC, which means the same to everybody who reads it.
pub fn moment(at: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", age(at, now), at.strftime("%Y-%m-%d %H:%M:%SZ"))
}

fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - at.as_second();
    match seconds {
        // Clocks of hosts and operators differ a little.
        -5..5 => "now".to_owned(),
        ..-5 => "in the future".to_owned(),
        5..120 => format!("{seconds}s ago"),
        120..7200 => format!("{}m ago", seconds / 60),
        7200..172_800 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        for (millis, text) in [(40, "0.0s"), (440, "0.4s"), (99_940, "99.9s"), (123_000, "2m03s"), (7_500_000, "2h05m")]
        {
            assert_eq!(took(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn a_moment_is_relative_and_absolute() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        for (at, text) in [
            ("2026-11-20T11:59:58Z", "now (2026-11-20 11:59:58Z)"),
            ("2026-11-20T11:58:30Z", "90s ago (2026-11-20 11:58:30Z)"),
            ("2026-11-20T09:30:00Z", "2h ago (2026-11-20 09:30:00Z)"),
            ("2026-11-10T12:00:00Z", "10d ago (2026-11-10 12:00:00Z)"),
            ("2026-11-20T12:10:00Z", "in the future (2026-11-20 12:10:00Z)"),
        ] {
            assert_eq!(moment(at.parse().unwrap(), now), text);
        }
    }
}
