//! What containers print, made fit for a terminal: it may hold anything.

use bollard::container::LogOutput;
use bollard::errors::Error as DockerError;
use futures_util::{Stream, StreamExt};

/// Most bytes of output that are kept.
const MAX_BYTES: usize = 256 * 1024;
/// Longest line that is kept.
const MAX_LINE: usize = 2000;

/// Reads output to its end, and keeps the last part of it.
pub(crate) async fn tail(
    mut output: impl Stream<Item = Result<LogOutput, DockerError>> + Unpin,
) -> Result<Vec<u8>, DockerError> {
    let mut kept = Vec::new();
    while let Some(part) = output.next().await {
        kept.extend_from_slice(&part?.into_bytes());
        let excess = kept.len().saturating_sub(MAX_BYTES);
        kept.drain(..excess);
    }
    Ok(kept)
}

/// Reads output to its end, line by line. What a line has beyond a bound is dropped.
pub(crate) async fn lines(
    mut output: impl Stream<Item = Result<LogOutput, DockerError>> + Unpin,
    mut each: impl FnMut(String),
) -> Result<(), DockerError> {
    // By stream: parts of standard output and of standard error come in between each other.
    let mut open = [Vec::new(), Vec::new()];
    let mut tell = |line: &[u8]| {
        let line = clean_line(&String::from_utf8_lossy(line));
        if !line.is_empty() {
            each(line);
        }
    };
    while let Some(part) = output.next().await {
        let part = part?;
        let line = &mut open[usize::from(matches!(part, LogOutput::StdErr { .. }))];
        for byte in part.into_bytes() {
            if byte == b'\n' {
                tell(line);
                line.clear();
            } else if line.len() < 2 * MAX_LINE {
                line.push(byte);
            }
        }
    }
    for line in &open {
        tell(line);
    }
    Ok(())
}

/// The last `count` lines that are not empty once cleaned, oldest first.
pub(crate) fn last_lines(output: &[u8], count: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let mut lines: Vec<_> = text.lines().rev().map(clean_line).filter(|line| !line.is_empty()).take(count).collect();
    lines.reverse();
    lines
}

/// One line without escape sequences, control characters and marks that change the direction of text.
pub(crate) fn clean_line(line: &str) -> String {
    clean_to(line, MAX_LINE)
}

/// The same, of so many bytes at most.
pub(crate) fn clean_to(line: &str, longest: usize) -> String {
    let mut clean = String::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => skip_escape(&mut chars),
            // The C1 form of the same.
            '\u{9b}' => skip_until(&mut chars, is_final),
            '\t' => clean.push(' '),
            c if c.is_control() || is_directional(c) => {}
            c => clean.push(c),
        }
        if clean.len() >= longest {
            clean.push('…');
            break;
        }
    }
    clean.trim_end().to_owned()
}

fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => skip_until(chars, is_final),
        // Operating system commands and other strings end with BEL or ST (ESC \).
        Some(']' | 'P' | '^' | '_' | 'X') => {
            skip_until(chars, |c| matches!(c, '\x07' | '\x1b' | '\u{9c}'));
            chars.next_if_eq(&'\\');
        }
        // Two-character sequences, and three for choosing a character set.
        Some('(' | ')' | '#' | '%' | ' ') => drop(chars.next()),
        _ => {}
    }
}

fn skip_until(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, last: impl Fn(char) -> bool) {
    for c in chars.by_ref() {
        if last(c) {
            break;
        }
    }
}

fn is_final(c: char) -> bool {
    ('@'..='~').contains(&c)
}

fn is_directional(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_or_sets_a_title_survives() {
        for (dirty, clean) in [
            ("plain", "plain"),
            ("\x1b[1;31mred\x1b[0m alert", "red alert"),
            ("\x1b]52;c;aGk=\x07clip", "clip"),
            ("\x1b]0;title\x1b\\text", "text"),
            ("100%\rdone\x08\x07", "100%done"),
            ("a\tb\u{202e}c\u{9b}2Jd", "a bcd"),
            ("cut \x1b[3", "cut"),
        ] {
            assert_eq!(clean_line(dirty), clean, "{dirty:?}");
        }
        assert_eq!(clean_line(&"x".repeat(5000)).chars().count(), MAX_LINE + 1);
    }

    #[tokio::test]
    async fn lines_of_both_streams_are_whole_and_bounded() {
        let part = |is_error: bool, text: &str| {
            let message = text.to_owned().into();
            Ok(if is_error { LogOutput::StdErr { message } } else { LogOutput::StdOut { message } })
        };
        let long = "x".repeat(9000);
        let parts = [
            part(false, "on"),
            part(true, "oops\n"),
            part(false, "e\r\n\ntwo\n"),
            part(false, &long),
            part(true, "end"),
        ];
        let mut heard = Vec::new();
        lines(futures_util::stream::iter(parts), |line| heard.push(line)).await.unwrap();
        assert_eq!(heard[..3], ["oops", "one", "two"]);
        assert_eq!((heard[3].chars().count(), heard[4].as_str()), (MAX_LINE + 1, "end"));
    }

    #[test]
    fn the_last_lines_are_kept_in_order() {
        assert_eq!(last_lines(b"one\n\ntwo\r\n\xffthree\n", 2), ["two", "\u{fffd}three"]);
    }
}
