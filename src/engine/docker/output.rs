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

/// The last `count` lines that are not empty once cleaned, oldest first.
pub(crate) fn last_lines(output: &[u8], count: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let mut lines: Vec<_> = text.lines().rev().map(clean_line).filter(|line| !line.is_empty()).take(count).collect();
    lines.reverse();
    lines
}

/// One line without escape sequences, control characters and marks that change the direction of text.
pub(crate) fn clean_line(line: &str) -> String {
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
        if clean.len() >= MAX_LINE {
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

    #[test]
    fn the_last_lines_are_kept_in_order() {
        assert_eq!(last_lines(b"one\n\ntwo\r\n\xffthree\n", 2), ["two", "\u{fffd}three"]);
    }
}
