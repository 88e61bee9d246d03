//! An image that shipctl pushes itself, and what registries may answer meanwhile. The registry is a few lines of HTTP; the real
//! one is in the fleet's tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};
use shipctl::engine::thin::Saved;
use shipctl::environment::{self, RegistryLogin, Secret};
use shipctl::image::parcel::Parcel;
use shipctl::image::reference::{ImageName, Reference};
use shipctl::redact::Redactor;
use shipctl::registry::credentials::Logins;
use shipctl::registry::oci::OciRegistry;
use shipctl::registry::{Registry, RegistryError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PIECE: usize = 4 << 20;
/// Of a layer that no packing makes smaller: two pieces and a half.
const LARGE: usize = 10 << 20;

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// What a registry has, and how it misbehaves.
#[derive(Default)]
struct Harbour {
    host: String,
    /// By repository.
    blobs: BTreeSet<(String, String)>,
    contents: BTreeMap<String, Vec<u8>>,
    /// By tag.
    manifests: BTreeMap<String, Vec<u8>>,
    uploads: BTreeMap<usize, Vec<u8>>,
    /// Uploads that were begun.
    begun: usize,
    /// Method, path and range of each request but those for tokens.
    seen: Vec<String>,
    /// Heads of requests, as they were sent.
    heads: Vec<String>,
    /// Bytes of blobs that were sent.
    received: usize,
    /// After so many bytes of the next pieces the connection breaks.
    cuts: Vec<usize>,
    /// An upload that broke off is gone.
    forgets: bool,
    /// It takes blobs over from its other repositories.
    mounts: bool,
    /// Where uploads go, for a number; beneath itself, if nothing is said.
    location: Option<Location>,
    /// What it says that it has stored.
    says: Option<String>,
    /// Tokens are good for so many requests.
    tokens: Option<usize>,
    left: usize,
    /// It asks for a password, and not for a token.
    basic: bool,
    /// Methods that are open to anybody.
    open_to: &'static [&'static str],
    /// The least that it takes of a blob, but for the last piece.
    least: Option<usize>,
}

/// Where an upload of this number goes, in the words of this host.
type Location = Box<dyn Fn(&str, usize) -> Option<String> + Send>;

