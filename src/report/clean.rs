//! Text of others (engines, containers, manifests, hosts) made harmless before it is shown: what would move the
//! cursor, change colours, or reorder letters on a terminal is written out instead.

use std::borrow::Cow;
use std::fmt::Write;

/// One line that only shows. Control characters (line breaks too), escape sequences, and characters that
/// reorder or hide text become `\n`, `\u{1b}` and the like; a tab becomes a space.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\t' => shown.push(' '),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            _ if acts(character) => {
                // Writing to a String cannot fail.
                let _ = write!(shown, "{}", character.escape_unicode());
            }
            _ => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

/// [`clean`], cut to at most `longest` characters; what was cut is counted.
pub fn clip(text: &str, longest: usize) -> String {
    let shown = clean(text);
    match shown.char_indices().nth(longest) {
        Some((end, _)) => format!("{} ({} more characters)", &shown[..end], shown[end..].chars().count()),
        None => shown.into_owned(),
    }
}

fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Bidirectional marks, embeddings, overrides and isolates.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line separators, invisible characters, annotations, tags.
            | '\u{ad}' | '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_left_alone() {
        for text in ["", "GET /up 200", "größer als 10 %", "日本語", "a\\nb"] {
            assert!(matches!(clean(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn nothing_that_acts_on_a_terminal_gets_through() {
        for (text, shown) in [
            ("\u{1b}[2J\u{1b}[1;31mdone", "\\u{1b}[2J\\u{1b}[1;31mdone"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("ok\rerror", "ok\\rerror"),
            ("two\nlines", "two\\nlines"),
            ("a\tb", "a b"),
            ("admin\u{202e}gpj.exe", "admin\\u{202e}gpj.exe"),
            ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"),
            ("web\u{200b}1", "web\\u{200b}1"),
            ("\u{7f}\0", "\\u{7f}\\u{0}"),
        ] {
            assert_eq!(clean(text), shown);
        }
    }

    #[test]
    fn every_character_that_is_shown_is_harmless() {
        for character in (0..=0x0010_ffff).filter_map(char::from_u32) {
            let text = character.to_string();
            assert!(!clean(&text).chars().any(char::is_control), "{character:?}");
        }
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        assert_eq!(clip("abcdef", 6), "abcdef");
        assert_eq!(clip("äbcdefg", 3), "äbc (4 more characters)");
    }
}
