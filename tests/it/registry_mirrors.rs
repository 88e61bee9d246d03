//! Mirrors of Docker Hub: which one is asked for what, as whom, and what is taken from it. Docker Hub itself is never reached.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use shipctl::environment::{self, Mirror};
use shipctl::image::reference::{ImageName, Reference};
use shipctl::redact::Redactor;
use shipctl::registry::Registry;
use shipctl::registry::credentials::Logins;
use shipctl::registry::oci::OciRegistry;
use tempfile::TempDir;

use crate::support::http;

const MANIFEST: &str = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;

/// What a mirror was asked, head by head.
type Heads = Arc<Mutex<Vec<String>>>;

/// A mirror that answers every question about a manifest like this.
async fn mirror(status: &'static str, body: &'static str) -> (Mirror, Heads) {
    let heads = Heads::default();
    let address = http::serve(Arc::clone(&heads), move |heads: &mut Vec<String>, head, _| {
        if head.starts_with("GET /v2/ ") && !head.to_lowercase().contains("authorization") {
            return ("401 Unauthorized\r\nwww-authenticate: Basic realm=\"mirror\"", String::new());
        }
        heads.push(head.to_owned());
        if head.starts_with("GET /v2/ ") { ("200 OK", String::new()) } else { (status, body.to_owned()) }
    });
    (address.await.parse().expect("an address"), heads)
}

/// Registries behind mirrors, with these logins of Docker's own configuration.
fn behind(mirrors: &[&Mirror], logins: &[(&str, &str)]) -> (TempDir, OciRegistry) {
    open(None, mirrors, logins)
}

/// The same beside the environment's own.
fn open(own: Option<&environment::Registry>, mirrors: &[&Mirror], logins: &[(&str, &str)]) -> (TempDir, OciRegistry) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let directory = TempDir::new().expect("a directory");
    let auths = logins
        .iter()
        .map(|(host, login)| ((*host).to_owned(), serde_json::json!({ "auth": BASE64_STANDARD.encode(login) })));
    let auths: BTreeMap<_, _> = auths.collect();
    let config = directory.path().join("config.json");
    std::fs::write(&config, serde_json::json!({ "auths": auths }).to_string()).expect("a file");
    let logins = Logins::new(own, &BTreeMap::new(), Some(config), Redactor::default()).expect("logins");
    let mirrors: Vec<_> = mirrors.iter().map(|&mirror| mirror.clone()).collect();
    let registry = OciRegistry::open(Path::new("/"), own, logins).and_then(|open| open.behind(&mirrors));
    (directory, registry.expect("registries"))
}

fn image(text: &str) -> Reference {
    text.parse::<ImageName>().expect("a name").locate(None)
}

fn digest(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}

fn manifests(heads: &Heads) -> Vec<String> {
    let heads = heads.lock().expect("no panic");
    let lines = heads.iter().filter_map(|head| head.lines().next()).filter(|line| line.contains("/manifests/"));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_first_mirror_that_has_an_image_says_what_its_tag_leads_to() {
    let (lacks, asked) = mirror("404 Not Found", "").await;
    let (broken, _) = mirror("500 Internal Server Error", "").await;
    let (has, found) = mirror("200 OK", MANIFEST).await;
    let (last, unasked) = mirror("200 OK", MANIFEST).await;
    let (_directory, registry) = behind(&[&lacks, &broken, &has, &last], &[]);
    let resolved = registry.resolve(&image("nginx:1.27")).await.expect("a digest");
    assert_eq!(resolved.as_str(), digest(MANIFEST));
    let question = "GET /v2/library/nginx/manifests/1.27 HTTP/1.1";
    assert_eq!((manifests(&asked), manifests(&found)), (vec![question.to_owned()], vec![question.to_owned()]));
    assert_eq!(manifests(&unasked), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_mirror_makes_up_is_not_taken_from_it() {
    let (lies, asked) = mirror("200 OK", r#"{"schemaVersion":2,"config":{},"layers":[ ]}"#).await;
    let (has, _) = mirror("200 OK", MANIFEST).await;
    let (_directory, registry) = behind(&[&lies, &has], &[]);
    let wanted = format!("ann/web@{}", digest(MANIFEST));
    assert_eq!(registry.resolve(&image(&wanted)).await.expect("a digest").as_str(), digest(MANIFEST));
    assert_eq!(manifests(&asked), [format!("GET /v2/ann/web/manifests/{} HTTP/1.1", digest(MANIFEST))]);
}

#[tokio::test]
async fn a_mirror_without_tls_is_not_told_who_we_are() {
    let (refuses, asked) = mirror("401 Unauthorized\r\nwww-authenticate: Basic realm=\"mirror\"", "").await;
    let (has, found) = mirror("200 OK", MANIFEST).await;
    let hosts = [refuses.host.clone(), has.host.clone()];
    let logins = [("https://index.docker.io/v1/", "hub:canary"), (&*hosts[0], "ann:first"), (&*hosts[1], "ann:other")];
    let (_directory, registry) = behind(&[&refuses, &has], &logins);
    registry.resolve(&image("nginx")).await.expect("a digest");
    for heads in [asked, found] {
        let heads = heads.lock().expect("no panic").join("\n").to_lowercase();
        assert!(heads.contains("/manifests/") && !heads.contains("authorization:"), "{heads}");
    }
}

/// Over TLS it would be shown its own login. Here it is the environment's own registry, which has none.
#[tokio::test]
async fn a_mirror_that_is_the_registry_gets_its_login_and_never_docker_hubs() {
    let (own, heads) = mirror("200 OK", MANIFEST).await;
    let host = own.host.clone();
    let logins = [("https://index.docker.io/v1/", "hub:canary"), (&*host, "ann:mirror")];
    let own_registry = environment::Registry {
        host: host.clone(),
        ca: None,
        insecure: true,
        login: None,
        push: environment::Pusher::default(),
    };
    let (_directory, registry) = open(Some(&own_registry), &[&own], &logins);
    registry.resolve(&image("nginx")).await.expect("a digest");
    let heads = heads.lock().expect("no panic").join("\n").to_lowercase();
    let shown = |login: &str| heads.contains(&BASE64_STANDARD.encode(login).to_lowercase());
    assert_eq!((shown("ann:mirror"), shown("hub:canary")), (true, false), "{heads}");
}

#[tokio::test]
async fn a_mirror_that_says_nothing_is_waited_for_once() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let silent: Mirror = format!("http://{}", silent.local_addr().expect("an address")).parse().expect("a mirror");
    let (has, _) = mirror("200 OK", MANIFEST).await;
    let (_directory, registry) = behind(&[&silent, &has], &[]);
    let begun = tokio::time::Instant::now();
    for _ in 0..20 {
        registry.resolve(&image("nginx")).await.expect("a digest");
    }
    // Twenty waits would take 100 s.
    assert!(begun.elapsed() < Duration::from_mins(1));
    assert_eq!(registry.told_by(&digest(MANIFEST)), Some(has.host));
}

#[tokio::test]
async fn what_is_not_docker_hubs_is_not_looked_for_at_its_mirrors() {
    let (has, asked) = mirror("200 OK", MANIFEST).await;
    let (_directory, registry) = behind(&[&has], &[]);
    // Nobody listens there.
    let error = registry.resolve(&image("127.0.0.1:1/shop/web:v1")).await.expect_err("nobody answers");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    assert_eq!(asked.lock().expect("no panic").len(), 0);
}
