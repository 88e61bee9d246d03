//! `doctor` on machines that lack this or that: a home, a PATH and a project of the test's own. Nobody is contacted.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// A machine: `home`, `bin` (all of its PATH), `project`.
struct Machine(TempDir);

const MANIFEST: &str = "\
project: shop
hosts:
  web1: { ssh: deploy@web1.invalid }
  web2: { ssh: \"deploy@web2.invalid:2222\" }
registry: { host: \"registry.invalid:5000\" }
secrets:
  db: { environment: SHIPCTL_TEST_NO_SUCH_VARIABLE }
  key: { command: [no-such-program, read] }
services:
  web: { image: shop/web, build: { context: . }, health: none, secrets: [db] }
";

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().expect("a directory"));
        for directory in ["home/.ssh", "bin", "project/environments"] {
            std::fs::create_dir_all(machine.0.path().join(directory)).expect("a directory");
        }
        machine.program("git", "echo git version 2.50.0");
        machine
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.0.path().join(file), text).expect("a file");
    }

    /// A program that a shell script stands for.
    fn program(&self, name: &str, script: &str) {
        let file = format!("bin/{name}");
        self.write(&file, &format!("#!/bin/sh\n{script}\n"));
        let path = self.0.path().join(&file);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    }

    /// OpenSSH, with no key in an agent: `ssh -G` says where `known_hosts` is, and that knows web1 only.
    fn openssh(&self) {
        let home = self.0.path().join("home");
        let home = home.display();
        self.program(
            "ssh",
            &format!(
                "case $1 in -V) echo OpenSSH_9.9 >&2; exit;; -G) ;; *) echo \"$@\" >> {home}/contacted; exit 1;; esac\n\
                 port=22; while [ $# -gt 1 ]; do if [ \"$1\" = -p ]; then port=$2; fi; shift; done\n\
                 echo hostname $1; echo port $port; echo identityfile ~/.ssh/id_ed25519\n\
                 echo userknownhostsfile {home}/.ssh/known_hosts"
            ),
        );
        self.program("ssh-add", "echo The agent has no identities.; exit 1");
        self.program("ssh-keygen", "if [ \"$2\" = web1.invalid ]; then echo web1.invalid key; else exit 1; fi");
        self.write("home/.ssh/known_hosts", "web1.invalid key\n");
    }

    fn shipctl(&self, directory: &str, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::cargo_bin("shipctl").expect("the program");
        command.env_clear().env("HOME", self.0.path().join("home")).env("PATH", self.0.path().join("bin"));
        let output = command.current_dir(self.0.path().join(directory)).args(arguments).output().expect("it runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    /// What was found, as `state: found` by what it is about.
    fn findings(&self, directory: &str, arguments: &[&str]) -> (i32, Vec<(String, String, String)>) {
        let arguments = [&["doctor", "--format", "json"], arguments].concat();
        let (code, stdout, stderr) = self.shipctl(directory, &arguments);
        let answer: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout}{stderr}"));
        let findings = answer["doctor"]["findings"].as_array().expect("a list").iter();
        let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
        (code, findings.map(|one| (text(one, "about"), text(one, "state"), text(one, "found"))).collect())
    }
}

fn state<'f>(findings: &'f [(String, String, String)], about: &str) -> &'f str {
    let found = findings.iter().find(|(name, ..)| name == about);
    &found.unwrap_or_else(|| panic!("nothing about {about}: {findings:#?}")).1
}

#[test]
fn outside_of_a_project_the_machine_itself_is_looked_at() {
    let machine = Machine::new();
    let (code, findings) = machine.findings("home", &[]);
    assert_eq!(
        (code, state(&findings, "ssh"), state(&findings, "git")),
        (0, "warn", "ok"),
        "no ssh, and nobody to reach"
    );
    machine.openssh();
    let (code, findings) = machine.findings("home", &[]);
    assert_eq!((code, state(&findings, "ssh"), state(&findings, "ssh keys")), (0, "ok", "warn"), "{findings:?}");
    machine.write("home/.ssh/id_ed25519", "a key");
    let (_, findings) = machine.findings("home", &[]);
    assert_eq!(state(&findings, "ssh keys"), "ok");
    let (code, _, stderr) = machine.shipctl("home", &["doctor", "prod"]);
    assert_eq!(code, 2, "an environment of no project: {stderr}");
}

#[test]
fn each_thing_that_an_environment_lacks_is_named_with_what_to_do() {
    let machine = Machine::new();
    machine.write("project/environments/prod.yml", MANIFEST);
    std::fs::write(machine.0.path().join("project/Dockerfile"), "FROM scratch\n").expect("a file");
    let (code, findings) = machine.findings("project", &["prod"]);
    assert_eq!((code, state(&findings, "ssh")), (1, "fail"), "its hosts are reached by SSH: {findings:#?}");
    machine.openssh();
    let (code, findings) = machine.findings("project", &["prod"]);
    for (about, expected) in [
        ("ssh keys", "fail"),
        ("host key of deploy@web1.invalid", "ok"),
        ("host key of deploy@web2.invalid:2222", "warn"),
        ("prod: manifest", "ok"),
        ("prod: registry registry.invalid:5000", "warn"),
        ("prod: secret db", "warn"),
        ("prod: secret key", "fail"),
    ] {
        assert_eq!(state(&findings, about), expected, "{about}: {findings:#?}");
    }
    assert_eq!(code, 1);
    assert!(!machine.0.path().join("home/contacted").exists(), "nobody was contacted");
    let (_, stdout, _) = machine.shipctl("project", &["doctor", "prod"]);
    for words in [
        "fail  ssh keys",
        "do: ssh-add a key, or make one with ssh-keygen -t ed25519",
        "do: connect once by hand and compare its fingerprint: ssh -p 2222 deploy@web2.invalid",
        "do: docker login registry.invalid:5000",
        "will not work as it is.",
    ] {
        assert!(stdout.contains(words), "{words}\n{stdout}");
    }
}

#[test]
fn credentials_are_found_and_not_shown_and_a_broken_manifest_is_a_finding() {
    let machine = Machine::new();
    machine.openssh();
    machine.write("project/environments/prod.yml", MANIFEST);
    std::fs::create_dir(machine.0.path().join("home/.docker")).expect("a directory");
    // deploy:correct-horse
    let config = r#"{"auths":{"registry.invalid:5000":{"auth":"ZGVwbG95OmNvcnJlY3QtaG9yc2U="}}}"#;
    machine.write("home/.docker/config.json", config);
    let (_, findings) = machine.findings("project", &[]);
    assert_eq!(state(&findings, "prod: registry registry.invalid:5000"), "ok");
    let (_, stdout, stderr) = machine.shipctl("project", &["doctor"]);
    assert!(!format!("{stdout}{stderr}").contains("correct-horse"));
    machine.write("project/environments/prod.yml", "project: shop\nservises: {}\n");
    let (code, findings) = machine.findings("project", &[]);
    assert_eq!((code, state(&findings, "prod: manifest")), (1, "fail"), "{findings:#?}");
    let (code, _, stderr) = machine.shipctl("project", &["doctor", "prad"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("did you mean `prod`?"), "{stderr}");
    let missing = Path::new("nowhere").display().to_string();
    assert_eq!(machine.shipctl("project", &["doctor", "--project", &missing]).0, 2);
}
