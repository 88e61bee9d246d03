//! Consul's key-value store, over its HTTP API: reads that are consistent, and transactions that compare each key's
//! `ModifyIndex`.

use std::collections::BTreeSet;
use std::path::Path;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::http::{ask, client, garbled, refused};
use super::{Change, Held, Store, StoreError, Value, within};
use crate::environment::Secret;
use crate::environment::publish::StoreAccess;

/// Keys that are asked for at the same time.
const AT_ONCE: usize = 8;
/// Operations of a transaction; newer servers take more.
const MAX_OPERATIONS: usize = 64;
/// Bytes of a transaction as it is sent, by `limits.txn_max_req_len`.
const MAX_BYTES: usize = 512 * 1024;

/// A Consul server or agent.
pub struct Consul {
    client: Client,
    address: String,
    token: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pair {
    value: Option<String>,
    modify_index: u64,
}

impl Consul {
    /// Contacts nobody yet.
    pub fn open(root: &Path, access: &StoreAccess, token: Option<Secret>) -> Result<Self, String> {
        Ok(Self { client: client(root, access)?, address: access.address.clone(), token })
    }

    fn request(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.header("X-Consul-Token", token.expose()),
            None => request,
        }
    }

    async fn one(&self, key: &str) -> Result<Option<(String, Value)>, StoreError> {
        let path: Vec<String> = key.split('/').map(escaped).collect();
        let url = format!("{}/v1/kv/{}?consistent", self.address, path.join("/"));
        let (status, text) = ask(self.request(self.client.get(url))).await?;
        match status {
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::OK => {}
            other => return Err(refused(other, &text)),
        }
        let pairs: Vec<Pair> = serde_json::from_str(&text).map_err(|error| garbled(&error.to_string()))?;
        let Some(pair) = pairs.into_iter().next() else { return Ok(None) };
        let bytes = STANDARD.decode(pair.value.unwrap_or_default()).map_err(|error| garbled(&error.to_string()))?;
        Ok(Some((key.to_owned(), Value { bytes, version: pair.modify_index })))
    }
}

#[async_trait]
impl Store for Consul {
    async fn read(&self, keys: &BTreeSet<String>) -> Result<Held, StoreError> {
        let reads: Vec<_> = keys.iter().map(|key| self.one(key)).collect();
        let found: Vec<_> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    fn fits(&self, changes: &[Change]) -> Result<(), String> {
        within("changes", changes.len(), MAX_OPERATIONS)?;
        within("bytes, as they are sent,", body(changes).len(), MAX_BYTES)
    }

    async fn swap(&self, changes: &[Change]) -> Result<(), StoreError> {
        let url = format!("{}/v1/txn", self.address);
        let request = self.request(self.client.put(url)).header("Content-Type", "application/json");
        let (status, text) = ask(request.body(body(changes))).await?;
        match status {
            StatusCode::OK => Ok(()),
            // Consul answers a token that may not do this as it answers a change of somebody else.
            StatusCode::CONFLICT if text.to_lowercase().contains("permission denied") => {
                Err(StoreError::Refused(format!("its token may not change these keys: {}", culprits(&text, changes))))
            }
            StatusCode::CONFLICT => Err(StoreError::Conflict(culprits(&text, changes))),
            other => Err(refused(other, &text)),
        }
    }
}

fn body(changes: &[Change]) -> String {
    Json::from(changes.iter().map(operation).collect::<Vec<_>>()).to_string()
}

/// A `cas` with index 0 creates, and fails where the key is there.
fn operation(change: &Change) -> Json {
    let (key, index) = (&change.key, change.version);
    match &change.value {
        Some(value) => json!({ "KV": { "Verb": "cas", "Key": key, "Index": index, "Value": STANDARD.encode(value) } }),
        None if index == 0 => json!({ "KV": { "Verb": "check-not-exists", "Key": key } }),
        None => json!({ "KV": { "Verb": "delete-cas", "Key": key, "Index": index } }),
    }
}

/// The keys that a failed transaction names by their place in it.
fn culprits(text: &str, changes: &[Change]) -> String {
    let answer: Json = serde_json::from_str(text).unwrap_or_default();
    let errors = answer["Errors"].as_array().into_iter().flatten();
    let indices = errors.filter_map(|error| usize::try_from(error["OpIndex"].as_u64()?).ok());
    let keys: Vec<&str> = indices.filter_map(|index| Some(changes.get(index)?.key.as_str())).collect();
    if keys.is_empty() { "a key".to_owned() } else { keys.join(", ") }
}

fn escaped(part: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let byte = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    part.bytes().map(byte).collect()
}
