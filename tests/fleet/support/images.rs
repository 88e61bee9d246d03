//! The application's releases, in the registry before the first test: most tests are not about building.

use std::fs::{self, File};
use std::io::Read;

use super::root;
use super::session::Session;

/// Tags of `shop/web`. Each answers its own name as its release.
const TAGS: [&str; 3] = ["v1", "v2", "v3"];

/// Builds and pushes all of them.
pub fn publish(session: &Session) {
    let registry = session.facts["registry"]["address"].as_str().expect("the fleet has a registry");
    for tag in TAGS {
        publish_one(registry, tag, |arguments| {
            session.script(arguments).unwrap_or_else(|complaint| panic!("{complaint}"))
        });
    }
}

/// Builds and pushes a release. `script` is the fleet's.
pub fn publish_one(registry: &str, tag: &str, script: impl Fn(&[&str]) -> String) {
    let context = root().join("target/fixture/image");
    let (image, release) = (format!("{registry}/shop/web:{tag}"), format!("RELEASE={tag}"));
    let docker = |arguments: &[&str]| script(&[&["docker", "builder"], arguments].concat());
    docker(&["build", "-q", "--build-arg", &release, "-t", &image, &context.to_string_lossy()]);
    docker(&["push", "-q", &image]);
}

/// The same with a layer above it of so many bytes that cannot be packed.
pub fn publish_large(registry: &str, tag: &str, bytes: u64, script: impl Fn(&[&str]) -> String) {
    publish_one(registry, tag, &script);
    let image = format!("{registry}/shop/web:{tag}");
    let context = tempfile::tempdir().expect("a directory");
    fs::write(context.path().join("Dockerfile"), format!("FROM {image}\nCOPY large /large\n")).expect("a file");
    let mut large = Vec::new();
    let noise = File::open("/dev/urandom").expect("noise");
    noise.take(bytes).read_to_end(&mut large).expect("noise");
    fs::write(context.path().join("large"), large).expect("a file");
    let docker = |arguments: &[&str]| script(&[&["docker", "builder"], arguments].concat());
    docker(&["build", "-q", "-t", &image, &context.path().to_string_lossy()]);
    docker(&["push", "-q", &image]);
}
