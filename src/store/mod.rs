//! Key-value stores, as a door: what is under some keys, and all changes to them or none. Values may be secret, so that
//! nothing in here can be printed.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

pub mod consul;
pub mod etcd;
pub(crate) mod http;

/// One store.
#[async_trait]
pub trait Store: Send + Sync {
    /// What is under these keys now; a key that is not there is left out.
    async fn read(&self, keys: &BTreeSet<String>) -> Result<Held, StoreError>;

    /// Whether it takes these changes at once; the reason why not. Contacts nobody.
    fn fits(&self, changes: &[Change]) -> Result<(), String>;

    /// Makes all changes or none. [`StoreError::Conflict`] if one of the keys no longer has the version that was seen, so
    /// that a change can take hold once at most, and never over somebody else's.
    async fn swap(&self, changes: &[Change]) -> Result<(), StoreError>;
}

/// Refuses what is more than a store takes at once.
fn within(what: &str, is: usize, most: usize) -> Result<(), String> {
    if is <= most { Ok(()) } else { Err(format!("{is} {what} at once, and it takes {most}")) }
}

/// Values by key.
pub type Held = BTreeMap<String, Value>;

/// What is under a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Rises with each change of the store; never 0.
    pub version: u64,
}

/// What is to be under a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// Its version as it was seen; 0 if it was not there.
    pub version: u64,
    /// `None` removes it.
    pub value: Option<Vec<u8>>,
}

/// Why a store did not do as it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It answered, and refused.
    #[error("{0}")]
    Refused(String),
    /// Somebody else changed one of the keys.
    #[error("somebody else changed {0}")]
    Conflict(String),
    /// No answer: a change may have taken hold, or may yet.
    #[error("{0}")]
    InDoubt(String),
}
