//! One entry of a plain text, changed so that everything else stays as somebody wrote it: comments, order, quotes.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle};
use zeroize::Zeroizing;

use super::Entries;
use super::file::Plain;

/// The text of `entries`, of which `key` is new or changed since `plain`. Where it cannot be put into `plain`, it is
/// written anew.
pub fn put(plain: &[u8], entries: &Entries, key: &str) -> Plain {
    let text = std::str::from_utf8(plain).unwrap_or_default();
    if text.trim_start().starts_with('{') {
        // Has no comments.
        return entries.json();
    }
    // Whatever was cut and joined: it is right if it reads as what is wanted.
    let spliced = spliced(text, entries, key).filter(|text| Entries::read(text).is_some_and(|read| read == *entries));
    spliced.unwrap_or_else(|| entries.yaml())
}

fn spliced(text: &str, entries: &Entries, key: &str) -> Option<Plain> {
    let entry = entries.only(key)?.yaml();
    let entry = entry.strip_suffix(b"\n").unwrap_or(&entry);
    let (before, replaced, after) = match entry_at(text, key) {
        Some(place) => (text.get(..place.start)?, text.get(place.clone())?, text.get(place.end..)?),
        None => (text, "\n", ""),
    };
    let line_end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let parts = [
        before.as_bytes(),
        line_end.as_bytes(),
        entry,
        // The place of a text of several lines reaches to the next entry.
        if replaced.ends_with('\n') { b"\n" } else { b"" },
        after.as_bytes(),
    ];
    Some(Zeroizing::new(parts.concat()))
}

/// From the beginning of a key to the end of its value, in bytes.
fn entry_at(text: &str, key: &str) -> Option<Range<usize>> {
    let byte = |index: usize| text.char_indices().nth(index).map_or(text.len(), |(byte, _)| byte);
    let mut depth = 0;
    // Of the outer map: whether a key is next, and where the one that is looked for begins.
    let (mut is_key, mut begins) = (true, None);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.ok()?;
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
            Event::MappingEnd | Event::SequenceEnd => depth -= 1,
            Event::Scalar(found, style, ..) if depth == 1 => {
                match begins {
                    Some(begins) => {
                        let value = byte(span.start.index());
                        let length = written(text.get(value..byte(span.end.index()))?, style);
                        return Some(begins..value + length);
                    }
                    None if is_key && found == key => begins = Some(byte(span.start.index())),
                    None => {}
                }
                is_key = !is_key;
            }
            _ => {}
        }
    }
    None
}

/// Bytes of a value as it is written; the parser counts what follows it on its line, such as a comment.
fn written(text: &str, style: ScalarStyle) -> usize {
    let quoted = |quote: u8, escape: u8| {
        let mut at = 1;
        let bytes = text.as_bytes();
        while let Some(byte) = bytes.get(at) {
            match (*byte, bytes.get(at + 1)) {
                (byte, Some(next)) if byte == escape && (escape != quote || *next == quote) => at += 2,
                (byte, _) if byte == quote => return at + 1,
                _ => at += 1,
            }
        }
        text.len()
    };
    match style {
        ScalarStyle::Plain => text.split(" #").next().unwrap_or_default().trim_end().len(),
        ScalarStyle::SingleQuoted => quoted(b'\'', b'\''),
        ScalarStyle::DoubleQuoted => quoted(b'"', b'\\'),
        ScalarStyle::Literal | ScalarStyle::Folded => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::environment::Secret;

    fn set(text: &str, key: &str, value: &str) -> String {
        let mut entries = Entries::parse(text.as_bytes(), Path::new("s.age")).unwrap();
        entries.insert(key, Secret::new(value.to_owned()));
        String::from_utf8(put(text.as_bytes(), &entries, key).to_vec()).unwrap()
    }

    #[test]
    fn everything_else_stays_as_it_was_written() {
        let text = "# ours\na: 'x'  # old\nü: |\n  two\n  lines\n\n# last\nb: \"y\"";
        for (key, value, expected) in [
            ("a", "new", "# ours\na: new  # old\nü: |\n  two\n  lines\n\n# last\nb: \"y\""),
            ("b", "1.10", "# ours\na: 'x'  # old\nü: |\n  two\n  lines\n\n# last\nb: '1.10'"),
            ("ü", "z", "# ours\na: 'x'  # old\nü: z\n# last\nb: \"y\""),
            ("c", "z", "# ours\na: 'x'  # old\nü: |\n  two\n  lines\n\n# last\nb: \"y\"\nc: z\n"),
        ] {
            assert_eq!(set(text, key, value), expected);
        }
        assert_eq!(set("a: 'it''s'  # it's\n", "a", "x"), "a: x  # it's\n");
        assert_eq!(set("a: \"a \\\" b\" # \"\nb: y # z", "a", "x"), "a: x # \"\nb: y # z");
        assert_eq!(set("a: \"a \\\" b\" # \"\nb: y # z", "b", "x"), "a: \"a \\\" b\" # \"\nb: x # z");
        assert_eq!(set("", "a", "x"), "a: x\n");
        assert_eq!(set("# nothing yet\n", "a", "x\ny\n"), "# nothing yet\na: |\n  x\n  y\n");
    }

    #[test]
    fn what_cannot_be_put_in_is_written_anew() {
        assert_eq!(set("a: x  # one line\nb: y\n", "a", "two\nlines\n"), "a: |\n  two\n  lines\nb: y\n");
        assert_eq!(set("{\"a\": \"x\"}", "b", "y"), "{\n  \"a\": \"x\",\n  \"b\": \"y\"\n}\n");
    }

    #[test]
    fn every_way_of_writing_keeps_every_value() {
        let texts = [
            "a: |\n  x\nb: y\n",
            "a: >-\n  x\n\n  z\nb: y",
            "? a\n: x\nb: y\n",
            "---\na: x\nb: y\n...\n",
            "a: &v x\nb: *v\n",
        ];
        for text in texts {
            for value in ["new", "two\nlines\n", "# no comment", "~", "'"] {
                let mut expected = Entries::parse(text.as_bytes(), Path::new("s.age")).unwrap();
                for key in ["a", "b", "c"] {
                    expected.insert(key, Secret::new(value.to_owned()));
                    let written = put(text.as_bytes(), &expected, key);
                    assert!(Entries::read(&written).is_some_and(|read| read == expected), "{text} {key} {value}");
                }
            }
        }
    }
}
