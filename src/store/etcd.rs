//! etcd, over the JSON gateway that it serves beside its own protocol: transactions that compare each key's revision.

use std::collections::BTreeSet;
use std::path::Path;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, StatusCode};
use serde_json::{Value as Json, json};
use tokio::sync::Mutex;

use super::http::{ask, client, garbled, refused};
use super::{Change, Held, Store, StoreError, Value, within};
use crate::environment::Secret;
use crate::environment::publish::StoreAccess;

/// `--max-txn-ops`: comparisons of a transaction, and what it reads or writes.
const MAX_OPERATIONS: usize = 128;
/// `--max-request-bytes`, less what frames each key and value.
const MAX_BYTES: usize = 1536 * 1024 - MAX_OPERATIONS * 64;

/// An etcd server or cluster.
pub struct Etcd {
    client: Client,
    address: String,
    login: Option<(String, Secret)>,
    /// Good for some minutes.
    token: Mutex<Option<String>>,
}

impl Etcd {
    /// Contacts nobody yet.
    pub fn open(root: &Path, access: &StoreAccess, login: Option<(String, Secret)>) -> Result<Self, String> {
        Ok(Self { client: client(root, access)?, address: access.address.clone(), login, token: Mutex::default() })
    }

    async fn call(&self, path: &str, body: &Json) -> Result<Json, StoreError> {
        let request = || self.client.post(format!("{}/v3/{path}", self.address)).body(body.to_string());
        let Some((name, password)) = &self.login else { return read(ask(request()).await?) };
        let mut token = self.token.lock().await;
        if let Some(known) = &*token {
            let (status, text) = ask(request().header("Authorization", known)).await?;
            if status != StatusCode::UNAUTHORIZED {
                return read((status, text));
            }
        }
        let fresh = self.authenticate(name, password).await?;
        let answer = ask(request().header("Authorization", &fresh)).await?;
        *token = Some(fresh);
        read(answer)
    }

    async fn read_part(&self, keys: &[&String], held: &mut Held) -> Result<(), StoreError> {
        let ranges = keys.iter().map(|key| json!({ "request_range": { "key": STANDARD.encode(key) } }));
        let answer = self.call("kv/txn", &json!({ "success": ranges.collect::<Vec<_>>() })).await?;
        let answers = answer["responses"].as_array().map_or(&[][..], Vec::as_slice);
        if answers.len() != keys.len() {
            return Err(garbled("it does not speak of every key"));
        }
        for (key, answer) in keys.iter().zip(answers) {
            let Some(found) = answer["response_range"]["kvs"].get(0) else { continue };
            let value = found["value"].as_str().unwrap_or_default();
            let bytes = STANDARD.decode(value).map_err(|error| garbled(&error.to_string()))?;
            let version = found["mod_revision"].as_str().and_then(|text| text.parse().ok());
            let version = version.ok_or_else(|| garbled("a key has no revision"))?;
            held.insert((*key).clone(), Value { bytes, version });
        }
        Ok(())
    }

    async fn authenticate(&self, name: &str, password: &Secret) -> Result<String, StoreError> {
        let body = json!({ "name": name, "password": password.expose() });
        let request = self.client.post(format!("{}/v3/auth/authenticate", self.address)).body(body.to_string());
        let answer = read(ask(request).await?)?;
        answer["token"].as_str().map(str::to_owned).ok_or_else(|| garbled("there is no token in it"))
    }
}

fn read((status, text): (StatusCode, String)) -> Result<Json, StoreError> {
    if status != StatusCode::OK {
        return Err(refused(status, &text));
    }
    serde_json::from_str(&text).map_err(|error| garbled(&error.to_string()))
}

#[async_trait]
impl Store for Etcd {
    async fn read(&self, keys: &BTreeSet<String>) -> Result<Held, StoreError> {
        let keys: Vec<&String> = keys.iter().collect();
        let mut held = Held::new();
        // A change compares what was seen, so it does no harm to see it bit by bit.
        for keys in keys.chunks(MAX_OPERATIONS) {
            self.read_part(keys, &mut held).await?;
        }
        Ok(held)
    }

    fn fits(&self, changes: &[Change]) -> Result<(), String> {
        within("changes", changes.len(), MAX_OPERATIONS)?;
        let size = |change: &Change| 2 * change.key.len() + change.value.as_ref().map_or(0, Vec::len);
        within("bytes", changes.iter().map(size).sum(), MAX_BYTES)
    }

    async fn swap(&self, changes: &[Change]) -> Result<(), StoreError> {
        let compare = changes.iter().map(|change| {
            let key = STANDARD.encode(&change.key);
            json!({ "key": key, "target": "MOD", "result": "EQUAL", "mod_revision": change.version.to_string() })
        });
        let success = changes.iter().filter_map(|change| {
            let key = STANDARD.encode(&change.key);
            match &change.value {
                Some(value) => Some(json!({ "request_put": { "key": key, "value": STANDARD.encode(value) } })),
                None if change.version == 0 => None,
                None => Some(json!({ "request_delete_range": { "key": key } })),
            }
        });
        let body = json!({ "compare": compare.collect::<Vec<_>>(), "success": success.collect::<Vec<_>>() });
        // What is false is left out of an answer.
        if self.call("kv/txn", &body).await?["succeeded"].as_bool() == Some(true) {
            return Ok(());
        }
        let keys = changes.iter().map(|change| change.key.clone()).collect();
        let held = self.read(&keys).await.unwrap_or_default();
        let is_moved = |change: &&Change| held.get(&change.key).map_or(0, |value| value.version) != change.version;
        let moved: Vec<&str> = changes.iter().filter(is_moved).map(|change| change.key.as_str()).collect();
        Err(StoreError::Conflict(if moved.is_empty() { "a key".to_owned() } else { moved.join(", ") }))
    }
}
