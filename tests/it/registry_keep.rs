//! What operators do in a registry, and what registries may answer. The registry is a few lines of HTTP; the real one is in
//! the fleet's tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};
use shipctl::environment;
use shipctl::image::reference::{ImageName, Reference};
use shipctl::redact::Redactor;
use shipctl::registry::RegistryError;
use shipctl::registry::credentials::Logins;
use shipctl::registry::oci::OciRegistry;

use crate::support::http;

/// What the registry has of `shop/web`, and how it misbehaves.
#[derive(Default)]
struct Shelf {
    manifests: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    /// Answers to a path, before anything else.
    answers: BTreeMap<&'static str, (&'static str, String)>,
    /// It says that it has done what it was told, and has not.
    lies: bool,
    stored_as: Vec<String>,
}

fn digest(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}

fn manifest(number: u8) -> String {
    format!(r#"{{"schemaVersion":2,"config":{{}},"layers":[],"annotations":{{"number":"{number}"}}}}"#)
}

impl Shelf {
    /// `v1` and `v2`, and `stable`, which is `v1`.
    fn new() -> Self {
        let mut shelf = Self::default();
        for (tag, text) in [("v1", manifest(1)), ("v2", manifest(2)), ("stable", manifest(1))] {
            shelf.tags.insert(tag.to_owned(), digest(&text));
            shelf.manifests.insert(digest(&text), text);
        }
        shelf
    }

    fn answer(&mut self, head: &str, body: &str) -> (&'static str, String) {
        let mut words = head.split_whitespace();
        let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
        if let Some((status, text)) = self.answers.get(path) {
            return (status, text.clone());
        }
        let Some(name) = path.strip_prefix("/v2/shop/web/manifests/") else {
            let tags: Vec<_> = self.tags.keys().collect();
            return match path {
                "/v2/shop/web/tags/list?n=1000" => {
                    ("200 OK", serde_json::json!({ "name": "shop/web", "tags": tags }).to_string())
                }
                _ => ("200 OK", String::new()),
            };
        };
        let of_tag = self.tags.get(name).cloned().unwrap_or_else(|| name.to_owned());
        match method {
            "PUT" => {
                let kind =
                    head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-type: ").map(str::to_owned));
                self.stored_as.push(kind.unwrap_or_default());
                if !self.lies {
                    self.manifests.insert(digest(body), body.to_owned());
                    self.tags.insert(name.to_owned(), digest(body));
                }
                ("201 Created", String::new())
            }
            "DELETE" if self.lies => ("202 Accepted", String::new()),
            "DELETE" => {
                self.tags.retain(|_, to| *to != name);
                match self.manifests.remove(name) {
                    Some(_) => ("202 Accepted", String::new()),
                    None => ("404 Not Found", String::new()),
                }
            }
            _ => match self.manifests.get(&of_tag) {
                Some(text) => ("200 OK", text.clone()),
                None => ("404 Not Found", String::new()),
            },
        }
    }
}

async fn open(shelf: Shelf) -> (OciRegistry, Reference, Arc<Mutex<Shelf>>) {
    let state = Arc::new(Mutex::new(shelf));
    let address = http::serve(Arc::clone(&state), Shelf::answer).await;
    let host = address.strip_prefix("http://").expect("an address").to_owned();
    let own = environment::Registry {
        host: host.clone(),
        ca: None,
        insecure: true,
        login: None,
        push: environment::Pusher::default(),
    };
    let logins = Logins::new(Some(&own), &BTreeMap::new(), None, Redactor::default()).expect("no login is needed");
    let registry = OciRegistry::open(Path::new("/"), Some(&own), logins).expect("a registry");
    (registry, "shop/web:v1".parse::<ImageName>().expect("a name").locate(Some(&host)), state)
}

#[tokio::test]
async fn a_tag_is_moved_as_the_registry_has_the_image_and_read_back() {
    let (registry, image, shelf) = open(Shelf::new()).await;
    let v2 = image.with_tag("v2");
    let moved = registry.tag(&v2, "stable").await.expect("a tag");
    assert_eq!(moved.as_str(), digest(&manifest(2)));
    {
        let shelf = shelf.lock().expect("no panic");
        assert_eq!(shelf.tags["stable"], digest(&manifest(2)));
        assert_eq!(shelf.tags["v1"], digest(&manifest(1)));
        // A manifest that does not say what it is gets the type of its form, and its bytes are the same: so is its digest.
        assert_eq!(shelf.stored_as, ["application/vnd.oci.image.manifest.v1+json"]);
    }
    shelf.lock().expect("no panic").lies = true;
    let lied = registry.tag(&v2, "v1").await.expect_err("it was not moved");
    assert!(
        matches!(&lied, RegistryError::Invalid { reason, .. } if reason.starts_with("the tag v1 leads to sha256:")),
        "{lied}"
    );
}

#[tokio::test]
async fn an_image_that_is_removed_is_gone_with_its_tags_or_it_is_not_said() {
    let (registry, image, shelf) = open(Shelf::new()).await;
    let v1 = registry.tags_with_digests(&image).await.expect("tags").remove(1).1.expect("a digest");
    shelf.lock().expect("no panic").lies = true;
    let lied = registry.remove(&image, &v1).await.expect_err("it is there");
    assert!(lied.to_string().ends_with("is removed, and still has it"), "{lied}");
    shelf.lock().expect("no panic").lies = false;
    registry.remove(&image, &v1).await.expect("it is gone");
    // Again, as after an answer that was lost.
    registry.remove(&image, &v1).await.expect("it is gone");
    assert_eq!(registry.tags(&image).await.expect("tags"), ["v2"]);
    let mut strict = Shelf::new();
    let path: &'static str = format!("/v2/shop/web/manifests/{v1}").leak();
    strict.answers.insert(path, ("405 Method Not Allowed", String::new()));
    let (registry, image, _) = open(strict).await;
    let refused = registry.remove(&image, &v1).await.expect_err("it does not let us");
    assert!(refused.to_string().ends_with("refused: it does not let images be removed (405)"), "{refused}");
}

#[tokio::test]
async fn names_that_a_registry_makes_up_are_not_taken() {
    let list = "/v2/shop/web/tags/list?n=1000";
    let tags = |answer: (&'static str, &str)| {
        let mut shelf = Shelf::new();
        shelf.answers.insert(list, (answer.0, answer.1.to_owned()));
        async move {
            let (registry, image, _) = open(shelf).await;
            registry.tags(&image).await.map_err(|error| {
                let (_, reason) =
                    error.to_string().split_once(": ").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("a reason");
                reason
            })
        }
    };
    assert_eq!(tags(("200 OK", r#"{"name":"shop/web","tags":null}"#)).await, Ok(Vec::new()));
    let cases = [
        (
            ("200 OK", r#"{"tags":["v1","../../other/web/manifests/v1"]}"#),
            r#""../../other/web/manifests/v1" among its tags"#,
        ),
        (("200 OK", "<html>"), "a list of names that is none"),
        (
            ("302 Found\r\nlocation: http://169.254.169.254/", ""),
            "it sends us to 169.254.169.254, which is no place of a registry",
        ),
        (
            ("200 OK\r\nlink: <http://127.0.0.1:1/v2/x>; rel=\"next\"", r#"{"tags":[]}"#),
            "a list of names goes on elsewhere",
        ),
        (
            ("200 OK\r\nlink: </v2/shop/web/tags/list?n=1000>; rel=\"next\"", r#"{"tags":[]}"#),
            "a list of names that goes in a circle",
        ),
    ];
    for (answer, reason) in cases {
        assert_eq!(tags(answer).await, Err(reason.to_owned()), "{answer:?}");
    }
}

#[tokio::test]
async fn numbers_in_tags_are_numbers() {
    let mut shelf = Shelf::new();
    let names = r#"{"tags":["v10","v9","stable","v10-prod-3","1.4.2","1.4.10","007","99999999999999999999999999999999999999999"]}"#;
    shelf.answers.insert("/v2/shop/web/tags/list?n=1000", ("200 OK", names.to_owned()));
    let (registry, image, _) = open(shelf).await;
    let sorted = registry.tags(&image).await.expect("tags");
    let huge = "99999999999999999999999999999999999999999";
    assert_eq!(sorted, ["1.4.2", "1.4.10", "007", huge, "stable", "v9", "v10", "v10-prod-3"]);
}

#[tokio::test]
async fn a_list_goes_on_where_the_registry_says() {
    let mut shelf = Shelf::default();
    let first = "200 OK\r\nlink: </v2/_catalog?n=2&last=b>; rel=\"next\"";
    shelf.answers.insert("/v2/_catalog?n=1000", (first, r#"{"repositories":["a","b"]}"#.to_owned()));
    shelf.answers.insert("/v2/_catalog?n=2&last=b", ("200 OK", r#"{"repositories":["c"]}"#.to_owned()));
    let (registry, image, _) = open(shelf).await;
    assert_eq!(registry.repositories(image.registry()).await.expect("names"), ["a", "b", "c"]);
}
