//! Which lines are shown, and as what.

use std::borrow::Cow;

use regex::Regex;

use crate::engine::console::Said;
use crate::redact::Redactor;

/// Takes values of secrets out of lines, and passes on those that match.
#[derive(Debug, Clone, Default)]
pub struct Sieve {
    /// What has to match.
    pub grep: Option<Regex>,
    /// What must not be shown.
    pub redactor: Redactor,
}

impl Sieve {
    /// The line as it is shown, if it is.
    pub fn pass(&self, mut said: Said) -> Option<Said> {
        if let Cow::Owned(text) = self.redactor.text(&said.text) {
            said.text = text;
        }
        // What is searched is what is shown: nobody finds out a secret by guessing it.
        let matches = self.grep.as_ref().is_none_or(|grep| grep.is_match(&said.text));
        matches.then_some(said)
    }
}
