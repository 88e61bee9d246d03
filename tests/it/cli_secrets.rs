//! Secrets that a command prints: what is taken, what is refused, and what is never shown.

use assert_cmd::Command;

/// What `shipctl plan` says when the secret has this source. The host is a socket that does not exist, so that
/// a secret that was had ends with exit code 1, and one that was not with 2.
fn plan(source: &str) -> (i32, String) {
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
    let output = command.current_dir(project.path()).args(["plan", "prod"]).output().expect("it runs");
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