/// An answer's status, headers and body.
type Answer = (&'static str, String, Vec<u8>);

fn plain(status: &'static str) -> Answer {
    (status, String::new(), Vec::new())
}

impl Harbour {
    fn location(&self, number: usize) -> String {
        match &self.location {
            Some(location) => location(&self.host, number).map(|to| format!("location: {to}\r\n")).unwrap_or_default(),
            None => format!("location: /v2/shop/web/blobs/uploads/{number}?_state=a%3D{number}\r\n"),
        }
    }

    fn stored(&self, digest: &str) -> String {
        format!("docker-content-digest: {}\r\n", self.says.as_deref().unwrap_or(digest))
    }

    fn answer(&mut self, head: &str, body: &[u8]) -> Answer {
        let mut words = head.split_whitespace();
        let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
        if let Some(allowed) = self.tokens {
            if path.starts_with("/token") {
                self.left = allowed;
                return ("200 OK", String::new(), br#"{"token":"t"}"#.to_vec());
            }
            let (ours, challenge) = if self.basic {
                // base64 of `ship:canary`.
                ("authorization: Basic c2hpcDpjYW5hcnk=", "Basic realm=\"x\"".to_owned())
            } else {
                ("authorization: Bearer t", format!("Bearer realm=\"http://{}/token\"", self.host))
            };
            if !self.open_to.contains(&method) {
                if self.left == 0 && !self.basic || !head.contains(ours) {
                    return ("401 Unauthorized", format!("www-authenticate: {challenge}\r\n"), Vec::new());
                }
                self.left = self.left.saturating_sub(1);
            }
        }
        if path == "/v2/" {
            return plain("200 OK");
        }
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let upload = path.strip_prefix("/v2/shop/web/blobs/uploads/").unwrap_or_default().parse::<usize>().ok();
        match (method, upload) {
            ("HEAD", _) => {
                let (repository, digest) = path.trim_start_matches("/v2/").split_once("/blobs/").expect("a blob");
                let is_there = self.blobs.contains(&(repository.to_owned(), digest.to_owned()));
                plain(if is_there { "200 OK" } else { "404 Not Found" })
            }
            ("POST", _) => {
                let digest = query.strip_prefix("mount=").map(|it| it.split('&').next().unwrap_or_default());
                if let (Some(digest), true) = (digest, self.mounts) {
                    self.blobs.insert(("shop/web".to_owned(), digest.to_owned()));
                    return ("201 Created", format!("location: /v2/shop/web/blobs/{digest}\r\n"), Vec::new());
                }
                let number = self.begun;
                self.begun += 1;
                self.uploads.insert(number, Vec::new());
                let least = self.least.map(|least| format!("oci-chunk-min-length: {least}\r\n")).unwrap_or_default();
                ("202 Accepted", self.location(number) + &least, Vec::new())
            }
            ("GET" | "PATCH", Some(number)) => {
                let Some(have) = self.uploads.get_mut(&number) else { return plain("404 Not Found") };
                if method == "PATCH" {
                    let range = format!("content-range: {}-{}", have.len(), have.len() + body.len() - 1);
                    if !head.to_lowercase().contains(&range) {
                        return plain("416 Range Not Satisfiable");
                    }
                    have.extend_from_slice(body);
                    self.received += body.len();
                }
                let range = format!("range: 0-{}\r\n", have.len().saturating_sub(1));
                (
                    if method == "GET" { "204 No Content" } else { "202 Accepted" },
                    self.location(number) + &range,
                    Vec::new(),
                )
            }
            ("PUT", Some(number)) => {
                let content = self.uploads.remove(&number).expect("an upload");
                let own = digest(&content);
                if !query.ends_with(&format!("digest={}", own.replace(':', "%3A"))) {
                    return plain("400 Bad Request");
                }
                self.blobs.insert(("shop/web".to_owned(), own.clone()));
                let headers = self.stored(&own);
                self.contents.insert(own, content);
                ("201 Created", headers, Vec::new())
            }
            ("PUT", None) => {
                let tag = path.strip_prefix("/v2/shop/web/manifests/").expect("a tag");
                self.manifests.insert(tag.to_owned(), body.to_vec());
                ("201 Created", self.stored(&digest(body)), Vec::new())
            }
            _ => plain("404 Not Found"),
        }
    }

    /// What there is of a broken piece.
    fn broken(&mut self, head: &str, body: &[u8]) {
        let number = head.split("/uploads/").nth(1).and_then(|it| it.split(['?', ' ']).next()?.parse().ok());
        let number: usize = number.expect("an upload");
        self.received += body.len();
        if self.forgets {
            self.uploads.remove(&number);
        } else if let Some(have) = self.uploads.get_mut(&number) {
            have.extend_from_slice(body);
        }
    }
}

async fn talk(mut stream: TcpStream, harbour: Arc<Mutex<Harbour>>) {
    let (mut bytes, mut part) = (Vec::new(), vec![0; 64 << 10]);
    let mut cut = None;
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length =
                head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let whole = end + 4 + length.unwrap_or(0usize);
            if head.starts_with("PATCH") && cut.is_none() {
                let mut harbour = harbour.lock().expect("no panic");
                cut = Some(if harbour.cuts.is_empty() { usize::MAX } else { harbour.cuts.remove(0) });
            }
            let limit = cut.unwrap_or(usize::MAX);
            if bytes.len() - end - 4 >= limit {
                harbour.lock().expect("no panic").broken(&head, &bytes[end + 4..end + 4 + limit]);
                return;
            }
            if bytes.len() >= whole {
                let (status, headers, body) = {
                    let mut harbour = harbour.lock().expect("no panic");
                    let answer = harbour.answer(&head, &bytes[end + 4..]);
                    let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
                    let lower = head.to_lowercase();
                    let range = lower.lines().find_map(|line| line.strip_prefix("content-range: "));
                    if !line.ends_with("/v2/") && !line.contains("/token") {
                        harbour.seen.push(format!("{line} {}", range.unwrap_or_default()).trim_end().to_owned());
                    }
                    harbour.heads.push(head.clone());
                    answer
                };
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n");
                let _gone = stream.write_all(head.as_bytes()).await;
                let _gone = stream.write_all(&body).await;
                return;
            }
        }
        match stream.read(&mut part).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&part[..read]),
            _ => return,
        }
    }
}

