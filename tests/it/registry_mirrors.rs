//! Mirrors of Docker Hub: which one is asked for what, as whom, and what is taken from it. Docker Hub itself is never reached.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use shipctl::environment::Mirror;
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
    let _ = rustls::crypto::ring::default_provider().install_default();
    let directory = TempDir::new().expect("a directory");
    let auths = logins
        .iter()
        .map(|(host, login)| ((*host).to_owned(), serde_json::json!({ "auth": BASE64_STANDARD.encode(login) })));
    let auths: BTreeMap<_, _> = auths.collect();
    let config = directory.path().join("config.json");
    std::fs::write(&config, serde_json::json!({ "auths": auths }).to_string()).expect("a file");
    let logins = Logins::new(None, &BTreeMap::new(), Some(config), Redactor::default()).expect("logins");
    let mirrors: Vec<_> = mirrors.iter().map(|&mirror| mirror.clone()).collect();
    let registry = OciRegistry::open(Path::new("/"), None, logins).and_then(|open| open.behind(&mirrors));
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
async fn a_mirror_gets_its_own_login_and_never_docker_hubs() {
    let (plain, anonymous) = mirror("401 Unauthorized", "").await;
    let (known, knowing) = mirror("200 OK", MANIFEST).await;
    let host = known.host.clone();
    let (_directory, registry) =
        behind(&[&plain, &known], &[("https://index.docker.io/v1/", "hub:canary"), (&host, "ann:mirror")]);
    registry.resolve(&image("nginx")).await.expect("a digest");
    let shown = |heads: &Heads| {
        let heads = heads.lock().expect("no panic").join("\n").to_lowercase();
        [("hub:canary", "hub"), ("ann:mirror", "mirror")]
            .into_iter()
            .filter(|(login, _)| heads.contains(&BASE64_STANDARD.encode(login).to_lowercase()))
            .map(|(_, whose)| whose)
            .collect::<Vec<_>>()
    };
    assert_eq!((shown(&anonymous), shown(&knowing)), (vec![], vec!["mirror"]));
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
