//! Consul's key-value store. The server here answers as its API documentation describes: `GET /v1/kv/<key>` with
//! `ModifyIndex` and base64 or 404, and `PUT /v1/txn` that makes all operations or none and names the one that failed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use shipctl::environment::Secret;
use shipctl::environment::publish::{StoreAccess, StoreKind};
use shipctl::store::consul::Consul;
use shipctl::store::etcd::Etcd;
use shipctl::store::{Change, Store, StoreError};

use crate::support::http;

const TOKEN: &str = "b1gs35d3-canary";

/// Keys with their value and `ModifyIndex`, and the index of the last change.
#[derive(Default)]
struct Server {
    held: BTreeMap<String, (String, u64)>,
    index: u64,
    /// Whether the token may only read. Consul answers that as it answers a change of somebody else.
    reads_only: bool,
}

impl Server {
    fn answer(&mut self, request: &str, body: &str) -> (&'static str, String) {
        if !request.to_lowercase().contains(&format!("x-consul-token: {TOKEN}")) {
            return ("403 Forbidden", "Permission denied".to_owned());
        }
        let mut words = request.split_whitespace();
        match (words.next(), words.next()) {
            (Some("GET"), Some(path)) => {
                let key = path.trim_start_matches("/v1/kv/").trim_end_matches("?consistent").replace("%20", " ");
                match self.held.get(&key) {
                    Some((value, index)) => {
                        let pair = json!([{ "LockIndex": 0, "Key": key, "Flags": 0, "Value": value,
                            "CreateIndex": index, "ModifyIndex": index }]);
                        ("200 OK", pair.to_string())
                    }
                    None => ("404 Not Found", String::new()),
                }
            }
            (Some("PUT"), Some("/v1/txn")) => self.transaction(&serde_json::from_str(body).expect("JSON")),
            other => panic!("{other:?}"),
        }
    }

    fn transaction(&mut self, operations: &Json) -> (&'static str, String) {
        let operations: Vec<&Json> = operations.as_array().expect("a list").iter().map(|one| &one["KV"]).collect();
        assert!(operations.len() <= 64, "a transaction has at most 64 operations");
        let index_of = |key: &str| self.held.get(key).map_or(0, |(_, index)| *index);
        let errors = operations.iter().enumerate().filter_map(|(number, operation)| {
            let key = operation["Key"].as_str().expect("a key");
            let is_met = match operation["Verb"].as_str() {
                Some("cas" | "delete-cas") => Some(index_of(key)) == operation["Index"].as_u64(),
                Some("check-not-exists") => index_of(key) == 0,
                verb => panic!("{verb:?}"),
            };
            let what = if self.reads_only {
                "Permission denied: token with AccessorID 'x' lacks permission 'key:write'".to_owned()
            } else {
                format!("failed to set key {key:?}, index is stale")
            };
            (self.reads_only || !is_met).then(|| json!({ "OpIndex": number, "What": what }))
        });
        let errors: Vec<_> = errors.collect();
        if !errors.is_empty() {
            return ("409 Conflict", json!({ "Results": null, "Errors": errors }).to_string());
        }
        self.index += 1;
        for operation in operations {
            let key = operation["Key"].as_str().expect("a key").to_owned();
            match operation["Verb"].as_str() {
                Some("cas") => {
                    let value = operation["Value"].as_str().expect("a value").to_owned();
                    self.held.insert(key, (value, self.index));
                }
                Some("delete-cas") => drop(self.held.remove(&key)),
                _ => {}
            }
        }
        ("200 OK", json!({ "Results": [], "Errors": null }).to_string())
    }
}

async fn serve() -> (StoreAccess, Arc<Mutex<Server>>) {
    let server = Arc::new(Mutex::new(Server::default()));
    let address = http::serve(Arc::clone(&server), Server::answer).await;
    let kind = StoreKind::Consul { token: Some("consul".parse().unwrap()) };
    (StoreAccess { kind, address, ca: None, identity: None }, server)
}

fn change(key: &str, version: u64, value: Option<&str>) -> Change {
    Change { key: key.to_owned(), version, value: value.map(|text| text.as_bytes().to_vec()) }
}

fn keys(keys: &[&str]) -> BTreeSet<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}

