//! What is refused before any key is looked at. Each in a moment: hostile files too.

use proptest::prelude::*;
use shipctl::environment::RestartPolicy;

use crate::manifest_support::{Project, assert_problems, with_service_keys, with_top_keys};

#[test]
fn a_file_is_one_small_plain_document() {
    let cases = [
        ("", "the manifest of `test` is empty (write it into environments/test.yml)"),
        (
            "# only a comment
",
            "the manifest of `test` is empty (write it into environments/test.yml)",
        ),
        (
            "- a
",
            "1:1: expected a map of keys such as `services:`, found a list",
        ),
        (
            "hello
",
            "1:1: expected a map of keys such as `services:`, found `hello`",
        ),
        (
            "project: a
---
project: b
",
            "2:1: a manifest file holds one document (remove the `---`)",
        ),
        (
            "project: a
hosts:
	h1: x
",
            "3:2: not YAML: tabs disallowed within this context (block indentation)",
        ),
        (
            r#"project: "a
"#,
            "1:10: not YAML: while scanning a quoted scalar, found unexpected end of stream",
        ),
        (
            "project: *x
",
            "1:10: not YAML: while parsing node, found unknown anchor",
        ),
        (
            "? [a]
: b
",
            "1:3: a key must be text",
        ),
        (
            "project: !!python/object x
",
            "1:10: the tag `tag:yaml.org,2002:python/object` is not supported (only `!reset` and `!override` are)",
        ),
        (
            "project: a
project: b
services: { web: { image: b, image: c } }
",
            "2:1: `project` is there twice; the first is on line 1 (remove one of the two)
3:30: `image` is there twice; the first is on line 3 (remove one of the two)",
        ),
        (
            "x: &a { <<: 1 }
",
            "1:13: `<<` takes a map or a list of maps (write `<<: *anchor`)",
        ),
    ];
    assert_problems(str::to_owned, &cases);
}

/// Deep nesting, multiplying aliases and long documents end in an error, not in a full stack or memory.
#[test]
fn hostile_files_are_refused() {
    let nine = |name: char| vec![format!("*{name}"); 9].join(",");
    let laughs =
        ('b'..='i').map(|c| format!("x-{c}: &{c} [{}]\n", nine((c as u8 - 1) as char))).collect::<Vec<_>>().concat();
    let chain = (1..10)
        .map(|n| format!("x-{n}: &a{n} {}*a{}{}\n", "[".repeat(10), n - 1, "]".repeat(10)))
        .collect::<Vec<_>>()
        .concat();
    let cases = [
        ("x: &a [*a]\n".to_owned(), "1:8: this alias is inside the value it stands for"),
        (
            format!("x-a: &a [1,1,1,1,1,1,1,1,1]\n{laughs}"),
            "6:10: aliases make this manifest larger than 100000 values",
        ),
        (format!("a: {}", "[".repeat(200_000)), "1:259: not YAML: recursion limit exceeded"),
        (format!("x: {}", "[".repeat(100)), "1:67: nested more than 64 levels deep"),
        (
            (0..3000).map(|depth| format!("{}a:\n", " ".repeat(depth % 300))).collect::<Vec<_>>().concat(),
            "65:65: nested more than 64 levels deep",
        ),
        (
            format!("x-0: &a0 {}{}\n{chain}", "[".repeat(50), "]".repeat(50)),
            "3:20: aliases nest this manifest more than 64 levels deep",
        ),
        (format!("x: [{}]", "1,".repeat(100_001)), "1:200003: a manifest holds at most 100000 values"),
        (format!("x: {}", "y".repeat(1 << 20)), "environments/test.yml is larger than 1 MiB"),
    ];
    for (manifest, expected) in &cases {
        assert_eq!(Project::of(manifest).problems(), *expected);
    }
}

#[test]
fn a_file_is_utf_8_with_or_without_a_byte_order_mark() {
    let sound = with_top_keys("");
    assert_eq!(Project::of(&format!("\u{feff}{sound}")).problems(), "");
    assert_eq!(Project::of(&sound.replace('\n', "\r\n")).problems(), "");
    let project = |bytes: &[u8]| Project::new().with("environments/test.yml", bytes);
    assert_eq!(project(b"project: \xff\n").problems(), "environments/test.yml is not UTF-8 (at byte 9)");
    assert_eq!(project(b"\xff\xfep\0r\0").problems(), "environments/test.yml is not UTF-8 (at byte 0)");
}

#[test]
fn a_file_is_regular() {
    let project = Project::new().with("environments/test.yml/x", "");
    assert_eq!(project.problems(), "environments/test.yml is not a regular file");
}

/// Columns count characters, spans count bytes.
#[test]
fn places_are_right_behind_other_alphabets() {
    let keys = "environment: { \"é\": \"ü\", B: \"→\" }\nlabels: { ä: ö, prot }\nprot: 1";
    let manifest = with_service_keys(keys);
    let problems = Project::of(&manifest).load("test", &[]).unwrap_err();
    let places: Vec<_> =
        problems.iter().map(|problem| (problem.line, problem.column, &manifest[problem.span.clone()])).collect();
    assert_eq!(places, [(12, 20, "\"é\""), (13, 21, "prot"), (14, 5, "prot")]);
}

#[test]
fn merge_keys_fill_in_what_a_map_does_not_say() {
    let manifest = "project: shop
hosts: { h1: { docker: unix:///var/run/docker.sock } }
x-first: &first { restart: always, user: a }
x-second: &second { user: b, init: true }
services:
  web: { <<: [*first, *second], image: shop/web, health: none, restart: 'no' }
";
    let runtime = &Project::of(manifest).sound().services[0].runtime;
    assert_eq!((&runtime.restart, runtime.user.as_deref(), runtime.init), (&RestartPolicy::No, Some("a"), true));
}

#[test]
fn a_layer_is_inside_the_project() {
    let project = Project::new().with("environments/x", "");
    std::os::unix::fs::symlink("/etc/hostname", project.root().join("environments/test.yml")).unwrap();
    assert_eq!(project.problems(), "environments/test.yml is a link that leads out of the project");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    /// Whatever a file holds, the answer is an environment or diagnostics that can be shown.
    #[test]
    fn any_text_gets_an_answer(
        text in "([a-z]{1,3}|[-:{}\\[\\],&*!|>'\"#%@`?~<\r\n\té🚢]| |\n  |services|hosts|: ){0,60}",
        before in prop::sample::select(vec!["", "project: shop\n", "services:\n  web:\n    ", "hosts:\n  "]),
    ) {
        if let Err(problems) = Project::of(&format!("{before}{text}")).load("test", &[&text]) {
            prop_assert!(!problems.render(false).is_empty());
        }
    }
}
