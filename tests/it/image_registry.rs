//! What a registry is asked, and who we say that we are. The registry is a few lines of canned HTTP; a hostile one is in
//! `registry_answers.rs`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};
use shipctl::environment::{self, RegistryLogin, Secret};
use shipctl::image::reference::{ImageName, Reference};
use shipctl::redact::Redactor;
use shipctl::registry::credentials::{Logins, Origin, make_url_safe};
use shipctl::registry::token::Challenge;
use shipctl::registry::{Registry, RegistryError, oci::OciRegistry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const MANIFEST: &str = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
const PASSWORD: &str = "hunter2-canary";

fn digest(bytes: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn manifest_answer(digest: &str, body: &str) -> String {
    answer("200 OK", &format!("docker-content-digest: {digest}\r\n"), body)
}

/// Answers each request with what `respond` makes of it and of how many came before; returns the host and the requests.
async fn serve(respond: impl Fn(usize, &str, &str) -> String + Send + 'static) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let (own_host, seen) = (host.clone(), requests.clone());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 16384];
            let read = stream.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let before = seen.lock().unwrap().len();
            let response = respond(before, &own_host, &request);
            seen.lock().unwrap().push(request);
            stream.write_all(response.as_bytes()).await.unwrap();
        }
    });
    (host, requests)
}

async fn resolve(host: &str, docker_config: Option<&Path>, image: &str) -> Result<String, RegistryError> {
    let (registry, image) = open(host, docker_config, image);
    registry.resolve(&image).await.map(|digest| digest.to_string())
}

fn open(host: &str, docker_config: Option<&Path>, image: &str) -> (OciRegistry, Reference) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let password = "registry-password".parse().unwrap();
    let login = RegistryLogin { username: "ship".to_owned(), password };
    let login = docker_config.is_none().then_some(login);
    let own = environment::Registry {
        host: host.to_owned(),
        ca: None,
        insecure: true,
        login,
        push: environment::Pusher::default(),
    };
    let secrets = BTreeMap::from([("registry-password".parse().unwrap(), Secret::new(PASSWORD.to_owned()))]);
    let logins = Logins::new(Some(&own), &secrets, docker_config.map(Path::to_owned), Redactor::default()).unwrap();
    let registry = OciRegistry::open(Path::new("/"), Some(&own), logins).unwrap();
    (registry, image.parse::<ImageName>().unwrap().locate(Some(host)))
}

#[tokio::test]
async fn labels_are_those_of_the_image_also_behind_an_index() {
    let config = r#"{"architecture":"arm64","os":"linux","config":{"Labels":{"shipctl.content":"c0ffee"}}}"#;
    let descriptor = |kind: &str, text: &str| {
        format!(r#"{{"mediaType":"{kind}","digest":"{}","size":{}}}"#, digest(text), text.len())
    };
    let image = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}}"#,
        descriptor("application/vnd.oci.image.config.v1+json", config)
    );
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{}]}}"#,
        descriptor("application/vnd.oci.image.manifest.v1+json", &image)
    );
    for top in [image.clone(), index] {
        let (name, image) = (format!("web@{}", digest(&top)), image.clone());
        let (host, _) = serve(move |_, _, request| {
            let is_index = |text: &str| text.contains("\"manifests\"");
            let kind = |text: &str| if is_index(text) { "index" } else { "manifest" };
            let manifest = |text: &str| {
                let headers = format!(
                    "docker-content-digest: {}\r\ncontent-type: application/vnd.oci.image.{}.v1+json\r\n",
                    digest(text),
                    kind(text)
                );
                answer("200 OK", &headers, text)
            };
            match request.split(' ').nth(1) {
                Some(path) if path.contains("/blobs/") => answer("200 OK", "", config),
                Some(path) if path.ends_with(&digest(&top)) => manifest(&top),
                Some(path) if path.ends_with(&digest(&image)) => manifest(&image),
                _ => answer("200 OK", "", ""),
            }
        })
        .await;
        let (registry, image) = open(&host, None, &name);
        let labels = registry.labels(&image).await.unwrap();
        assert_eq!(labels.get("shipctl.content").map(String::as_str), Some("c0ffee"));
    }
}