/// Serves until the runtime ends.
async fn serve(mut harbour: Harbour) -> (String, Arc<Mutex<Harbour>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    harbour.host.clone_from(&host);
    let harbour = Arc::new(Mutex::new(harbour));
    let shared = Arc::clone(&harbour);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            tokio::spawn(talk(stream, Arc::clone(&shared)));
        }
    });
    (host, harbour)
}

/// Bytes that look random.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state: u64 = 1;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

/// An image as an engine with unpacked layers saves it: these, lowest first.
fn saved(layers: &[&[u8]]) -> Arc<Saved> {
    let config =
        serde_json::json!({ "rootfs": { "diff_ids": layers.iter().map(|it| digest(it)).collect::<Vec<_>>() } });
    let names: Vec<_> = (0..layers.len()).map(|number| format!("{number}/layer.tar")).collect();
    let manifest = serde_json::json!([{ "Config": "c.json", "RepoTags": null, "Layers": names }]);
    let mut archive = tar::Builder::new(tempfile::tempfile().expect("a file"));
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, bytes).expect("an archive");
    };
    for (name, layer) in names.iter().zip(layers) {
        add(name, layer);
    }
    add("c.json", config.to_string().as_bytes());
    add("manifest.json", manifest.to_string().as_bytes());
    let mut file: File = archive.into_inner().expect("an archive");
    file.rewind().expect("a file");
    Arc::new(Saved::read(file).expect("an image"))
}

async fn parcel(layers: &[&[u8]]) -> Parcel {
    Parcel::pack(&saved(layers), tempfile::tempfile).await.expect("a parcel")
}

fn open(host: &str) -> (OciRegistry, Reference) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let password = "registry-password".parse().expect("a name");
    let login = Some(RegistryLogin { username: "ship".to_owned(), password });
    let push = environment::Pusher::Shipctl;
    let own = environment::Registry { host: host.to_owned(), ca: None, insecure: true, login, push };
    let secrets = BTreeMap::from([("registry-password".parse().expect("a name"), Secret::new("canary".to_owned()))]);
    let logins = Logins::new(Some(&own), &secrets, None, Redactor::default()).expect("a login");
    let registry = OciRegistry::open(Path::new("/"), Some(&own), logins).expect("a registry");
    (registry, named(host, "shop/web:v1"))
}

fn named(host: &str, name: &str) -> Reference {
    name.parse::<ImageName>().expect("a name").locate(Some(host))
}

async fn push(host: &str, parcel: &Parcel) -> Result<String, RegistryError> {
    let (registry, image) = open(host);
    registry.push(&image, parcel, &[], &|_, _| ()).await.map(|digest| digest.to_string())
}

fn lock(harbour: &Mutex<Harbour>) -> MutexGuard<'_, Harbour> {
    harbour.lock().expect("no panic")
}

/// So that only the layer is sent.
fn has_configuration(harbour: &Mutex<Harbour>, parcel: &Parcel) {
    let config = parcel.blobs.last().expect("a configuration").digest.to_string();
    lock(harbour).blobs.insert(("shop/web".to_owned(), config));
}

