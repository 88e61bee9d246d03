//! `host …` as it is typed: what is refused, and why. Nobody is contacted.

use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;

const MANIFEST: &str = "\
project: shop
hosts:
  web1: { ssh: root@web1.invalid }
  web2: { ssh: root@web2.invalid }
  bare: { docker: \"unix:///nonexistent/docker.sock\" }
services:
  web: { image: shop/web, health: none }
";

fn project() -> TempDir {
    let project = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(project.path().join("environments")).expect("a directory");
    std::fs::write(project.path().join("environments/prod.yml"), MANIFEST).expect("a file");
    std::fs::write(project.path().join("id.pub"), "ssh-ed25519 AAAAC3 ann@desk\n").expect("a file");
    std::fs::write(project.path().join("id"), "-----BEGIN OPENSSH PRIVATE KEY-----\n").expect("a file");
    project
}

/// Exit code and what was complained of. There is no program that could contact anybody.
fn shipctl(directory: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::cargo_bin("shipctl").expect("the program");
    command.current_dir(directory).args(arguments).env("PATH", "/nonexistent").env("COLUMNS", "200");
    let output = command.output().expect("it runs");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn what_cannot_be_meant_is_refused_before_anybody_is_contacted() {
    let project = project();
    for (arguments, expected) in [
        (&["exec", "prod", "--", "id"][..], "bare is reached by an engine's API alone"),
        (&["exec", "prod", "--", "id"], "leave it out: --host web1,web2"),
        (&["exec", "prod", "--host", "bare", "--", "id"], "reach the host by SSH"),
        (&["exec", "prod", "--host", "wbe1", "--", "id"], "did you mean `web1`"),
        (&["exec", "prod", "--host", "web1"], "COMMAND"),
        (&["exec", "prod", "--host", "web1", "--reason", " ", "--", "id"], "say why"),
        (&["check", "prdo"], "prod"),
        (&["check", "prod", "--host", "web3"], "there is no host `web3`"),
        (&["setup", "prod", "--yes"], "bare is reached"),
        (&["setup", "prod", "--host", "web1"], "add --yes"),
        (&["setup", "prod", "web1.internal", "--yes"], "cannot be told apart"),
        (&["setup", "root@10.0.0.1", "--host", "web1", "--yes"], "--host chooses among the hosts of an environment"),
        (&["setup", "root@-x", "--yes"], "`root@-x` is no address"),
        (&["setup", "prod", "--host", "web1", "--user", "ann"], "--key"),
        (&["setup", "prod", "--host", "web1", "--user", "root", "--key", "id.pub"], "root needs no account"),
        (
            &["setup", "prod", "--host", "web1", "--user", "ann", "--key", "id", "--yes"],
            "name the file that ends in .pub",
        ),
        (
            &["setup", "prod", "--host", "web1", "--user", "ann", "--key", "none.pub", "--yes"],
            "none.pub cannot be read",
        ),
    ] {
        let (code, stderr) = shipctl(project.path(), &[&["host"], arguments].concat());
        assert!(code == 2 && stderr.contains(expected), "{arguments:?}: {code} {stderr}");
    }
    assert!(!project.path().join(".shipctl").exists(), "nothing was begun, so nothing is recorded");
}

#[test]
fn addresses_need_no_project() {
    let nowhere = tempfile::tempdir().expect("a directory");
    let (code, stderr) = shipctl(nowhere.path(), &["host", "setup", "root@10.0.0.1"]);
    assert!(code == 2 && stderr.contains("add --yes"), "{code} {stderr}");
    let (code, stderr) = shipctl(nowhere.path(), &["host", "setup", "prod", "--yes"]);
    assert!(code == 2 && stderr.contains("environments/"), "{code} {stderr}");
}
