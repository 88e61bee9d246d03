//! Secrets that a command prints: what is taken, what is refused, and what is never shown.

use assert_cmd::Command;

/// What `shipctl plan` says when the secret has this source. The host is a socket that does not exist, so that
/// a secret that was had ends with exit code 1, and one that was not with 2.
fn plan(source: &str) -> (i32, String) {
    plan_with(source, &[])
}

fn plan_with(source: &str, variables: &[(&str, &str)]) -> (i32, String) {
    let project = tempfile::tempdir().expect("a directory");
    let manifest = format!(
        "project: shop
hosts: {{ one: {{ docker: \"unix:///nonexistent/docker.sock\" }} }}
secrets: {{ token: {source} }}
services: {{ web: {{ image: shop/web, health: none, secrets: [token] }} }}
"
    );
    std::fs::create_dir(project.path().join("environments")).expect("a directory");
    std::fs::write(project.path().join("environments/prod.yml"), manifest).expect("a file");
    std::fs::write(project.path().join("token"), "hunter2\n").expect("a file");
    let mut command = Command::cargo_bin("shipctl").expect("the program");
    let output = command
        .current_dir(project.path())
        .envs(variables.iter().copied())
        .args(["plan", "prod"])
        .output()
        .expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_command_prints_a_secret_in_the_projects_folder() {
    for source in [
        "{ command: [cat, token] }",
        "{ command: cat token }",
        "{ command: [sh, -c, 'echo hunter2; echo hunter2 >&2'] }",
    ] {
        let (code, text) = plan(source);
        assert_eq!(code, 1, "{source}: {text}");
        assert!(text.contains("/nonexistent/docker.sock"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_command_that_fails_is_named_with_its_last_words_and_without_its_arguments() {
    for (source, expected) in [
        (
            "{ command: [sh, -c, 'echo hunter2; echo no vault here >&2; exit 3'] }",
            "the command `sh` failed (exit status: 3): no vault here",
        ),
        (
            "{ command: [no-such-program, hunter2] }",
            "the command `no-such-program` cannot be run: No such file or directory",
        ),
        (
            "{ command: [sh, -c, 'echo hunter2; sleep 600'], timeout: 300ms }",
            "the command `sh` did not end within 300ms",
        ),
        ("{ command: [head, -c, '100000', /dev/zero] }", "what `head` prints holds more than 64 KiB"),
        ("{ command: ['true', hunter2] }", "what `true` prints is empty"),
        ("{ command: [printf, '\\377hunter2'] }", "what `printf` prints is not UTF-8 text"),
    ] {
        let (code, text) = plan(source);
        assert_eq!(code, 2, "{source}: {text}");
        assert!(text.contains(expected), "{source}: {text}");
        assert!(!text.contains("hunter2"), "{source}: {text}");
    }
}

/// The commands that the README gives for programs that keep secrets, by the secret's name.
fn documented() -> Vec<(String, Vec<String>)> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("the README");
    let lines = readme.lines().filter_map(|line| line.strip_prefix("  from_"));
    let commands = lines.filter_map(|line| {
        let (name, source) = line.split_once(": ")?;
        let source: serde_yaml::Value = serde_yaml::from_str(source).expect("YAML");
        let words = source.get("command")?.as_sequence()?.iter().map(|word| word.as_str().expect("text").to_owned());
        Some((name.to_owned(), words.collect()))
    });
    commands.collect()
}

#[test]
fn the_programs_of_the_readme_get_the_words_of_the_readme() {
    let documented = documented();
    let programs: Vec<&str> = documented.iter().map(|(_, words)| words[0].as_str()).collect();
    assert_eq!(programs, ["op", "vault", "sops", "pass"]);
    for (name, words) in documented {
        let bin = tempfile::tempdir().expect("a directory");
        let program = bin.path().join(&words[0]);
        // Takes exactly the words of its own manual, and answers as it does: with the value and a line end.
        let expected: &[&str] = match name.as_str() {
            "1password" => &["read", "op://shop/db/password"],
            "vault" => &["kv", "get", "-mount=secret", "-field=password", "shop/db"],
            "sops" => &["decrypt", "--extract", "[\"db_password\"]", "secrets/prod.sops.yml"],
            _ => &["show", "shop/db"],
        };
        let checks: Vec<_> = expected.iter().map(|word| format!("[ \"$1\" = '{word}' ] && shift && ")).collect();
        let check = checks.concat();
        let script = format!("#!/bin/sh\n{check}[ $# = 0 ] || {{ echo wrong words >&2; exit 9; }}\necho hunter2\n");
        std::fs::write(&program, script).expect("a file");
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
        let source = serde_json::json!({ "command": words }).to_string();
        let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").expect("a path"));
        let (code, text) = plan_with(&source, &[("PATH", &path)]);
        assert_eq!(code, 1, "{name}: {text}");
        assert!(text.contains("/nonexistent/docker.sock") && !text.contains("hunter2"), "{name}: {text}");
    }
}

#[test]
fn a_command_that_complains_with_the_value_that_it_printed_gives_nothing_away() {
    let (code, text) = plan("{ command: [sh, -c, 'echo hunter2; echo cannot use hunter2 >&2; exit 3'] }");
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("cannot use [secret …]") && !text.contains("hunter2"), "{text}");
}