#[tokio::test]
async fn what_a_registry_lacks_is_sent_in_pieces_and_once() {
    let (host, harbour) = serve(Harbour::default()).await;
    let (large, small) = (noise(LARGE), b"a small layer".repeat(100));
    // The same layer twice is one blob.
    let parcel = parcel(&[&large, &small, &small]).await;
    assert_eq!(parcel.blobs.len(), 3);
    let (registry, image) = open(&host);
    let told = Mutex::new(Vec::new());
    let tell = |done, total| told.lock().expect("no panic").push((done, total));
    let pushed = registry.push(&image, &parcel, &[], &tell).await.expect("it is pushed");
    let all: u64 = parcel.blobs.iter().map(|blob| blob.size).sum();
    assert_eq!(told.into_inner().expect("no panic").last(), Some(&(all, all)));
    {
        let harbour = lock(&harbour);
        let manifest: serde_json::Value = serde_json::from_slice(&harbour.manifests["v1"]).expect("a manifest");
        assert_eq!(pushed.as_str(), digest(&harbour.manifests["v1"]));
        let layers = manifest["layers"].as_array().expect("layers");
        let unpacked = layers.iter().map(|layer| {
            assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
            let packed = &harbour.contents[layer["digest"].as_str().expect("a digest")];
            assert_eq!(layer["size"], packed.len());
            let mut bytes = Vec::new();
            GzDecoder::new(&packed[..]).read_to_end(&mut bytes).expect("a packed layer");
            bytes
        });
        assert_eq!(unpacked.collect::<Vec<_>>(), [large, small.clone(), small]);
        assert!(harbour.contents.contains_key(manifest["config"]["digest"].as_str().expect("a digest")));
        let pieces: Vec<_> = harbour.seen.iter().filter(|line| line.contains("PATCH")).collect();
        assert_eq!(pieces.len(), 3 + 1 + 1, "{pieces:?}");
        assert!(pieces.iter().any(|line| line.ends_with(&format!(" {PIECE}-{}", 2 * PIECE - 1))), "{pieces:?}");
        assert_eq!(harbour.received as u64, all);
    }
    // Packed again, it is the same, and nothing is sent but the tag.
    lock(&harbour).seen.clear();
    let again = self::parcel(&[&noise(LARGE), &b"a small layer".repeat(100), &b"a small layer".repeat(100)]).await;
    assert_eq!(again.digest, parcel.digest);
    assert_eq!(push(&host, &again).await, Ok(pushed.to_string()));
    let seen = lock(&harbour).seen.clone();
    assert!(seen.iter().all(|line| line.starts_with("HEAD ") || line == "PUT /v2/shop/web/manifests/v1"), "{seen:?}");
}

#[tokio::test]
async fn an_upload_goes_on_from_where_the_registry_says_it_is() {
    let cuts = vec![usize::MAX, 1_000_000, 30];
    let (host, harbour) = serve(Harbour { cuts, ..Harbour::default() }).await;
    let large = noise(LARGE);
    let parcel = parcel(&[&large]).await;
    has_configuration(&harbour, &parcel);
    push(&host, &parcel).await.expect("it is pushed");
    let harbour = lock(&harbour);
    let size = usize::try_from(parcel.blobs[0].size).expect("it fits");
    assert_eq!(harbour.received, size, "no byte was sent twice: {:?}", harbour.seen);
    let begun = [0, PIECE + 1_000_000 + 30];
    for at in begun {
        assert!(harbour.seen.iter().any(|line| line.contains(&format!(" {at}-"))), "{at}: {:?}", harbour.seen);
    }
    assert_eq!(harbour.seen.iter().filter(|line| line.starts_with("POST")).count(), 1, "{:?}", harbour.seen);
}

