//! What is typed, and what surrounds the one who types it.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::net::UnixListener;

use assert_cmd::Command;

use crate::manifest_support::Project;

const MANIFEST: &str = "project: shop
hosts: { one: { docker: \"unix:///nonexistent/docker.sock\" }, two: { docker: \"unix:///nonexistent/other.sock\" } }
services: { web: { image: shop/web, health: none, configs: [app] } }
configs: { app: { template: templates/app.conf.j2 } }
";

/// Without anything of who runs the tests.
fn shipctl(project: &Project) -> Command {
    let mut command = Command::cargo_bin("shipctl").expect("the program");
    command
        .current_dir(project.root())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", project.root().join("home"));
    command
}

/// What a run says, and its exit code.
fn said(project: &Project, command: &mut Command) -> (i32, String) {
    let output = command.output().expect("it runs");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap_or(-1), project.anonymous(&text))
}

#[test]
fn arguments() {
    let project = Project::of(MANIFEST).with("prod.json", "{}").with("environments/staging.yml", "");
    let mut text = String::new();
    for (name, arguments) in [
        ("no command", &[][..]),
        ("an unknown command", &["deplyo", "test"]),
        ("no environment", &["deploy"]),
        ("an environment too many", &["deploy", "test", "staging"]),
        ("an environment that is misspelt", &["status", "tset"]),
        ("an unknown option", &["deploy", "test", "--hots", "one"]),
        ("an option twice", &["deploy", "test", "--yes", "--yes"]),
        ("an option without its value", &["deploy", "test", "--host"]),
        ("a host that is misspelt", &["deploy", "test", "--yes", "--host", "onne"]),
        ("a host that is empty", &["deploy", "test", "--yes", "--host", ""]),
        ("a service that is not there", &["plan", "test", "--service", "api"]),
        ("an environment that is an option", &["status", "--", "--help"]),
        ("an environment with a line end", &["status", "te\nst"]),
        ("an environment with an escape", &["status", "\u{1b}[31m"]),
        ("a format that is not there", &["status", "test", "--format", "xml"]),
        ("a number that is none", &["history", "test", "--limit", "-1"]),
        ("a project that is not there", &["status", "test", "--project", "/nonexistent"]),
        ("a project with a line end", &["status", "test", "--project", "a\nb"]),
        ("a file that is not there", &["config", "validate", "test", "--file", "none.yml"]),
        ("a plan that is not there", &["deploy", "test", "--yes", "--plan", "none.json"]),
        ("a plan that is none", &["deploy", "test", "--yes", "--plan", "prod.json"]),
        ("nobody to ask", &["deploy", "test"]),
        ("a shell that is unknown", &["completions", "tcsh"]),
        ("options that exclude each other", &["config", "render", "test", "--diff", "--output", "x"]),
    ] {
        let (code, answer) = said(&project, shipctl(&project).args(arguments).env("COLUMNS", "200"));
        // Help in place of an error, where nothing was asked for.
        let answer: Vec<&str> = answer.lines().filter(|line| !line.is_empty()).take(3).collect();
        assert_eq!(code, 2, "{name}: {answer:?}");
        let shown = arguments.iter().map(|word| word.escape_debug().to_string()).collect::<Vec<_>>().join(" ");
        let _ = writeln!(text, "# {name}\nshipctl {shown}\n  => {}\n", answer.join("\n     "));
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    }
    insta::assert_snapshot!("arguments", text);
}

#[test]
fn what_is_not_utf_8_is_a_path_and_nothing_else() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let project = Project::of(MANIFEST);
    let odd = OsStr::from_bytes(b"od\xffd\n");
    for arguments in [[OsStr::new("status"), odd], [OsStr::new("config"), odd]] {
        let (code, answer) = said(&project, shipctl(&project).args(arguments));
        assert!(code == 2 && !answer.is_empty(), "{answer}");
    }
    let elsewhere = project.root().join(odd);
    fs::create_dir_all(elsewhere.join("environments")).expect("a directory");
    fs::write(elsewhere.join("environments/test.yml"), "prot: 1\n").expect("a file");
    let (code, answer) =
        said(&project, shipctl(&project).args(["config", "validate", "test", "--project"]).arg(&elsewhere));
    assert!(code == 2 && answer.contains("environments/test.yml:1:1"), "{answer}");
}

