//! The application's releases, in the registry before the first test: most tests are not about building.

use super::root;
use super::session::Session;

/// Tags of `shop/web`. Each answers its own name as its release.
const TAGS: [&str; 3] = ["v1", "v2", "v3"];

/// Builds and pushes all of them.
pub fn publish(session: &Session) {
    let registry = session.facts["registry"]["address"].as_str().expect("the fleet has a registry");
    let context = root().join("target/fixture/image");
    for tag in TAGS {
        let (image, release) = (format!("{registry}/shop/web:{tag}"), format!("RELEASE={tag}"));
        let context = context.to_string_lossy();
        let docker = |arguments: &[&str]| {
            let arguments = [&["docker", "builder"], arguments].concat();
            session.script(&arguments).unwrap_or_else(|complaint| panic!("{complaint}"))
        };
        docker(&["build", "-q", "--build-arg", &release, "-t", &image, &context]);
        docker(&["push", "-q", &image]);
    }
}