#[tokio::test]
async fn an_upload_that_the_registry_has_lost_begins_anew() {
    let harbour = Harbour { cuts: vec![PIECE - 1], forgets: true, ..Harbour::default() };
    let (host, harbour) = serve(harbour).await;
    let parcel = parcel(&[&noise(PIECE)]).await;
    push(&host, &parcel).await.expect("it is pushed");
    assert!(lock(&harbour).manifests.contains_key("v1"));
}

#[tokio::test]
async fn a_connection_that_always_breaks_is_given_up_and_no_tag_is_moved() {
    let harbour = Harbour { cuts: vec![0; 100], ..Harbour::default() };
    let (host, harbour) = serve(harbour).await;
    let error = push(&host, &parcel(&[b"a layer"]).await).await.expect_err("it cannot be pushed");
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
    assert!(lock(&harbour).manifests.is_empty());
}

#[tokio::test]
async fn a_layer_of_another_repository_is_taken_from_there_or_sent_where_that_is_refused() {
    // The second registry asks for a login only where something is written.
    for (mounts, tokens) in [(true, None), (false, None), (true, Some(1000)), (false, Some(1000))] {
        let harbour = Harbour { mounts, tokens, open_to: &["GET", "HEAD"], ..Harbour::default() };
        let (host, harbour) = serve(harbour).await;
        let parcel = parcel(&[b"a layer"]).await;
        let layer = parcel.blobs[0].digest.to_string();
        lock(&harbour).blobs.insert(("shop/api".to_owned(), layer.clone()));
        let (registry, image) = open(&host);
        let others = [named(&host, "shop/jobs:v1"), named(&host, "shop/api:v1")];
        registry.push(&image, &parcel, &others, &|_, _| ()).await.expect("it is pushed");
        let harbour = lock(&harbour);
        let asked = format!("POST /v2/shop/web/blobs/uploads/?mount={layer}&from=shop/api");
        assert!(harbour.seen.contains(&asked), "{:?}", harbour.seen);
        assert_eq!(harbour.contents.contains_key(&layer), !mounts);
        // The upload that a refusal has begun is the one that is used: beside it, there is the configuration's.
        assert_eq!(harbour.begun, if mounts { 1 } else { 2 }, "{:?}", harbour.seen);
        assert!(harbour.uploads.is_empty(), "{:?}", harbour.seen);
        assert!(harbour.blobs.contains(&("shop/web".to_owned(), layer)));
    }
}

#[tokio::test]
async fn an_upload_goes_where_the_registry_says_if_that_may_be() {
    type Place = fn(&str, usize) -> Option<String>;
    let good: [Place; 3] = [
        |_, number| Some(format!("{number}")),
        |host, number| Some(format!("http://{host}/v2/shop/web/blobs/uploads/{number}?a=b&_state=x%2By")),
        |_, number| Some(format!("/v2/shop/web/blobs/uploads/{number}")),
    ];
    let parcel = parcel(&[b"a layer"]).await;
    for location in good {
        let (host, harbour) = serve(Harbour { location: Some(Box::new(location)), ..Harbour::default() }).await;
        push(&host, &parcel).await.expect("it is pushed");
        let harbour = lock(&harbour);
        let with_state = harbour.seen.iter().find(|line| line.contains("_state"));
        assert!(with_state.is_none_or(|line| line.contains("?a=b&_state=x%2By")), "{:?}", harbour.seen);
    }
    let bad: [(Place, &str); 4] = [
        (|_, _| None, "it does not say where an upload goes"),
        (|_, _| Some("file:///etc/passwd".to_owned()), "it sends the upload to what is no web address"),
        (
            |_, _| Some("http://169.254.169.254/latest/".to_owned()),
            "it sends the upload to 169.254.169.254, which is no place of a registry",
        ),
        (
            |_, _| Some("http://me:it@elsewhere/".to_owned()),
            "it sends the upload to elsewhere with credentials of its own",
        ),
    ];
    for (location, why) in bad {
        let (host, harbour) = serve(Harbour { location: Some(Box::new(location)), ..Harbour::default() }).await;
        let error = push(&host, &parcel).await.expect_err("it is not sent");
        assert!(matches!(&error, RegistryError::Invalid { reason, .. } if reason == why), "{error}");
        let harbour = lock(&harbour);
        assert_eq!((harbour.received, harbour.manifests.len()), (0, 0));
    }
}

