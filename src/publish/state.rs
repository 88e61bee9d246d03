//! What shipctl remembers in the store itself, under one key: the values of the releases that can be gone back to, what the
//! keys held before a change that is not in force yet, and what they held before they were shipctl's at all. It is where the values are, and nowhere else: hosts
//! know of them by digest only.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The current [`State::format`].
const FORMAT: u32 = 1;

/// The record of one store. Holds secrets, so it cannot be printed.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct State {
    /// Version of this form; set when it is written.
    pub format: u32,
    /// Whose change was the last: differs with each.
    pub token: String,
    /// Digest of the values that are there now; `None` if none are ours.
    pub current: Option<String>,
    /// What the keys held that the last change touched.
    pub before: BTreeMap<String, Option<Kept>>,
    /// What was there before any release published the key, for the release that no longer does. A key without an entry
    /// held nothing.
    #[serde(default)]
    pub adopted: BTreeMap<String, Kept>,
    /// Values by digest, the newest last.
    pub releases: Vec<(String, BTreeMap<String, Kept>)>,
}

/// What a key holds or held.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// Not to be shown.
    pub secret: bool,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl State {
    /// Reads a record; the reason why it cannot be read.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let state: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if state.format == FORMAT { Ok(state) } else { Err(format!("it has format {}", state.format)) }
    }

    /// How it is written.
    pub fn write(mut self) -> Vec<u8> {
        self.format = FORMAT;
        serde_json::to_vec(&self).unwrap_or_else(|error| unreachable!("a record is plain data: {error}"))
    }

    /// The values of a release.
    pub fn values(&self, digest: &str) -> Option<&BTreeMap<String, Kept>> {
        self.releases.iter().find(|(known, _)| known == digest).map(|(_, values)| values)
    }

    /// Remembers values as the newest, and forgets all but `keep`, and never one that is `held`.
    pub fn remember(&mut self, digest: &str, values: BTreeMap<String, Kept>, keep: usize, held: Option<&str>) {
        self.releases.retain(|(known, _)| known != digest);
        self.releases.push((digest.to_owned(), values));
        while self.releases.len() > keep.max(2) {
            let Some(oldest) = self.releases.iter().position(|(known, _)| known != digest && Some(&**known) != held)
            else {
                return;
            };
            self.releases.remove(oldest);
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    secret: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = std::str::from_utf8(&self.bytes).ok().map(str::to_owned);
        let base64 = text.is_none().then(|| STANDARD.encode(&self.bytes));
        Written { secret: self.secret, text, base64 }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let bytes = match (written.text, written.base64) {
            (Some(text), _) => text.into_bytes(),
            (None, Some(base64)) => STANDARD.decode(base64).map_err(D::Error::custom)?,
            (None, None) => Vec::new(),
        };
        Ok(Self { secret: written.secret, bytes })
    }
}
