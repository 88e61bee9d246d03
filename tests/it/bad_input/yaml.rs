//! What is refused before any key is looked at. Each in a moment: hostile files too.

use std::os::unix::fs::symlink;

use super::{Case, catalogue};

#[test]
fn yaml() {
    let manifest = |name, text: &str| Case::manifest(name, text);
    let utf_16: Vec<u8> = "\u{feff}project: a\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases = vec![
        manifest("an empty file", ""),
        manifest("only a comment", "# nothing yet\n"),
        manifest("only a null", "~\n"),
        manifest("a list", "- a\n"),
        manifest("a text", "hello\n"),
        Case::manifest("bytes that are not UTF-8", b"project: \xff\n"),
        Case::manifest("UTF-16", utf_16),
        manifest("a tab for indentation", "project: a\nhosts:\n\th1: x\n"),
        manifest("a quote without its end", "project: \"a\n"),
        manifest("a bracket without its end", "project: a\nhosts: { h1: [ }\n"),
        manifest("an unknown escape", "project: \"\\q\"\n"),
        manifest("a stray colon", "project: a: b\n"),
        manifest("an unknown anchor", "project: *x\n"),
        manifest("a key that is a list", "? [a]\n: b\n"),
        manifest("a tag of another language", "project: !!python/object x\n"),
        manifest("a tag of our own making", "project: !env X\n"),
        manifest(
            "a key twice",
            "project: a\nproject: b\nservices: { web: { image: b, image: c, environment: { A: 1, A: 2 } } }\n",
        ),
        manifest("several documents", "project: a\n---\nproject: b\n"),
        manifest("a merge key with a text", "x: &a { <<: 1 }\n"),
        manifest("a merge key with the map that it is in", "x: &a { <<: *a }\n"),
    ];
    insta::assert_snapshot!("yaml", catalogue(cases));
}

#[test]
fn hostile_yaml() {
    let nine = |name: char| vec![format!("*{name}"); 9].join(",");
    let laughs =
        ('b'..='i').map(|c| format!("x-{c}: &{c} [{}]\n", nine((c as u8 - 1) as char))).collect::<Vec<_>>().concat();
    let chain = (1..10)
        .map(|n| format!("x-{n}: &a{n} {}*a{}{}\n", "[".repeat(10), n - 1, "]".repeat(10)))
        .collect::<Vec<_>>()
        .concat();
    let maps = (0..3000).map(|depth| format!("{}a:\n", " ".repeat(depth))).take(1000).collect::<Vec<_>>().concat();
    let cases = vec![
        Case::manifest("an alias inside of what it stands for", "x: &a [*a]\n"),
        Case::manifest("aliases that multiply", format!("x-a: &a [1,1,1,1,1,1,1,1,1]\n{laughs}")),
        Case::manifest("aliases that nest", format!("x-0: &a0 {}{}\n{chain}", "[".repeat(50), "]".repeat(50))),
        Case::manifest("200000 open brackets", format!("a: {}", "[".repeat(200_000))),
        Case::manifest("100 open brackets", format!("x: {}", "[".repeat(100))),
        Case::manifest("1000 maps in each other", maps),
        Case::manifest("more values than a manifest holds", format!("x: [{}]", "1,".repeat(100_001))),
        Case::manifest("a file of more than 1 MiB", format!("x: {}", "y".repeat(1 << 20))),
        Case::manifest("a tail of more than 1 MiB", format!("x: y\n{}", "#".repeat(50 << 20))),
    ];
    insta::assert_snapshot!("hostile_yaml", catalogue(cases));
}

#[test]
fn what_is_no_file() {
    let manifest = "environments/test.yml";
    let replaced = |name, what: &str, put: fn(&std::path::Path)| {
        Case::manifest(name, "").prepared(what, |root| {
            std::fs::remove_file(root.join(manifest)).expect("the manifest");
            put(&root.join(manifest));
        })
    };
    let cases = vec![
        replaced("a directory", "mkdir", |path| std::fs::create_dir(path).expect("a directory")),
        replaced("a pipe", "mkfifo", |path| {
            assert_cmd::Command::new("mkfifo").arg(path).assert().success();
        }),
        replaced("a link out of the project", "-> /etc/hostname", |path| {
            symlink("/etc/hostname", path).expect("a link");
        }),
        replaced("a link to an endless file", "-> /dev/zero", |path| symlink("/dev/zero", path).expect("a link")),
        replaced("a link to nothing", "-> nothing", |path| symlink("nothing", path).expect("a link")),
        replaced("a link to itself", "-> test.yml", |path| symlink("test.yml", path).expect("a link")),
    ];
    insta::assert_snapshot!("what_is_no_file", catalogue(cases));
}
