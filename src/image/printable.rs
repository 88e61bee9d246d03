//! Text from engines and registries, made safe to print. Pure.

/// The most characters of one foreign line that are worth showing.
const MAX_LINE: usize = 500;

/// One line of foreign text without what could steer a terminal or reorder what is read: terminal sequences, control
/// characters and bidirectional marks are dropped, and very long lines are cut.
pub(crate) fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(MAX_LINE));
    let mut chars = text.trim_end().chars().peekable();
    let mut length = 0;
    while let Some(char) = chars.next() {
        if length == MAX_LINE {
            clean.push('…');
            break;
        }
        match char {
            '\u{1b}' => skip_sequence(&mut chars),
            '\t' | '\n' | '\r' => clean.push(' '),
            char if char.is_control() || is_bidirectional(char) => continue,
            char => clean.push(char),
        }
        length += 1;
    }
    clean
}

/// Skips the rest of an escape sequence: CSI to its final byte, OSC to its end, others one character.
fn skip_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => while chars.next().is_some_and(|char| !('@'..='~').contains(&char)) {},
        Some(']') => while chars.next().is_some_and(|char| char != '\u{7}' && char != '\u{1b}') {},
        _ => {}
    }
}

fn is_bidirectional(char: char) -> bool {
    matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        for (text, clean) in [
            ("plain text\r\n", "plain text"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("a\u{8}b\u{9b}c\u{202e}d", "abcd"),
            ("tab\there", "tab here"),
            ("cut short \u{1b}", "cut short "),
        ] {
            assert_eq!(printable(text), clean);
        }
        assert_eq!(printable(&"x".repeat(5000)).chars().count(), MAX_LINE + 1);
    }
}