#[tokio::test]
async fn a_tag_becomes_the_digest_that_the_registry_names() {
    let (host, _) = serve(|_, _, _| manifest_answer(&digest(MANIFEST), MANIFEST)).await;
    assert_eq!(resolve(&host, None, "team/web:v1").await, Ok(digest(MANIFEST)));
    let (host, _) = serve(|_, _, _| answer("200 OK", "", MANIFEST)).await;
    assert_eq!(resolve(&host, None, "web").await, Ok(digest(MANIFEST)));
    assert_eq!(resolve(&host, None, &format!("web@{}", digest(MANIFEST))).await, Ok(digest(MANIFEST)));
}

#[tokio::test]
async fn no_other_content_is_taken_for_the_digest_that_was_asked_for() {
    let (host, _) = serve(|_, _, _| answer("200 OK", "", MANIFEST)).await;
    let error = resolve(&host, None, &format!("web@{}", digest("other"))).await.unwrap_err();
    assert!(matches!(error, RegistryError::Invalid { .. }), "{error}");
}

#[tokio::test]
async fn refused_credentials_are_named_by_their_origin_and_not_tried_again() {
    let (host, requests) =
        serve(|_, _, _| answer("401 Unauthorized", "www-authenticate: Basic realm=\"x\"\r\n", "")).await;
    let error = resolve(&host, None, "team/web").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "registry {host} refused the credentials for team/web (user \"ship\" with the secret `registry-password`, from the manifest)"
        )
    );
    assert!(!format!("{error:?} {:?}", error.hint()).contains(PASSWORD));
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 2);
    // base64 of `ship:hunter2-canary`: they were presented.
    assert!(requests[1].contains("Basic c2hpcDpodW50ZXIyLWNhbmFyeQ=="));
}

#[tokio::test]
async fn a_registry_that_is_briefly_away_is_asked_again_and_one_that_stays_away_is_given_up() {
    let away = || answer("503 Service Unavailable", "", "");
    let (host, requests) =
        serve(move |before, _, _| if before < 2 { away() } else { answer("200 OK", "", MANIFEST) }).await;
    assert_eq!(resolve(&host, None, "web").await, Ok(digest(MANIFEST)));
    assert_eq!(requests.lock().unwrap().len(), 2 + 2);
    let (host, requests) = serve(move |_, _, _| away()).await;
    let error = resolve(&host, None, "web").await.unwrap_err();
    let reason = "it answered 503 Service Unavailable".to_owned();
    assert_eq!(error, RegistryError::Unreachable { registry: host, reason });
    assert_eq!(requests.lock().unwrap().len(), 5);
}

#[tokio::test]
async fn an_image_that_is_not_there_is_said_to_be_missing() {
    let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
    for (status, body) in [("404 Not Found", body), ("404 Not Found", "")] {
        let (host, _) =
            serve(
                move |_, _, request| {
                    if request.starts_with("GET /v2/ ") { answer("200 OK", "", "") } else { answer(status, "", body) }
                },
            )
            .await;
        let error = resolve(&host, None, "web:v9").await.unwrap_err();
        assert_eq!(error, RegistryError::NotFound { image: format!("{host}/web:v9"), registry: host });
    }
}

