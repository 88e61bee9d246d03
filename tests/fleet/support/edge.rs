//! HAProxy in an image of its own: this machine's program and its libraries, and nothing else. What works with it works
//! with every image that has HAProxy in it.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::Fleet;
use super::process::{command, finish};

/// The image's name in the registry, without a tag.
pub const IMAGE: &str = "edge/haproxy";

/// Builds and pushes the image under these tags, each of another content.
pub fn publish(fleet: &Fleet, tags: &[&str]) {
    let context = TempDir::new().expect("a directory");
    let program = Path::new("/usr/sbin/haproxy");
    let libraries = finish(command("ldd").arg(program));
    let paths = libraries.split_whitespace().filter(|word| word.starts_with('/')).map(Path::new);
    for path in paths.chain([program]) {
        let to = context.path().join("root").join(path.strip_prefix("/").expect("an absolute path"));
        fs::create_dir_all(to.parent().expect("a directory")).expect("a directory");
        fs::copy(path, to).expect("a file can be copied");
    }
    fs::write(context.path().join("Dockerfile"), "FROM scratch\nCOPY root /\nARG TAG\nLABEL tag=$TAG\n")
        .expect("a file");
    for tag in tags {
        let image = format!("{}/{IMAGE}:{tag}", fleet.registry());
        let (argument, path) = (format!("TAG={tag}"), context.path().to_string_lossy().into_owned());
        fleet.script(&["docker", "builder", "build", "-q", "--build-arg", &argument, "-t", &image, &path]);
        fleet.script(&["docker", "builder", "push", "-q", &image]);
    }
}

/// A certificate for a domain, with its key, in PEM.
pub fn certificate(domain: &str) -> String {
    let directory = TempDir::new().expect("a directory");
    let (key, certificate) = (directory.path().join("key"), directory.path().join("certificate"));
    let subject = format!("/CN={domain}");
    let names = format!("subjectAltName=DNS:{domain}");
    let mut openssl = command("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
    openssl.args(["-subj", &subject, "-addext", &names, "-keyout"]).arg(&key).arg("-out").arg(&certificate);
    finish(&mut openssl);
    let read = |path: &Path| fs::read_to_string(path).expect("openssl has written it");
    read(&certificate) + &read(&key)
}
