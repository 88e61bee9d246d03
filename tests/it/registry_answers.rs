//! A hostile registry: what it may answer to a question about an image, each kind of answer with what becomes of it. What it may
//! answer to a push is in `registry_push.rs`, to a list of names in `registry_keep.rs`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use shipctl::environment::{self, RegistryLogin, Secret};
use shipctl::image::reference::{ImageName, Reference};
use shipctl::redact::Redactor;
use shipctl::registry::credentials::Logins;
use shipctl::registry::oci::OciRegistry;
use shipctl::registry::{Registry, RegistryError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::http;

const MANIFEST: &str = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn digest(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}

fn open(host: &str, ca: Option<&str>) -> (OciRegistry, Reference) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let password = "registry-password".parse().expect("a name");
    let login = Some(RegistryLogin { username: "ship".to_owned(), password });
    let own = environment::Registry {
        host: host.to_owned(),
        ca: ca.map(Into::into),
        insecure: ca.is_none(),
        login,
        push: environment::Pusher::default(),
    };
    let secrets = BTreeMap::from([("registry-password".parse().expect("a name"), Secret::new("canary".to_owned()))]);
    let logins = Logins::new(Some(&own), &secrets, None, Redactor::default()).expect("a login");
    let registry = OciRegistry::open(&certificates(), Some(&own), logins).expect("a registry");
    (registry, "shop/web:v1".parse::<ImageName>().expect("a name").locate(Some(host)))
}

fn certificates() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/certificates")
}

/// Why no digest is taken where questions about a manifest are answered like that, and how many of them there were.
async fn refused(answer: &'static str, body: &str) -> (String, usize) {
    let body = body.to_owned();
    let (result, asked) = resolve(move |_| (answer, body.clone())).await;
    let error = result.expect_err("no digest is taken from it");
    (error.to_string().split_once(": ").map(|(_, reason)| reason.to_owned()).expect("a reason"), asked)
}