#[tokio::test]
async fn another_host_that_takes_the_bytes_is_told_nothing_of_who_we_are() {
    let (elsewhere, store) = serve(Harbour::default()).await;
    lock(&store).uploads.extend([(0, Vec::new()), (1, Vec::new())]);
    let to = elsewhere.clone();
    let location = move |_: &str, number: usize| Some(format!("http://{to}/v2/shop/web/blobs/uploads/{number}"));
    let harbour = Harbour { location: Some(Box::new(location)), tokens: Some(1000), ..Harbour::default() };
    let (host, harbour) = serve(harbour).await;
    push(&host, &parcel(&[b"a layer"]).await).await.expect("it is pushed");
    let has = |harbour: &Harbour| harbour.heads.iter().any(|head| head.to_lowercase().contains("authorization"));
    assert!(has(&lock(&harbour)), "the registry is told");
    assert!(!has(&lock(&store)), "the other host is not");
    assert_eq!(lock(&store).contents.len(), 2);
}

#[tokio::test]
async fn a_token_that_runs_out_in_the_middle_is_had_again() {
    let (host, harbour) = serve(Harbour { tokens: Some(2), ..Harbour::default() }).await;
    let parcel = parcel(&[&noise(LARGE)]).await;
    has_configuration(&harbour, &parcel);
    push(&host, &parcel).await.expect("it is pushed");
    let harbour = lock(&harbour);
    assert!(harbour.manifests.contains_key("v1"));
    assert_eq!(harbour.received as u64, parcel.blobs[0].size, "no byte was sent twice: {:?}", harbour.seen);
}

/// How often something was asked for, whatever the answer.
fn asked(harbour: &Harbour, what: &str) -> usize {
    harbour.heads.iter().filter(|head| head.starts_with(what)).count()
}

#[tokio::test]
async fn a_token_is_had_once_for_each_scope_of_a_push() {
    let (host, harbour) = serve(Harbour { tokens: Some(1000), ..Harbour::default() }).await;
    push(&host, &parcel(&[b"one layer", b"another", b"and another"]).await).await.expect("it is pushed");
    let harbour = lock(&harbour);
    // To look what there is, and to push.
    let scopes: Vec<_> = harbour.heads.iter().filter_map(|head| head.split_once("GET /token?scope=")).collect();
    let scopes: Vec<_> = scopes.iter().filter_map(|(_, rest)| rest.split_whitespace().next()).collect();
    assert_eq!(scopes, ["repository%3Ashop%2Fweb%3Apull", "repository%3Ashop%2Fweb%3Apull%2Cpush"]);
    assert_eq!(asked(&harbour, "GET /v2/ "), 2);
}

#[tokio::test]
async fn a_registry_that_is_open_to_readers_is_pushed_to_with_what_it_asks_of_writers() {
    let parcel = parcel(&[&noise(LARGE)]).await;
    let size: u64 = parcel.blobs.iter().map(|blob| blob.size).sum();
    for basic in [false, true] {
        // The login is asked for by what begins an upload, by its first piece, or by its end.
        for open_to in [&["GET", "HEAD"][..], &["GET", "HEAD", "POST"], &["GET", "HEAD", "POST", "PATCH"]] {
            let harbour = Harbour { tokens: Some(1000), basic, open_to, ..Harbour::default() };
            let (host, harbour) = serve(harbour).await;
            push(&host, &parcel).await.unwrap_or_else(|error| panic!("{basic} {open_to:?}: {error}"));
            let harbour = lock(&harbour);
            assert!(harbour.manifests.contains_key("v1"));
            assert_eq!(harbour.received as u64, size, "no byte was taken twice: {:?}", harbour.seen);
            assert_eq!(asked(&harbour, "GET /token"), usize::from(!basic), "{open_to:?}");
        }
    }
}

