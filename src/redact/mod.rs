//! Keeps the values of secrets out of everything that is shown or kept: the screen, the journal, messages of errors and of
//! panics. It knows the values of the run, and goes by them wherever they turn up: in what a container printed, in what a
//! registry or a program answered, as they are or in another form ([`forms`]).
//!
//! Short values are a word like others, and redacting them would blank out what has nothing to do with them; those of
//! fewer than [`SHORTEST`] bytes are shown where somebody prints them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::environment::Secret;

mod forms;

/// Bytes of the shortest value that is redacted, and of the shortest form of one.
pub const SHORTEST: usize = 6;

/// The values that nobody is to read. Clones know the same.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    /// Every form of every value, and what is written in its place.
    forms: BTreeMap<String, String>,
    /// Finds them all at once; made of `forms`.
    search: Option<AhoCorasick>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(…)")
    }
}

impl Redactor {
    /// From here on, these values are replaced by `[secret NAME]`.
    pub fn learn<'s>(&self, secrets: impl IntoIterator<Item = (&'s str, &'s Secret)>) {
        let mut forms = self.0.read().unwrap_or_else(PoisonError::into_inner).forms.clone();
        for (name, secret) in secrets {
            for form in forms::of(secret.expose()) {
                forms.entry(form).or_insert_with(|| format!("[secret {name}]"));
            }
        }
        let search = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(forms.keys());
        let search = search.unwrap_or_else(|error| unreachable!("at most 64 KiB each: {error}"));
        // Made before the lock is taken: a panic under it would keep the panic itself from being shown.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Known { forms, search: Some(search) };
    }

    /// The text without them.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(search) = known.search.as_ref().filter(|search| search.is_match(text)) else {
            return Cow::Borrowed(text);
        };
        let labels: Vec<_> = known.forms.values().collect();
        Cow::Owned(search.replace_all(text, &labels))
    }

    /// Takes them out of every text in a value, keys too. True if there was one.
    pub fn value(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => match self.text(text) {
                Cow::Borrowed(_) => false,
                Cow::Owned(redacted) => {
                    *text = redacted;
                    true
                }
            },
            Value::Array(items) => self.each(items),
            Value::Object(map) => {
                let mut found = self.each(map.values_mut());
                if map.keys().any(|key| matches!(self.text(key), Cow::Owned(_))) {
                    found = true;
                    let entries = std::mem::take(map).into_iter();
                    *map = entries.map(|(key, item)| (self.text(&key).into_owned(), item)).collect();
                }
                found
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// All of them, also after the first that held one.
    fn each<'v>(&self, values: impl IntoIterator<Item = &'v mut Value>) -> bool {
        let mut found = false;
        for value in values {
            found |= self.value(value);
        }
        found
    }

    /// The same data without them. It stays as it is where it makes no sense without them, such as a name; that is why it
    /// is redacted as text again where it is written.
    pub fn data<T: Serialize + DeserializeOwned>(&self, data: T) -> T {
        let Ok(mut value) = serde_json::to_value(&data) else { return data };
        if self.value(&mut value) { serde_json::from_value(value).unwrap_or(data) } else { data }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redactor(values: &[(&str, &str)]) -> Redactor {
        let redactor = Redactor::default();
        let secrets: Vec<_> = values.iter().map(|(name, value)| (*name, Secret::new((*value).to_owned()))).collect();
        redactor.learn(secrets.iter().map(|(name, secret)| (*name, secret)));
        redactor
    }

    #[test]
    fn a_value_is_replaced_by_its_name_wherever_it_is() {
        let redactor = redactor(&[("db", "hunter2!"), ("longer", "hunter2!hunter2!"), ("pin", "1234")]);
        for (text, expected) in [
            ("nothing here", "nothing here"),
            ("password hunter2! refused", "password [secret db] refused"),
            ("hunter2!hunter2!", "[secret longer]"),
            ("postgres://app:hunter2%21@db", "postgres://app:[secret db]@db"),
            ("1234 requests", "1234 requests"),
        ] {
            assert_eq!(redactor.text(text), expected);
        }
    }

    #[test]
    fn what_is_learned_later_is_known_to_every_clone() {
        let first = redactor(&[("one", "hunter2")]);
        let second = first.clone();
        second.learn([("two", &Secret::new("correct horse".to_owned()))]);
        assert_eq!(first.text("hunter2, correct horse"), "[secret one], [secret two]");
    }

    #[test]
    fn keys_and_texts_of_a_value_are_redacted_and_its_form_stays() {
        let redactor = redactor(&[("db", "hunter2\"")]);
        let mut value = json!({ "hunter2\"": ["x", 7, null, { "deep": "=hunter2\"=" }], "b": true });
        assert!(redactor.value(&mut value));
        assert_eq!(value, json!({ "[secret db]": ["x", 7, null, { "deep": "=[secret db]=" }], "b": true }));
        assert!(!redactor.value(&mut value));
    }

    #[test]
    fn data_that_would_make_no_sense_is_left_for_the_text() {
        let redactor = redactor(&[("db", "hunter2")]);
        assert_eq!(redactor.data(vec!["say hunter2".to_owned()]), ["say [secret db]"]);
        let name: crate::name::HostName = "hunter2".parse().unwrap();
        assert_eq!(redactor.data(name.clone()), name);
    }
}