/// Resolves a tag of a registry that answers questions about manifests so, by their number.
async fn resolve(
    answer: impl Fn(usize) -> (&'static str, String) + Send + 'static,
) -> (Result<String, RegistryError>, usize) {
    let asked = Arc::new(Mutex::new(0));
    let address = http::serve(Arc::clone(&asked), move |asked, head, _| {
        if head.starts_with("GET /v2/ ") {
            return ("200 OK", String::new());
        }
        *asked += 1;
        answer(*asked)
    });
    let (registry, image) = open(address.await.strip_prefix("http://").expect("an address"), None);
    let digest = registry.resolve(&image).await.map(|digest| digest.to_string());
    let asked = *asked.lock().expect("no panic");
    (digest, asked)
}

#[tokio::test]
async fn what_is_no_manifest_gives_no_digest() {
    for (answer, body, why) in [
        ("200 OK\r\ncontent-type: text/html", "<html>please log in</html>", "the manifest is not a JSON object"),
        ("200 OK", "", "the manifest is not a JSON object"),
        ("200 OK\r\ncontent-encoding: gzip", "\u{1f}\u{8b}\u{8}garbage", "the manifest is not a JSON object"),
        ("200 OK\r\ncontent-type: text/html; charset=utf-8", MANIFEST, r#"it calls a manifest "text/html""#),
        ("204 No Content", "", "the manifest is not a JSON object"),
    ] {
        assert_eq!(refused(answer, body).await, (why.to_owned(), 1), "{answer} {body}");
    }
}

#[tokio::test]
async fn the_digest_is_that_of_the_content() {
    let named = |of: &str| -> &'static str { format!("200 OK\r\ndocker-content-digest: {of}").leak() };
    for other in [digest("other"), "sha256:12".to_owned(), format!("sha512:{}", "ab".repeat(64))] {
        let why = format!("it names the content {other:?}, and that is {}", digest(MANIFEST));
        assert_eq!(refused(named(&other), MANIFEST).await, (why, 1));
    }
    for answer in ["200 OK", named(&digest(MANIFEST))] {
        assert_eq!(resolve(move |_| (answer, MANIFEST.to_owned())).await, (Ok(digest(MANIFEST)), 1));
    }
}

#[tokio::test]
async fn a_manifest_is_one_image_or_one_index_whatever_it_is_called() {
    let neither = "a manifest that is neither one image nor one index";
    let called = |kind: &str| -> &'static str { format!("200 OK\r\ncontent-type: {kind}").leak() };
    for (answer, body, why) in [
        ("200 OK", r#"{"schemaVersion":2,"config":{},"layers":[],"manifests":[]}"#, neither),
        ("200 OK", r#"{"schemaVersion":2,"config":{}}"#, neither),
        ("200 OK", r#"{"schemaVersion":1,"fsLayers":[]}"#, "a manifest of another schema version than 2"),
        ("200 OK", r#"{"schemaVersion":2,"mediaType":"a/b","manifests":[]}"#, r#"not an image but "\"a/b\"""#),
        (called(INDEX), MANIFEST, r#"it calls a manifest "application/vnd.oci.image.index.v1+json""#),
        (
            called(IMAGE),
            r#"{"schemaVersion":2,"manifests":[]}"#,
            r#"it calls a manifest "application/vnd.oci.image.manifest.v1+json""#,
        ),
    ] {
        assert_eq!(refused(answer, body).await, (why.replace(r#""\"a/b\"""#, r#""a/b""#), 1), "{body}");
    }
    // Of an index within an index nothing is read: however deep they are, two are asked for.
    let inner = r#"{"schemaVersion":2,"manifests":[{"digest":"sha256:12"}]}"#;
    let outer = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{}"}}]}}"#, digest(inner));
    let asked = Arc::new(Mutex::new(0));
    let (first, second) = (outer.clone(), inner.to_owned());
    let address = http::serve(Arc::clone(&asked), move |asked, head, _| {
        *asked += usize::from(head.contains("/manifests/"));
        ("200 OK", if head.contains("/manifests/v1 ") { first.clone() } else { second.clone() })
    });
    let (registry, image) = open(address.await.strip_prefix("http://").expect("an address"), None);
    let error = registry.labels(&image).await.expect_err("an index has no labels").to_string();
    assert!(error.ends_with("a manifest that is not one image's"), "{error}");
    assert_eq!(*asked.lock().expect("no panic"), 2);
    // An index without an image for anybody's platform is what it is; engines say that they are not in it.
    assert_eq!(registry.resolve(&image).await.expect("a digest").as_str(), digest(&outer));
}

/// Answers each connection with what `send` writes, until the runtime ends.
async fn stream<F>(send: impl Fn(tokio::net::TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut head = [0; 4096];
            let _read = stream.read(&mut head).await;
            if head.starts_with(b"GET /v2/ ") {
                let _gone =
                    stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
                continue;
            }
            tokio::spawn(send(stream));
        }
    });
    host
}

#[tokio::test]
async fn a_manifest_is_small_and_ends() {
    let (why, asked) = refused("200 OK", &" ".repeat((4 << 20) + 1)).await;
    assert_eq!((&*why, asked), ("its answer has no end", 1));
    let host = stream(async |mut stream| {
        let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
        while stream.write_all(&chunk).await.is_ok() {}
    });
    let (registry, image) = open(&host.await, None);
    let error = registry.resolve(&image).await.expect_err("it has no end").to_string();
    assert!(error.ends_with("its answer has no end"), "{error}");
}

/// The clock is the runtime's: nobody waits.
#[tokio::test(start_paused = true)]
async fn a_manifest_that_comes_byte_by_byte_is_given_up() {
    let host = stream(async |mut stream| {
        let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await;
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        }
    });
    let (registry, image) = open(&host.await, None);
    let error = registry.resolve(&image).await.expect_err("it takes for ever");
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_redirect_takes_no_credentials_along_and_leads_to_no_odd_place() {
    // Credentials are asked for, and another host is named, which has the content.
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let store = http::serve(Arc::clone(&heads), |heads: &mut Vec<String>, head, _| {
            heads.push(head.to_lowercase());
            ("200 OK", MANIFEST.to_owned())
        })
        .await;
        let to: &'static str = format!("{status}\r\nlocation: {store}/content").leak();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let address = http::serve(Arc::clone(&seen), move |seen: &mut Vec<String>, head, _| {
            seen.push(head.to_lowercase());
            let unknown = "401 Unauthorized\r\nwww-authenticate: Basic realm=\"x\"";
            (if head.starts_with("GET /v2/ ") { unknown } else { to }, String::new())
        });
        let (registry, image) = open(address.await.strip_prefix("http://").expect("an address"), None);
        assert_eq!(registry.resolve(&image).await.expect("a digest").as_str(), digest(MANIFEST), "{status}");
        assert!(seen.lock().expect("no panic")[1].contains("authorization: basic"));
        let heads = heads.lock().expect("no panic");
        assert!(heads.len() == 1 && !heads[0].contains("authorization") && !heads[0].contains("canary"), "{heads:?}");
    }
    for (to, why) in [
        ("302 Found\r\nlocation: file:///etc/passwd", "it sends us to what is no web address"),
        (
            "302 Found\r\nlocation: http://169.254.169.254/latest/",
            "it sends us to 169.254.169.254, which is no place of a registry",
        ),
        (
            "307 Temporary Redirect\r\nlocation: http://[fe80::1]/",
            "it sends us to [fe80::1], which is no place of a registry",
        ),
        ("302 Found\r\nlocation: http://a:b@c/", "it sends us to c with credentials of its own"),
    ] {
        assert_eq!(refused(to, "").await, (why.to_owned(), 1));
    }
    let (why, asked) = refused("302 Found\r\nlocation: /v2/shop/web/manifests/v1", "").await;
    assert_eq!((&*why, asked), ("it sends us on more than 5 times", 6));
    // Without a place, it is an answer like others that are no success.
    assert_eq!(refused("302 Found", "").await, ("302 Found".to_owned(), 1));
}

#[tokio::test]
async fn a_password_goes_to_no_odd_token_server() {
    let long = format!("http://elsewhere/{}", "x".repeat(10 << 10));
    for (realm, why) in [
        ("ftp://elsewhere/token", "it sends credentials to what is no web address"),
        ("http://user:pass@elsewhere/token", "it sends credentials to elsewhere with credentials of its own"),
        ("http://169.254.169.254/", "it sends credentials to 169.254.169.254, which is no place of a registry"),
        ("file:///etc/passwd", "it sends credentials to what is no web address"),
        ("http://[", "it sends credentials to what is no address"),
        ("http://elsewhere.example/token", "it sends credentials to elsewhere.example, which is not of its own domain"),
        (&*long, "it asks for credentials without saying how"),
    ] {
        // Of everybody, or only once it sees what is asked.
        for is_open in [false, true] {
            let challenge: &'static str =
                format!("401 Unauthorized\r\nwww-authenticate: Bearer realm=\"{realm}\"").leak();
            let seen = Arc::new(Mutex::new(Vec::new()));
            let address = http::serve(Arc::clone(&seen), move |seen: &mut Vec<String>, head, _| {
                seen.push(head.to_lowercase());
                (if is_open && head.starts_with("GET /v2/ ") { "200 OK" } else { challenge }, String::new())
            });
            let (registry, image) = open(address.await.strip_prefix("http://").expect("an address"), None);
            let error = registry.resolve(&image).await.expect_err("no password is sent").to_string();
            if is_open && realm == long {
                assert!(error.contains(" refused the credentials for shop/web "), "{error}");
            } else {
                assert!(error.ends_with(why), "{error}");
            }
            let seen = seen.lock().expect("no panic");
            assert_eq!(seen.len(), 1 + usize::from(is_open));
            assert!(seen.iter().all(|head| !head.contains("authorization")), "{seen:?}");
        }
    }
}

/// A registry with a token server: what it answers to requests but those for tokens, by the head and by how many tokens it has
/// given, with its own address in place of `OWN`. It gives the tokens `t1`, `t2` and so on, with what is said of them.
async fn with_tokens(
    about: &'static str,
    answer: impl Fn(&str, usize) -> (&'static str, String) + Send + 'static,
) -> (OciRegistry, Reference, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let served = http::serve(Arc::clone(&seen), move |seen: &mut Vec<String>, head, _| {
        let host = head.to_lowercase().lines().find_map(|line| line.strip_prefix("host: ").map(str::to_owned));
        let given = seen.iter().filter(|head| head.starts_with("GET /token")).count();
        seen.push(head.to_owned());
        if head.starts_with("GET /token") {
            return ("200 OK", format!(r#"{{"token":"t{}"{about}}}"#, given + 1));
        }
        let (status, body) = answer(head, given);
        (status.replace("OWN", &format!("http://{}", host.expect("a host"))).leak() as &'static str, body)
    });
    let (registry, image) = open(served.await.strip_prefix("http://").expect("an address"), None);
    (registry, image, seen)
}

/// The paths that were asked for.
fn paths(seen: &Mutex<Vec<String>>) -> Vec<String> {
    let paths =
        |head: &String| head.split(' ').nth(1).map(|path| path.split('?').next().unwrap_or_default().to_owned());
    seen.lock().expect("no panic").iter().filter_map(paths).collect()
}

const BEARER: &str = "401 Unauthorized\r\nwww-authenticate: Bearer realm=\"OWN/token\",scope=\"repository:shop/web:pull,push,delete \
    repository:other/secret:pull registry:catalog:*\"";
const BASIC: &str = "401 Unauthorized\r\nwww-authenticate: Basic realm=\"x\"";
const ASKED: &str = "/v2/shop/web/manifests/v1";

#[tokio::test]
async fn a_registry_that_asks_for_a_login_once_it_sees_the_question_gets_it() {
    // base64 of `ship:canary`.
    for (challenge, ours, tokens) in
        [(BEARER, "authorization: Bearer t1", 1), (BASIC, "authorization: Basic c2hpcDpjYW5hcnk=", 0)]
    {
        for is_taken in [true, false] {
            let answer = move |head: &str, _| match head {
                _ if head.starts_with("GET /v2/ ") => ("200 OK", String::new()),
                _ if is_taken && head.contains(ours) => ("200 OK", MANIFEST.to_owned()),
                _ => (challenge, String::new()),
            };
            let (registry, image, seen) = with_tokens("", answer).await;
            let found = registry.resolve(&image).await.map(|digest| digest.to_string());
            let all = [&["/v2/", ASKED][..], &["/token"][..tokens], &[ASKED]].concat();
            assert_eq!(paths(&seen), all, "{challenge}");
            assert!(seen.lock().expect("no panic")[all.len() - 1].contains(ours), "it is shown");
            match found {
                Ok(found) => assert!(is_taken && found == digest(MANIFEST)),
                Err(RegistryError::Denied { .. }) => assert!(!is_taken && tokens == 1),
                Err(RegistryError::Unauthorized { .. }) => assert!(!is_taken && tokens == 0),
                Err(error) => panic!("{error}"),
            }
            // Whatever it would have us ask for, a token is for what is asked.
            let seen = seen.lock().expect("no panic");
            let token = seen.iter().find(|head| head.starts_with("GET /token"));
            let is_narrow =
                |head: &String| head.starts_with("GET /token?scope=repository%3Ashop%2Fweb%3Apull HTTP/1.1");
            assert!(token.is_none_or(is_narrow), "{token:?}");
        }
    }
}

#[tokio::test]
async fn another_host_that_asks_for_a_login_gets_none() {
    for challenge in [BEARER, BASIC] {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let store = http::serve(Arc::clone(&heads), move |heads: &mut Vec<String>, head, _| {
            heads.push(head.to_lowercase());
            (challenge, String::new())
        });
        let to: &'static str = format!("302 Found\r\nlocation: {}/content", store.await).leak();
        let (registry, image, seen) =
            with_tokens("", move |head, _| (if head.starts_with("GET /v2/ ") { "200 OK" } else { to }, String::new()))
                .await;
        let error = registry.resolve(&image).await.expect_err("nothing is there");
        assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
        assert_eq!(paths(&seen), ["/v2/", ASKED]);
        let heads = heads.lock().expect("no panic");
        assert!(heads.len() == 1 && !heads[0].contains("authorization"), "{heads:?}");
    }
}

#[tokio::test]
async fn a_token_is_kept_for_as_long_as_it_is_good() {
    let answer = |head: &str, given: usize| {
        let is_known = given > 0 && head.contains(&format!("authorization: Bearer t{given}"));
        if is_known { ("200 OK", MANIFEST.to_owned()) } else { (BEARER, String::new()) }
    };
    for (about, seconds) in [
        ("", 60),
        (r#","expires_in":5"#, 60),
        (r#","expires_in":-5"#, 60),
        (r#","expires_in":"soon""#, 60),
        (r#","expires_in":300"#, 300),
        (r#","expires_in":18446744073709551615"#, 1 << 40),
    ] {
        let (registry, image, seen) = with_tokens(about, answer).await;
        let first = ["/v2/", "/token", ASKED];
        for (after, expected) in [
            (0, first.to_vec()),
            (seconds - 20, [&first[..], &[ASKED]].concat()),
            (
                40,
                if seconds > 1000 {
                    [&first[..], &[ASKED, ASKED]].concat()
                } else {
                    [&first[..], &[ASKED], &first].concat()
                },
            ),
        ] {
            tokio::time::pause();
            tokio::time::advance(std::time::Duration::from_secs(after)).await;
            tokio::time::resume();
            assert_eq!(registry.resolve(&image).await.expect("a digest").as_str(), digest(MANIFEST));
            assert_eq!(paths(&seen), expected, "{about} after {after} s");
        }
    }
}

#[tokio::test]
async fn a_token_that_was_kept_and_is_not_taken_any_more_is_had_anew_once() {
    // One that has the rights of when it was given is refused in other words.
    let anew: &[_] = &["/v2/", "/token", ASKED];
    for (takes_the_next, refusal, anew) in
        [(true, BEARER, &anew[1..]), (false, BEARER, &anew[1..]), (true, "403 Forbidden", anew)]
    {
        // Each token is good for one request.
        let used = Mutex::new(0);
        let answer = move |head: &str, given: usize| {
            let mut used = used.lock().expect("no panic");
            let is_good = head.contains(&format!("authorization: Bearer t{given}")) && *used < given;
            if is_good && (takes_the_next || given == 1) {
                *used = given;
                return ("200 OK", MANIFEST.to_owned());
            }
            (if head.starts_with("GET /v2/ ") { BEARER } else { refusal }, String::new())
        };
        let (registry, image, seen) = with_tokens("", answer).await;
        registry.resolve(&image).await.expect("a digest");
        let again = registry.resolve(&image).await;
        assert_eq!(paths(&seen), [&["/v2/", "/token", ASKED, ASKED], anew].concat());
        match again {
            Ok(found) => assert!(takes_the_next && found.as_str() == digest(MANIFEST)),
            Err(error) => assert!(!takes_the_next && matches!(error, RegistryError::Denied { .. }), "{error}"),
        }
    }
}

#[tokio::test]
async fn a_token_is_used_at_once_and_one_that_is_not_taken_is_not_had_again() {
    for (token, is_taken) in [
        (r#"{"token":"t"}"#, true),
        (r#"{"token":"t","expires_in":0}"#, true),
        (r#"{"token":"t","expires_in":-5,"issued_at":"1970-01-01T00:00:00Z"}"#, true),
        (r#"{"token":"t"}"#, false),
    ] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let address = Arc::new(Mutex::new(String::new()));
        let own = Arc::clone(&address);
        let served = http::serve(Arc::clone(&seen), move |seen: &mut Vec<String>, head, _| {
            seen.push(head.lines().next().unwrap_or_default().to_owned());
            if head.contains("/token") {
                return ("200 OK", token.to_owned());
            }
            if is_taken && head.to_lowercase().contains("authorization: bearer t") {
                return ("200 OK", MANIFEST.to_owned());
            }
            let own = own.lock().expect("no panic");
            let challenge = format!("401 Unauthorized\r\nwww-authenticate: Bearer realm=\"{own}/token\"");
            (challenge.leak() as &'static str, String::new())
        });
        let served = served.await;
        address.lock().expect("no panic").clone_from(&served);
        let (registry, image) = open(served.strip_prefix("http://").expect("an address"), None);
        let answer = registry.resolve(&image).await;
        assert_eq!(seen.lock().expect("no panic").len(), 3);
        match answer {
            Ok(found) => assert!(is_taken && found.as_str() == digest(MANIFEST)),
            Err(error) => assert!(!is_taken && matches!(error, RegistryError::Denied { .. }), "{error}"),
        }
    }
}

/// How long is waited is a function of its own, with its own tests (`registry::oci`).
#[tokio::test]
async fn a_registry_that_asks_for_patience_is_asked_again() {
    for after in ["1", "0", "-5", "Wed, 21 Oct 2015 07:28:00 GMT", "soon"] {
        let busy: &'static str = format!("429 Too Many Requests\r\nretry-after: {after}").leak();
        let begun = tokio::time::Instant::now();
        let (found, asked) =
            resolve(move |number| (if number == 1 { busy } else { "200 OK" }, MANIFEST.to_owned())).await;
        assert_eq!((found, asked), (Ok(digest(MANIFEST)), 2));
        assert!(after != "1" || begun.elapsed().as_secs() >= 1);
    }
}

#[tokio::test]
async fn a_list_of_names_has_an_end() {
    for (is_circle, why) in [(true, "a list of names that goes in a circle"), (false, "a list of names without an end")]
    {
        let pages = Arc::new(Mutex::new(0));
        let names: Vec<_> = (0..10_000).map(|number| format!("v{number}")).collect();
        let names = serde_json::json!({ "tags": names }).to_string();
        let address = http::serve(Arc::clone(&pages), move |pages, head, _| {
            if head.starts_with("GET /v2/ ") {
                return ("200 OK", String::new());
            }
            *pages += 1;
            let next = if is_circle { *pages % 2 } else { *pages };
            let link = format!("200 OK\r\nlink: </v2/shop/web/tags/list?last={next}>; rel=\"next\"");
            (link.leak() as &'static str, names.clone())
        });
        let (registry, image) = open(address.await.strip_prefix("http://").expect("an address"), None);
        let error = registry.tags(&image).await.expect_err("it has no end").to_string();
        assert!(error.ends_with(why), "{error}");
        assert!(*pages.lock().expect("no panic") <= 21);
    }
    let (registry, image) = {
        let names: Vec<_> = (0..1_000_000).map(|number| format!("v{number}")).collect();
        let names = serde_json::json!({ "tags": names }).to_string();
        let address = http::serve(Arc::new(Mutex::new(())), move |(), _, _| ("200 OK", names.clone()));
        open(address.await.strip_prefix("http://").expect("an address"), None)
    };
    let error = registry.tags(&image).await.expect_err("it is too long").to_string();
    assert!(error.ends_with("its answer has no end"), "{error}");
}

#[tokio::test]
async fn a_layer_that_is_to_be_fetched_elsewhere_is_refused() {
    let why = "a manifest whose layers are to be fetched elsewhere";
    for body in [
        r#"{"schemaVersion":2,"config":{},"layers":[{"digest":"sha256:12","urls":["https://elsewhere/layer"]}]}"#,
        r#"{"schemaVersion":2,"config":{"urls":["http://169.254.169.254/"]},"layers":[]}"#,
    ] {
        assert_eq!(refused("200 OK", body).await, (why.to_owned(), 1));
    }
    let none = r#"{"schemaVersion":2,"config":{},"layers":[{"digest":"sha256:12","urls":[]}]}"#;
    assert_eq!(resolve(move |_| ("200 OK", none.to_owned())).await.0, Ok(digest(none)));
}

/// A registry with TLS, which shows this certificate.
async fn with_certificate(name: &str) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let chain = vec![CertificateDer::from_pem_file(certificates().join(format!("{name}.pem"))).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(certificates().join("key.pem")).expect("a key");
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).expect("a pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _read = stream.read(&mut [0; 4096]).await;
            let length = MANIFEST.len();
            let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{MANIFEST}");
            let _gone = stream.write_all(answer.as_bytes()).await;
            let _gone = stream.shutdown().await;
        }
    });
    host
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_named_by_its_fingerprint() {
    let (registry, image) = open(&with_certificate("good").await, Some("ca.pem"));
    assert_eq!(registry.resolve(&image).await.expect("a digest").as_str(), digest(MANIFEST));
    for (name, ca, why) in [
        // Signed by nobody whom the authority's file names.
        ("good", "elsewhere.pem", "UnknownIssuer"),
        ("expired", "ca.pem", "certificate expired"),
        ("early", "ca.pem", "certificate not valid yet"),
        ("elsewhere", "ca.pem", "certificate not valid for name"),
    ] {
        let (registry, image) = open(&with_certificate(name).await, Some(ca));
        let error = registry.resolve(&image).await.expect_err("it is not trusted");
        let shown = CertificateDer::from_pem_file(certificates().join(format!("{name}.pem"))).expect("a certificate");
        let bytes: Vec<_> = Sha256::digest(&shown).iter().map(|byte| format!("{byte:02X}")).collect();
        assert!(matches!(error, RegistryError::Untrusted { .. }), "{name}: {error}");
        let said = error.to_string();
        assert!(said.contains(why), "{name}: {said}");
        assert!(said.ends_with(&format!("(the SHA-256 of its certificate is {})", bytes.join(":"))), "{said}");
    }
}