#[tokio::test]
async fn a_token_that_is_not_taken_for_a_push_is_had_once() {
    let harbour = Harbour { tokens: Some(0), open_to: &["GET", "HEAD"], ..Harbour::default() };
    let (host, harbour) = serve(harbour).await;
    let parcel = parcel(&[b"a layer"]).await;
    has_configuration(&harbour, &parcel);
    let error = push(&host, &parcel).await.expect_err("it is refused");
    assert!(matches!(error, RegistryError::Denied { .. }), "{error}");
    let harbour = lock(&harbour);
    assert_eq!((asked(&harbour, "GET /token"), asked(&harbour, "POST")), (1, 2));
    assert!(harbour.manifests.is_empty());
}

#[tokio::test]
async fn pieces_are_as_long_as_the_registry_asks_for() {
    let least = 6 << 20;
    let harbour = Harbour { least: Some(least), cuts: vec![1_000_000], ..Harbour::default() };
    let (host, harbour) = serve(harbour).await;
    let parcel = parcel(&[&noise(LARGE)]).await;
    has_configuration(&harbour, &parcel);
    push(&host, &parcel).await.expect("it is pushed");
    let harbour = lock(&harbour);
    let pieces: Vec<_> = harbour
        .seen
        .iter()
        .filter(|line| line.starts_with("PATCH"))
        .filter_map(|line| line.rsplit(' ').next())
        .collect();
    let size = parcel.blobs[0].size;
    // The first is cut, and is not among what was seen. It goes on with as long a one.
    let second = 1_000_000 + least;
    assert_eq!(pieces, [format!("1000000-{}", second - 1), format!("{second}-{}", size - 1)]);
}

#[tokio::test]
async fn what_a_registry_says_it_has_stored_is_what_it_was_sent() {
    let says = Some(digest(b"other"));
    let (host, _) = serve(Harbour { says: says.clone(), ..Harbour::default() }).await;
    let parcel = parcel(&[b"a layer"]).await;
    let error = push(&host, &parcel).await.expect_err("another blob");
    assert!(
        matches!(&error, RegistryError::Invalid { reason, .. } if reason.contains("it was sent sha256:")),
        "{error}"
    );
    // The blobs are there, so it is the manifest's turn.
    let (host, harbour) = serve(Harbour { says, ..Harbour::default() }).await;
    lock(&harbour).blobs.extend(parcel.blobs.iter().map(|blob| ("shop/web".to_owned(), blob.digest.to_string())));
    let error = push(&host, &parcel).await.expect_err("another manifest");
    let reason = format!("it was sent {}, and says that it stored {:?}", parcel.digest, digest(b"other"));
    assert_eq!(error, RegistryError::Invalid { registry: host, reason });
}

#[tokio::test]
async fn a_layer_that_is_not_what_the_builder_says_is_not_pushed() {
    let good = saved(&[b"a layer"]);
    let config = String::from_utf8(good.config.clone()).expect("text");
    let mut archive = tar::Builder::new(tempfile::tempfile().expect("a file"));
    let manifest = r#"[{"Config":"c.json","Layers":["0/layer.tar"]}]"#;
    for (name, text) in [("0/layer.tar", "another"), ("c.json", &config), ("manifest.json", manifest)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, name, text.as_bytes()).expect("an archive");
    }
    let bad = Arc::new(Saved::read(archive.into_inner().expect("an archive")).expect("an image"));
    let error = Parcel::pack(&bad, tempfile::tempfile).await.expect_err("another layer").to_string();
    assert_eq!(error, format!("the builder gives {} as its layer {}", digest(b"another"), digest(b"a layer")));
}