/// A variable of the shell must neither lead a deploy elsewhere nor keep a manifest from being read.
#[test]
fn surroundings_make_no_difference_to_what_a_manifest_means() {
    let project = Project::of(MANIFEST);
    let elsewhere = project.root().join("elsewhere.sock");
    let engine = UnixListener::bind(&elsewhere).expect("a socket");
    engine.set_nonblocking(true).expect("a socket that does not wait");
    let plain = said(&project, shipctl(&project).args(["config", "render", "test"]));
    assert_eq!(plain.0, 0, "{}", plain.1);
    let docker_host = format!("unix://{}", elsewhere.display());
    for variables in [
        &[("DOCKER_HOST", docker_host.as_str()), ("DOCKER_CONTEXT", "other")][..],
        &[("LANG", "tr_TR.UTF-8"), ("LC_ALL", "xx_YY"), ("TZ", "Mars/Olympus")],
        &[("TMPDIR", "/nonexistent"), ("XDG_STATE_HOME", "relative"), ("XDG_CONFIG_HOME", "relative")],
        &[("HTTP_PROXY", "http://127.0.0.1:1"), ("NO_PROXY", "*"), ("SSL_CERT_FILE", "/nonexistent")],
        &[("PATH", "")],
        &[("COLUMNS", "-1"), ("TERM", "nonsense"), ("RUST_BACKTRACE", "full")],
    ] {
        let found =
            said(&project, shipctl(&project).args(["config", "render", "test"]).envs(variables.iter().copied()));
        assert_eq!(found, plain, "{variables:?}");
    }
    let (code, answer) = said(&project, shipctl(&project).arg("status").arg("test").env("DOCKER_HOST", &docker_host));
    assert!(code == 1 && answer.contains("one did not answer"), "{answer}");
    assert_eq!(engine.accept().expect_err("nobody is asked").kind(), std::io::ErrorKind::WouldBlock);
    let without_home = said(&project, shipctl(&project).args(["config", "render", "test"]).env_remove("HOME"));
    assert_eq!(without_home, plain);
}

/// A reader that has gone is not an error to be shown, let alone a panic.
#[test]
fn a_reader_may_go_away() {
    let project = Project::of(MANIFEST);
    let program = assert_cmd::cargo::cargo_bin("shipctl");
    for arguments in ["config show test", "completions bash", "--help", "status test"] {
        let script = format!("{{ \"$0\" {arguments}; echo $? >code; }} 2>errors | true");
        Command::new("bash").current_dir(project.root()).arg("-c").arg(script).arg(&program).assert().success();
        let read = |name: &str| fs::read_to_string(project.root().join(name)).expect("a file");
        assert!(!read("errors").contains("panicked"), "{arguments}: {}", read("errors"));
        assert_ne!(read("code").trim(), "101", "{arguments}");
    }
}

#[test]
fn few_open_files_and_an_odd_umask_are_borne() {
    let project = Project::of(MANIFEST);
    let program = assert_cmd::cargo::cargo_bin("shipctl");
    for limits in ["ulimit -n 32", "umask 000", "umask 077", "ulimit -c 0"] {
        let script = format!("{limits}; exec \"$0\" config render test -o out");
        let mut command = Command::new("bash");
        let (code, answer) = said(&project, command.current_dir(project.root()).args(["-c", &script]).arg(&program));
        assert_eq!(code, 0, "{limits}: {answer}");
        let rendered = fs::read_to_string(project.root().join("out/one/web/app")).expect("a file");
        assert_eq!(rendered, "x\n", "{limits}");
    }
}
