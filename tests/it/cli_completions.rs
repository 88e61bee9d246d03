//! What shells offer, asked as they ask; bash by its own machinery.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::report_lines::first_plan;

const MANIFEST: &str = "\
project: shop
hosts:
  web1: { ssh: web1.internal }
  web2: { ssh: web2.internal }
  db1: { ssh: db1.internal }
services:
  web: { image: shop/web, health: none }
  worker: { image: \"shop/worker:${TAG}\", health: none }
secrets: { token: { environment: NOT_SET } }
jobs: { migrate: { service: web, command: x, reversible: yes, host: web1 } }
";

fn project() -> tempfile::TempDir {
    let project = tempfile::tempdir().expect("a directory");
    let environments = project.path().join("environments");
    std::fs::create_dir(&environments).expect("a directory");
    std::fs::write(environments.join("prod.yml"), MANIFEST).expect("a file");
    std::fs::write(environments.join("staging.yml"), "project: shop\nhosts: {}\n").expect("a file");
    project
}

fn program() -> std::path::PathBuf {
    assert_cmd::cargo::cargo_bin("shipctl")
}

/// What bash offers for the last of these words.
#[expect(clippy::disallowed_methods, reason = "a shell is what is tested")]
fn bash(directory: &Path, line: &str) -> BTreeSet<String> {
    let script = "set -e; source <(shipctl completions bash); read -ra COMP_WORDS <<<\"$1\"; \
                  [[ $1 == *' ' ]] && COMP_WORDS+=(''); COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )); COMP_TYPE=9; \
                  _clap_complete_shipctl shipctl \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\" || :; \
                  printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut path = program().parent().expect("a directory").as_os_str().to_owned();
    path.push(":/usr/bin:/bin");
    let output =
        Command::new("bash").args(["-c", script, "bash", line]).env("PATH", path).current_dir(directory).output();
    let output = output.expect("bash");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").lines().filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn bash_is_offered_what_the_project_has() {
    let project = project();
    let root = project.path();
    assert_eq!(bash(root, "shipctl deploy p"), names(&["prod"]));
    let all = bash(root, "shipctl deploy ");
    assert_eq!(all.into_iter().filter(|it| !it.starts_with('-')).collect::<BTreeSet<_>>(), names(&["prod", "staging"]));
    assert_eq!(bash(root, "shipctl deploy prod --host w"), names(&["web1", "web2"]));
    assert_eq!(bash(root, "shipctl deploy prod --host web1,"), names(&["web1,web2", "web1,db1"]));
    assert_eq!(bash(root, "shipctl deploy --service w prod"), names(&["prod"]));
    assert_eq!(bash(root, "shipctl status prod --service w"), names(&["web", "worker"]));
    assert_eq!(bash(root, "shipctl deploy prod --rerun-job "), names(&["migrate"]));
    assert_eq!(bash(root, "shipctl secrets set prod t"), names(&["token"]));
    assert_eq!(bash(root, "shipctl config diff prod s"), names(&["staging"]));
    assert_eq!(bash(root, "shipctl roll"), names(&["rollback"]));
    // Nobody knows the environment yet, or there is no project: nothing, and no error.
    assert_eq!(bash(root, "shipctl deploy --host w"), names(&[]));
    assert_eq!(bash(Path::new("/"), "shipctl deploy p"), names(&[]));
    let from_elsewhere = format!("shipctl --project {} deploy p", root.display());
    assert_eq!(bash(Path::new("/"), &from_elsewhere), names(&["prod"]));
}

/// The words of the journal of a first release that came to this.
fn journal(outcome: &str) -> String {
    let started = serde_json::json!({ "format": 1, "sequence": 1, "at": "2026-10-01T10:00:00Z",
        "event": { "rollout_started": { "rollout": "x", "by": "ann@desk", "plan": first_plan() } } });
    let report = serde_json::json!({ "outcome": outcome, "release": first_plan().release, "rows": [], "failure": null,
        "undo_failures": [] });
    let finished = serde_json::json!({ "format": 1, "sequence": 2, "at": "2026-10-01T10:01:00Z",
        "event": { "finished": report } });
    format!("{started}\n{finished}\n")
}

#[test]
fn releases_are_those_that_this_checkout_has_brought_into_force() {
    let project = project();
    let root = project.path();
    let journals = root.join(".shipctl/prod");
    std::fs::create_dir_all(&journals).expect("a directory");
    std::fs::write(journals.join("20261001T100000Z-a.jsonl"), journal("rolled_back")).expect("a file");
    assert_eq!(bash(root, "shipctl rollback prod --to "), names(&[]));
    std::fs::write(journals.join("20261002T100000Z-b.jsonl"), journal("completed")).expect("a file");
    std::fs::write(journals.join("20261003T100000Z-c.jsonl"), "cut off").expect("a file");
    let release = format!("r{}", first_plan().release.number);
    assert_eq!(bash(root, "shipctl rollback prod --to "), names(&[&release]));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what shells start is what is tested")]
fn every_shell_is_answered_in_its_own_form() {
    let project = project();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let mut command = Command::new(program());
        command.args(["--", "shipctl", "status", "prod", "--host", "web"]).current_dir(project.path());
        command.env("SHIPCTL_COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", "4").env("_CLAP_IFS", "\n");
        let output = command.output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success() && text.contains("web1") && text.contains("web2"), "{shell}: {text}");
    }
}
