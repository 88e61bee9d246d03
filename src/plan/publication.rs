//! What a plan changes in a key-value store.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

/// Characters of a value that are shown.
const SHOWN: usize = 60;

/// The change of one store, made as a whole before the first batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// Its name in the manifest.
    pub store: String,
    /// Kind and address, for people.
    pub at: String,
    /// Digest of the values of the release in force; `None` if it published nothing.
    pub from: Option<String>,
    /// Digest of the values that will be there; `None` if nothing will.
    pub to: Option<String>,
    /// Keys that change.
    pub changes: Vec<KeyChange>,
    /// What the store held; a plan is stale when it holds something else.
    pub seen: String,
}

/// The change of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChange {
    /// Complete.
    pub key: String,
    /// What is there.
    pub from: Shown,
    /// What will be there.
    pub to: Shown,
    /// Whether somebody else has changed what was published there.
    pub foreign: bool,
}

/// A value as far as it may be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// There is none.
    Nothing,
    /// It is no secret.
    Text(String),
    /// It is a secret, or no text.
    Hidden,
}

impl Shown {
    /// A value, of which a secret is not shown.
    pub fn of(bytes: Option<&[u8]>, hidden: bool) -> Self {
        match bytes.map(str::from_utf8) {
            None => Self::Nothing,
            Some(Ok(text)) if !hidden => Self::Text(text.to_owned()),
            Some(_) => Self::Hidden,
        }
    }
}

impl Display for Shown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Hidden => f.write_str("(not shown)"),
            Self::Text(text) => {
                let line: String = text.chars().take(SHOWN).collect();
                let more = if line.len() < text.len() { "..." } else { "" };
                write!(f, "{line:?}{more}")
            }
        }
    }
}

impl Display for Publication {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "  publish to {} ({}), before the first batch:", self.store, self.at)?;
        if self.changes.is_empty() {
            writeln!(f, "    no key changes")?;
        }
        for KeyChange { key, from, to, foreign } in &self.changes {
            match (from, to) {
                (Shown::Nothing, to) => write!(f, "    + {key} = {to}")?,
                (from, Shown::Nothing) => write!(f, "    - {key} (was {from})")?,
                (from, to) => write!(f, "    ~ {key} = {from} -> {to}")?,
            }
            writeln!(f, "{}", if *foreign { ", which somebody else has changed" } else { "" })?;
        }
        Ok(())
    }
}
