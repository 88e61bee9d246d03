//! Files and directories that a manifest names.

use super::{Case, catalogue};

#[test]
fn files() {
    let volume = |name, text: &str| Case::service(name, &format!("volumes: [{text}]"));
    let config = |name, text: &str| Case::top(name, &format!("configs: {{ a: {{ {text} }} }}"));
    let cases = vec![
        volume("a relative path of the host", "./data:/data"),
        volume("a path of the host that climbs", "/srv/../etc:/data"),
        volume("a path of the home directory", "'~/data:/data'"),
        volume("a path of Windows", "'C:\\data:/data'"),
        volume("an option too many", "'/srv:/data:ro:rw'"),
        volume("an option that is none", "'/srv:/data:rx'"),
        volume("a relative path in the container", "/srv:data"),
        volume("the root of the container", "/srv:/"),
        volume("a volume that is not declared", "dat:/data"),
        volume("two volumes at one place", "'data:/data', '/srv:/data/'"),
        config("a template elsewhere", "template: /etc/passwd"),
        config("a template that climbs", "template: templates/../environments/test.yml"),
        config("a template that is misspelt", "template: templates/ap.conf.j2"),
        config("a template that is a directory", "template: templates/parts").with("templates/parts/x", ""),
        config("a file above the project", "file: ../x"),
        config("a file whose name acts on a terminal", "file: \"a\\e[31m\""),
        config("a file by an absolute path", "file: /etc/shadow"),
        config("a file that is a directory", "file: templates"),
        config("a file of more than 1 MiB", "file: large").with("large", "x".repeat((1 << 20) + 1)),
        config("a file that is not UTF-8", "file: image").with("image", b"\xff\xd8"),
        Case::service("a context above the project", "build: ../x"),
        Case::service("a secret that is not declared", "secrets: [tokn]"),
        Case::top("a command that is no list", "secrets: { a: { command: \"op 'x\" } }"),
        Case::top("a command of nothing", "secrets: { a: { command: [] } }"),
    ];
    insta::assert_snapshot!("files", catalogue(cases));
}