#[tokio::test]
async fn changes_are_made_all_or_none_and_only_over_what_was_seen() {
    let (access, server) = serve().await;
    let consul = Consul::open(Path::new("/"), &access, Some(Secret::new(TOKEN.to_owned()))).unwrap();
    assert!(consul.read(&keys(&["shop/a b"])).await.unwrap().is_empty());
    consul.swap(&[change("shop/a b", 0, Some("1")), change("shop/c", 0, Some("é"))]).await.unwrap();
    let held = consul.read(&keys(&["shop/a b", "shop/c", "shop/d"])).await.unwrap();
    assert_eq!(held.len(), 2);
    assert_eq!(held["shop/c"].bytes, "é".as_bytes());
    assert_eq!(server.lock().unwrap().held["shop/a b"].0, STANDARD.encode("1"));
    // Somebody else was faster with one of the keys: nothing of it happens.
    let stale = held["shop/c"].version;
    consul.swap(&[change("shop/c", stale, Some("2"))]).await.unwrap();
    let swapped = consul.swap(&[change("shop/d", 0, Some("x")), change("shop/c", stale, None)]).await;
    assert_eq!(swapped, Err(StoreError::Conflict("shop/c".to_owned())));
    let held = consul.read(&keys(&["shop/c", "shop/d"])).await.unwrap();
    assert_eq!((held.len(), &held["shop/c"].bytes[..]), (1, &b"2"[..]));
    consul.swap(&[change("shop/c", held["shop/c"].version, None), change("shop/d", 0, None)]).await.unwrap();
    assert!(consul.read(&keys(&["shop/c", "shop/d"])).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_never_shown_and_silence_is_no_answer() {
    let (access, _server) = serve().await;
    let consul = Consul::open(Path::new("/"), &access, Some(Secret::new("wr0ng-canary".to_owned()))).unwrap();
    let Err(StoreError::Refused(why)) = consul.read(&keys(&["a"])).await else { panic!("it was let in") };
    assert!(why.contains("403") && !why.contains("wr0ng-canary"), "{why}");
    let nobody = StoreAccess { address: "http://127.0.0.1:1".to_owned(), ..access };
    let consul = Consul::open(Path::new("/"), &nobody, None).unwrap();
    assert!(matches!(consul.swap(&[change("a", 0, None)]).await, Err(StoreError::InDoubt(_))));
}

#[tokio::test]
async fn a_token_that_may_only_read_is_not_taken_for_a_change_of_somebody_else() {
    let (access, server) = serve().await;
    let consul = Consul::open(Path::new("/"), &access, Some(Secret::new(TOKEN.to_owned()))).unwrap();
    server.lock().unwrap().reads_only = true;
    let Err(StoreError::Refused(why)) = consul.swap(&[change("shop/a", 0, Some("1"))]).await else {
        panic!("it is not refused")
    };
    assert!(why.contains("token") && why.contains("shop/a"), "{why}");
}

#[tokio::test]
async fn what_is_more_than_a_transaction_takes_is_known_before_it_is_sent() {
    let (access, _server) = serve().await;
    let consul = Consul::open(Path::new("/"), &access, Some(Secret::new(TOKEN.to_owned()))).unwrap();
    let many = |count: usize| (0..count).map(|number| change(&format!("k{number}"), 0, Some("x"))).collect::<Vec<_>>();
    assert_eq!(consul.fits(&many(64)), Ok(()));
    consul.swap(&many(64)).await.unwrap();
    assert_eq!(consul.fits(&many(65)), Err("65 changes at once, and it takes 64".to_owned()));
    // Four bytes are sent for three: what counts is what is sent.
    let large = |bytes: usize| [change("k", 0, Some(&"x".repeat(bytes)))];
    let frame = r#"[{"KV":{"Index":0,"Key":"k","Value":"","Verb":"cas"}}]"#.len();
    let most = (512 * 1024 - frame) / 4 * 3;
    assert_eq!(consul.fits(&large(most)), Ok(()));
    let Err(why) = consul.fits(&large(most + 1)) else { panic!("it is more than is taken") };
    assert!(why.ends_with("bytes, as they are sent, at once, and it takes 524288"), "{why}");
}

#[test]
fn etcd_counts_comparisons_and_takes_three_times_as_many_bytes() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (kind, address) = (StoreKind::Etcd { login: None }, "http://127.0.0.1:1".to_owned());
    let etcd = Etcd::open(Path::new("/"), &StoreAccess { kind, address, ca: None, identity: None }, None).unwrap();
    // A key that is only compared, as it is to stay away, counts like any other.
    let many = |count: usize| (0..count).map(|number| change(&format!("k{number}"), 0, None)).collect::<Vec<_>>();
    assert_eq!(etcd.fits(&many(128)), Ok(()));
    assert_eq!(etcd.fits(&many(129)), Err("129 changes at once, and it takes 128".to_owned()));
    let most = 1536 * 1024 - 128 * 64 - 2;
    assert_eq!(etcd.fits(&[change("k", 0, Some(&"x".repeat(most)))]), Ok(()));
    assert!(etcd.fits(&[change("k", 0, Some(&"x".repeat(most + 1)))]).is_err());
}
