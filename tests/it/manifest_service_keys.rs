//! What a service may not say about its container.

use crate::manifest_support::{Project, assert_problems, with_service_keys};

#[test]
fn a_key_is_known_and_never_ignored() {
    let cases = [
        (r#"prot: ["80"]"#, "12:5: unknown key `prot` (did you mean `ports`?)"),
        (
            "links: [db]",
            "12:5: `links` is not supported: services on one network of a host find each other by name (remove it, and name a network under `networks` of both)",
        ),
        (
            "container_name: web",
            "12:5: `container_name` is not supported: containers are named after project, environment, service and content, so that two releases have room beside each other (remove it; others find it by the service's name, and `aliases` of a network are further names)",
        ),
        ("scale: 2", "12:5: `scale` is not supported (write `deploy: { replicas: … }`)"),
        ("replicas: 2", "12:5: `replicas` is a key of `deploy` (write `deploy: { replicas: … }`)"),
        ("develop: { watch: [] }", "12:5: `develop` is not supported (remove it; it is never ignored)"),
        ("x-team: blue", ""),
        ("command_: x", "12:5: unknown key `command_` (did you mean `command`?)"),
    ];
    assert_problems(with_service_keys, &cases);
}

#[test]
fn a_service_that_is_written_as_its_image_and_a_list_that_is_empty_text_are_told_what_to_write() {
    let project = Project::of("project: shop\nhosts: { h1: { docker: unix:///h1 } }\nservices:\n  db: postgres:16\n");
    assert_eq!(
        project.problems(),
        "4:7: expected a map, found `postgres:16` (did you mean `db: { image: postgres:16 }`?)"
    );
    let project = Project::of(&with_service_keys(""));
    assert_eq!(
        project.problems_of("test", &["services.web.ports="]),
        "--set:1:20: expected a list, found `` (write `[]` for an empty one, or `!reset` to remove what an earlier layer set)"
    );
}

#[test]
fn a_variable_has_a_name_and_a_value() {
    let cases = [
        (
            "environment: { A: }",
            r#"12:20: `A` has no value here, and no variable of this name is set (set it in the environment or in .env; write `""` for empty text, or `!reset` to remove what an earlier layer set)"#,
        ),
        (
            "environment: { A: ~ }",
            r#"12:20: `A` has no value here, and no variable of this name is set (set it in the environment or in .env; write `""` for empty text, or `!reset` to remove what an earlier layer set)"#,
        ),
        ("environment: { A: [1] }", "12:23: expected text, found a list"),
        (
            "environment: { 1X: a }",
            "12:20: `1X` is not the name of a variable (use letters, digits, `_`, `.` and `-`, and begin with a letter or `_`)",
        ),
        (
            "environment: { LD_PRELOAD=x: a }",
            "12:20: `LD_PRELOAD=x` is not the name of a variable (use letters, digits, `_`, `.` and `-`, and begin with a letter or `_`)",
        ),
        (r#"environment: ["A=1", "A=2"]"#, "12:26: `A` is there twice; the first is at 12"),
        (
            r#"environment: ["A"]"#,
            r#"12:19: `A` has no value here, and no variable of this name is set (set it in the environment or in .env; write `""` for empty text, or `!reset` to remove what an earlier layer set)"#,
        ),
        (
            r#"environment: ["A B=1"]"#,
            "12:19: `A B` is not the name of a variable (use letters, digits, `_`, `.` and `-`, and begin with a letter or `_`)",
        ),
        ("environment: text", "12:18: expected a map or a list of `KEY=VALUE`, found `text`"),
        (r#"environment: { A: "\0" }"#, "12:23: text cannot hold a NUL character"),
        (
            "labels: { shipctl.release: x }",
            "12:15: `shipctl.release`: labels that begin with `shipctl.` are set by shipctl alone",
        ),
        (r#"labels: { "a b": x }"#, "12:15: `a b` is not the name of a label"),
    ];
    assert_problems(with_service_keys, &cases);
}

#[test]
fn a_word_is_one_of_those_allowed() {
    let cases = [
        ("restart: allways", "12:14: `allways` is not a restart policy (did you mean `always`?)"),
        ("restart: on-failure:x", "12:14: `on-failure:x` is not a restart policy (did you mean `on-failure:5`?)"),
        ("logging: { driver: [x] }", "12:24: expected text, found a list"),
        ("logging: { drivers: x }", "12:16: unknown key `drivers` (did you mean `driver`?)"),
        (r#"user: "-u""#, "12:11: `-u` is not a user (write `user` or `user:group`, by name or number)"),
        (r#"user: "a b""#, "12:11: `a b` is not a user (write `user` or `user:group`, by name or number)"),
        ("init: yes", "12:11: expected true or false, found `yes`"),
        (r#"init: "true""#, "12:11: expected true or false, found `true`"),
        ("stop_signal: SIGTREM", "12:18: `SIGTREM` is not a signal (did you mean `SIGTERM`?)"),
    ];
    assert_problems(with_service_keys, &cases);
}

#[test]
fn a_duration_has_a_unit_and_a_sane_size() {
    let cases = [
        ("stop_grace_period: 30", "12:24: expected a duration such as `200ms`, `10s` or `1m30s`, found `30`"),
        ("stop_grace_period: -5s", "12:24: expected a duration such as `200ms`, `10s` or `1m30s`, found `-5s`"),
        ("stop_grace_period: 1y", "12:24: expected a duration such as `200ms`, `10s` or `1m30s`, found `1y`"),
        ("stop_grace_period: 5m30", "12:24: expected a duration such as `200ms`, `10s` or `1m30s`, found `5m30`"),
        ("stop_grace_period: 1e999s", "12:24: expected a duration such as `200ms`, `10s` or `1m30s`, found `1e999s`"),
        ("stop_grace_period: .nan", "12:24: expected a duration such as `200ms`, `10s` or `1m30s`, found `.nan`"),
        ("stop_grace_period: 48h", "12:24: `48h` is longer than a day"),
    ];
    assert_problems(with_service_keys, &cases);
}

#[test]
fn a_command_is_a_list_or_balanced_text() {
    let cases = [
        (r#"command: "echo 'x""#, "12:14: the command has a `'` without its end (a list of words needs no quoting)"),
        ("command: { a: b }", "12:14: expected text, found a map"),
        ("entrypoint: [a, null]", "12:21: expected text, found nothing"),
    ];
    assert_problems(with_service_keys, &cases);
}

#[test]
fn an_image_has_a_valid_name_and_a_context_beneath_the_project() {
    let cases = [
        ("build: ../x", "12:12: `../x` is not beneath the project: write a relative path without `..`"),
        ("build: { dockerfile: Dockerfile }", "12:5: `context` is missing"),
        (
            "build: { context: ., provenance: true }",
            "12:26: `provenance` is not supported (remove it; it is never ignored)",
        ),
        (
            "build: { context: ., dockerfile: ../D }",
            "12:38: `../D` is not beneath the context: write a relative path without `..`",
        ),
        ("build: /", "12:12: `/` is not beneath the project: write a relative path without `..`"),
    ];
    assert_problems(with_service_keys, &cases);
}
