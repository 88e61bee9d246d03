//! The plain text of an encrypted file: a map of names to values, as YAML or JSON.

use std::fmt;
use std::path::Path;

use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use zeroize::Zeroizing;

use super::SealedError;
use super::file::Plain;
use crate::environment::Secret;
use crate::manifest::suggest;

/// Names and values, in the order of the file. A value is the text that stands there: `1.10` stays `1.10`.
#[derive(Default)]
pub struct Entries(IndexMap<String, Secret>);

impl Entries {
    /// Reads a plain text; `file` is the encrypted file, for errors.
    pub fn parse(plain: &[u8], file: &Path) -> Result<Self, SealedError> {
        // What the parser says may quote the text; only the place is safe to pass on.
        yaml(plain).map_err(|error| SealedError::NotAMap {
            file: file.to_owned(),
            place: error.location().map(|place| (place.line(), place.column())),
        })
    }

    /// The value of an entry.
    pub fn get(&self, key: &str, file: &Path) -> Result<&Secret, SealedError> {
        self.0.get(key).ok_or_else(|| SealedError::Missing {
            file: file.to_owned(),
            key: key.to_owned(),
            hint: suggest::hint(key, self.0.keys().map(String::as_str)),
        })
    }

    /// Whether an entry has exactly this value.
    pub fn has(&self, key: &str, value: &Secret) -> bool {
        self.0.get(key).is_some_and(|present| present.expose() == value.expose())
    }

    /// Adds an entry, or replaces its value.
    pub fn insert(&mut self, key: &str, value: Secret) {
        self.0.insert(key.to_owned(), value);
    }

    /// This entry alone.
    pub(super) fn only(&self, key: &str) -> Option<Self> {
        self.0.get_key_value(key).map(|(key, value)| Self(IndexMap::from([(key.clone(), value.clone())])))
    }

    /// As [`Entries::parse`], where nobody is told why not.
    pub(super) fn read(plain: &[u8]) -> Option<Self> {
        yaml(plain).ok()
    }

    /// As YAML.
    pub(super) fn yaml(&self) -> Plain {
        let mut plain = self.room();
        serde_yaml::to_writer(&mut *plain, self).unwrap_or_else(|_| unreachable!("a map of text is YAML"));
        plain
    }

    /// As JSON.
    pub(super) fn json(&self) -> Plain {
        let mut plain = self.room();
        serde_json::to_writer_pretty(&mut *plain, self).unwrap_or_else(|_| unreachable!("a map of text is JSON"));
        plain.push(b'\n');
        plain
    }

    /// Room for every character escaped, so that the text is not moved, and left behind, while it grows.
    fn room(&self) -> Plain {
        let room: usize = self.0.iter().map(|(key, value)| 6 * (key.len() + value.expose().len()) + 64).sum();
        Zeroizing::new(Vec::with_capacity(room + 64))
    }
}

fn yaml(plain: &[u8]) -> Result<Entries, serde_yaml::Error> {
    // To the parser, nothing but comments is no document at all.
    let is_blank = |line: &[u8]| line.trim_ascii().first().is_none_or(|first| *first == b'#');
    if plain.split(|byte| *byte == b'\n').all(is_blank) {
        Ok(Entries::default())
    } else {
        serde_yaml::from_slice(plain)
    }
}

impl PartialEq for Entries {
    /// The same names and values, in whatever order.
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|(key, value)| other.has(key, value))
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of names to text")
            }

            /// `~`, or nothing behind a `---`.
            fn visit_unit<E>(self) -> Result<Entries, E> {
                Ok(Entries::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Entries::default();
                while let Some((key, Value(value))) = map.next_entry::<String, Value>()? {
                    if entries.0.insert(key, value).is_some() {
                        return Err(A::Error::custom("a name is there twice"));
                    }
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_any(Map)
    }
}

struct Value(Secret);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value(Secret::new(text.to_owned())))
            }
        }

        // Takes any scalar as it is written.
        deserializer.deserialize_str(Text)
    }
}

impl Serialize for Entries {
    /// For texts that are wiped.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(key, value)| map.serialize_entry(key, value.expose()))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
        let entries = Entries::parse(text.as_bytes(), Path::new("s.age")).map_err(|error| error.to_string())?;
        Ok(entries.0.iter().map(|(key, value)| (key.clone(), value.expose().to_owned())).collect())
    }

    #[test]
    fn values_are_the_text_that_stands_there() {
        let text = "# ours\na: 1.10\nb: NO\nc: |\n  two\n  lines\nd: '~'\n\"e f\": 010\n";
        let expected = [("a", "1.10"), ("b", "NO"), ("c", "two\nlines\n"), ("d", "~"), ("e f", "010")];
        assert_eq!(parse(text), Ok(expected.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()));
        assert_eq!(parse("{\"a\": \"x\\ny\", \"b\": 2}").unwrap()[0].1, "x\ny");
        assert_eq!(parse("# nothing yet\n"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut entries = Entries::default();
        for value in ["hunter2", "1.10", "~", "true", " x ", "two\nlines\n", "\"'\\ #: {}", "\u{1b}[31m", "ü\t"] {
            entries.insert(&format!("key of {value}"), Secret::new(value.to_owned()));
        }
        for written in [entries.yaml(), entries.json()] {
            assert!(Entries::parse(&written, Path::new("s.age")).unwrap() == entries);
        }
    }

    #[test]
    fn no_error_quotes_the_text() {
        for text in [
            "hunter2",
            "- hunter2",
            "a: [hunter2]",
            "a: {b: hunter2}",
            "a: hunter2\na: x",
            "a: 'hunter2",
            "a: *hunter2",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with("what s.age holds is not a map of names to text"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