/// A registry behind a token server; `granted` is what a request for a token must contain.
fn token_registry(granted: &'static str) -> impl Fn(usize, &str, &str) -> String + Send + 'static {
    move |_, host, request| {
        if request.contains(" /token") {
            let body = r#"{"token":"opaque-token"}"#;
            if request.contains(granted) { answer("200 OK", "", body) } else { answer("401 Unauthorized", "", "") }
        } else if request.contains("Bearer opaque-token") {
            answer("200 OK", "", MANIFEST)
        } else {
            let challenge = format!("www-authenticate: Bearer realm=\"http://{host}/token\",service=\"reg & co\"\r\n");
            answer("401 Unauthorized", &challenge, "")
        }
    }
}

#[tokio::test]
async fn a_token_is_fetched_with_the_password_or_the_identity_token() {
    let (host, requests) = serve(token_registry("Basic c2hpcDpodW50ZXIyLWNhbmFyeQ==")).await;
    assert_eq!(resolve(&host, None, "team/web").await, Ok(digest(MANIFEST)));
    let asked = requests.lock().unwrap()[1].clone();
    assert!(asked.starts_with("GET /token?scope=repository%3Ateam%2Fweb%3Apull&service=reg+%26+co "), "{asked}");

    let (host, _) =
        serve(token_registry("grant_type=refresh_token&client_id=shipctl&refresh_token=long%2Flived")).await;
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.json");
    std::fs::write(&config, format!(r#"{{"auths":{{"{host}":{{"identitytoken":"long/lived"}}}}}}"#)).unwrap();
    assert_eq!(resolve(&host, Some(&config), "team/web").await, Ok(digest(MANIFEST)));

    let (host, requests) = serve(token_registry("somebody else's")).await;
    let error = resolve(&host, None, "web").await.unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
    assert_eq!(requests.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_registry_that_knows_us_but_hides_a_repository_is_not_said_to_refuse_the_password() {
    let (host, _) = serve(|_, host, request| {
        let challenge = format!("www-authenticate: Bearer realm=\"http://{host}/token\"\r\n");
        if request.contains(" /token") {
            answer("200 OK", "", r#"{"access_token":"t"}"#)
        } else {
            answer("401 Unauthorized", &challenge, "")
        }
    })
    .await;
    let error = resolve(&host, None, "team/new").await.unwrap_err();
    assert!(matches!(error, RegistryError::Denied { .. }), "{error}");
}

#[tokio::test]
async fn credentials_come_from_the_docker_configuration_where_the_manifest_has_none() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.json");
    let logins =
        |config: &Path| Logins::new(None, &BTreeMap::new(), Some(config.to_owned()), Redactor::default()).unwrap();
    assert_eq!(logins(&config).of("host:5000").await.unwrap().origin, Origin::Nothing);
    // user:with:colons
    std::fs::write(&config, r#"{"auths":{"host:5000":{"auth":"dXNlcjp3aXRoOmNvbG9ucw=="},"https://index.docker.io/v1/":{"auth":"aHViOng="}}}"#).unwrap();
    let found = logins(&config).of("host:5000").await.unwrap();
    assert_eq!(found.origin, Origin::DockerConfig { username: Some("user".to_owned()) });
    assert_eq!(found.for_engine("host:5000").unwrap().password.as_deref(), Some("with:colons"));
    assert!(!format!("{found:?}").contains("colons"));
    let found = logins(&config).of("docker.io").await.unwrap();
    assert_eq!(found.origin, Origin::DockerConfig { username: Some("hub".to_owned()) });
    assert_eq!(logins(&config).of("other:5000").await.unwrap().origin, Origin::Nothing);
    std::fs::write(&config, "{").unwrap();
    assert!(matches!(logins(&config).of("host:5000").await, Err(RegistryError::Credentials { .. })));
    std::fs::write(&config, r#"{"credsStore":"there-is-no-such-helper"}"#).unwrap();
    let error = logins(&config).of("host:5000").await.unwrap_err().to_string();
    assert!(error.ends_with("the credential helper that it names cannot be started"), "{error}");
}

#[test]
fn challenges_are_read_as_registries_write_them() {
    let bearer = |realm: &str, service: Option<&str>| {
        Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
    };
    for (header, expected) in [
        ("Basic realm=\"x\"", Some(Challenge::Basic)),
        ("basic", Some(Challenge::Basic)),
        ("Bearer realm=\"https://a/token\",service=\"a\"", bearer("https://a/token", Some("a"))),
        ("bearer service=\"a\", realm=\"https://a/t\", scope=\"x,y\"", bearer("https://a/t", Some("a"))),
        ("Bearer realm=\"https://a\"", bearer("https://a", None)),
        ("Bearer service=\"a\"", None),
        ("Bearer realm=\"open", None),
        ("Digest realm=\"x\"", None),
        ("", None),
    ] {
        assert_eq!(Challenge::parse(header), expected, "{header}");
    }
}

#[test]
fn credentials_reach_an_engine_in_the_alphabet_that_it_reads() {
    let mut headers = http::HeaderMap::new();
    headers.insert("x-registry-auth", "ab+/c==".parse().unwrap());
    headers.insert("accept", "a/b+c".parse().unwrap());
    make_url_safe(&mut headers);
    assert_eq!((headers["x-registry-auth"].as_bytes(), headers["accept"].as_bytes()), (&b"ab-_c=="[..], &b"a/b+c"[..]));
    assert!(headers["x-registry-auth"].is_sensitive());
}
