//! The command line as it is typed: help, bad input, exit codes. Nothing is contacted.

use std::path::Path;

use assert_cmd::Command;
use insta::assert_snapshot;

/// A project with one environment whose only host is a socket that does not exist.
fn project() -> tempfile::TempDir {
    let project = tempfile::tempdir().expect("a directory");
    let manifest = "\
project: shop
hosts:
  one: { docker: \"unix:///nonexistent/docker.sock\" }
services:
  web:
    image: shop/web
    health: none
";
    std::fs::create_dir(project.path().join("environments")).expect("a directory");
    std::fs::write(project.path().join("environments/prod.yml"), manifest).expect("a file");
    project
}

fn shipctl(project: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("shipctl").expect("the program");
    command.current_dir(project).args(arguments).env_remove("CI").env("COLUMNS", "100");
    let output = command.output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn every_command_has_help_with_an_example() {
    let project = project();
    for command in [
        "deploy",
        "plan",
        "promote",
        "rollback",
        "pull",
        "start",
        "stop",
        "restart",
        "rm",
        "status",
        "history",
        "logs",
        "exec",
        "run",
        "top",
        "events",
        "cp",
        "history show",
        "host check",
        "host setup",
        "host exec",
        "report",
        "doctor",
        "man",
        "completions",
        "config show",
        "config diff",
        "config render",
        "config validate",
        "lock show",
        "secrets init",
        "secrets set",
        "secrets edit",
        "secrets view",
        "secrets list",
        "secrets rotate",
        "init",
        "import compose",
        "import kamal",
    ] {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.push("--help");
        let (code, stdout, _) = shipctl(project.path(), &arguments);
        assert_eq!(code, 0, "{command}");
        assert!(stdout.contains("Example") && stdout.contains(&format!("shipctl {command}")), "{command}:\n{stdout}");
    }
}

#[test]
fn help_is_what_it_was() {
    let project = project();
    assert_snapshot!(shipctl(project.path(), &["deploy", "--help"]).1, @r#"
    Bring the manifest's release to the hosts

    Usage: shipctl deploy [OPTIONS] <ENV>

    Arguments:
      <ENV>  Environment: a file in `environments/`, without `.yml`

    Options:
          --plan <FILE>            Carry out this plan (from `plan -o`), or nothing if manifest or fleet
                                   no longer give the same
          --image <IMAGE>          Give the hosts of --host this image, as [SERVICE=]NAME@DIGEST,
                                   instead of the manifest's (repeatable); `status` shows it with its
                                   --reason until another deploy replaces it
          --reason <TEXT>          Why, for who reads `status` and `history`
          --rerun-job <JOB>        Run this job again although it has run for the release (repeatable,
                                   or separated by commas)
          --require-zero-downtime  Refuse a plan that is not proven to be without downtime; the answer
                                   says why, service by service and host by host
          --no-hooks               Run no hooks, for when one of them is in the way
          --no-notify              Tell nobody of it who is told otherwise (`notify`)
          --host <HOST>            Only these hosts (repeatable, or separated by commas)
          --service <SERVICE>      Only these services (repeatable, or separated by commas)
          --file <FILE>            Put this file above the environment's layers, as a further one
                                   (repeatable)
          --set <KEY=VALUE>        Set a manifest value, such as `services.web.image=shop/web:1.4`
                                   (repeatable)
      -y, --yes                    Do not ask; required where nobody can answer
      -h, --help                   Print help

    Everywhere:
          --format <FORMAT>  How to show what happens: live lines (human), a line per event (plain), or
                             JSON lines and one result object (json) [default: human on a terminal,
                             plain elsewhere and in CI]
          --project <DIR>    Project root [default: the nearest directory upwards that holds
                             `environments/`]

    Examples:
      shipctl deploy prod                          show the plan, ask, roll out
      shipctl deploy prod --yes                    in CI: without a question
      shipctl deploy prod --plan reviewed.json     exactly a reviewed plan, or nothing if it is stale
      shipctl deploy prod --require-zero-downtime  only if it is proven that no request is lost
      shipctl deploy prod --service web --set services.web.image=shop/web:1.4
      shipctl deploy prod --host web1 --image web=shop/web@sha256:3fa9… --reason 'a leak'
    "#);
}

#[test]
fn what_logs_cannot_understand_is_refused_with_what_is_allowed() {
    let project = project();
    for (arguments, expected) in [
        (["--since", "yesterday"], "expected how long ago, such as `90s`, `10m`, `1h30m` or `2d`"),
        (["--tail", "few"], "expected a number of lines, or `all`"),
        (["--grep", "("], "unclosed group"),
        (["--host", "two"], "there is no host `two`"),
    ] {
        let (code, stdout, stderr) = shipctl(project.path(), &[&["logs", "prod"][..], &arguments].concat());
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    }
}

#[test]
fn without_a_terminal_a_deploy_wants_yes() {
    let project = project();
    for command in ["deploy", "rollback"] {
        let (code, stdout, stderr) = shipctl(project.path(), &[command, "prod"]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{command}");
        assert!(stderr.contains("hint: add --yes"), "{command}: {stderr}");
    }
}

const HOTFIX: &str = "web=shop/web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OTHER: &str = "wob=shop/web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn bad_input_is_exit_code_2_and_says_what_there_is() {
    let project = project();
    for (arguments, words) in [
        (&["status", "prd"][..], "did you mean `prod`"),
        (&["status", "prod", "--host", "two"], "there is no host `two`"),
        (&["stop", "prod", "--host", "two", "--yes"], "there is no host `two`"),
        (&["stop", "prod"], "add --yes"),
        (&["restart", "prod", "--yes", "--parallel", "0"], "--parallel"),
        (&["rm", "prod", "--yes", "--reason", "  "], "say why"),
        (&["deploy", "prod", "--yes", "--image", "web=shop/web:1"], "name it by its digest"),
        (&["deploy", "prod", "--yes", "--image", HOTFIX], "--host"),
        (&["deploy", "prod", "--yes", "--image", HOTFIX, "--host", "one"], "--reason"),
        (&["deploy", "prod", "--yes", "--image", OTHER, "--host", "one", "--reason", "x"], "there is no service `wob`"),
        (&["status"], "<ENV>"),
        (&["deploy", "prod", "--hots", "x"], "--host"),
        (&["plan", "prod", "--set", "services.web.imag=x"], "`image`"),
        (&["deploy", "prod", "--yes", "--plan", "missing.json"], "missing.json"),
        (&["status", "prod", "--project", "/nonexistent"], "there is no `environments/`"),
    ] {
        let (code, stdout, stderr) = shipctl(project.path(), arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(stderr.contains(words), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_hook_before_the_plan_keeps_everything_from_being_done_unless_it_is_left_out() {
    let project = project();
    let layer = project.path().join("environments/prod.yml");
    let text = std::fs::read_to_string(&layer).expect("a layer");
    let hook = "hooks: { before-plan: [sh, -c, 'echo \"$$SHIPCTL_KIND of $$SHIPCTL_PROJECT\"; exit 3'] }\n";
    std::fs::write(&layer, format!("{text}{hook}")).expect("a layer");
    let (code, _, stderr) = shipctl(project.path(), &["deploy", "prod", "--yes"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("hook before-plan failed: it ended with exit code 3; no host was changed"), "{stderr}");
    assert!(stderr.contains("hook before-plan | deploy of shop"), "{stderr}");
    assert!(!stderr.contains("looking at"), "{stderr}");
    let (code, _, stderr) = shipctl(project.path(), &["deploy", "prod", "--yes", "--no-hooks"]);
    assert!(code == 1 && stderr.contains("host one cannot be reached: ") && !stderr.contains("hook"), "{stderr}");
    let (code, _, stderr) = shipctl(project.path(), &["plan", "prod"]);
    assert!(code == 1 && !stderr.contains("hook"), "{stderr}");
}

#[test]
fn a_project_is_found_from_below() {
    let project = project();
    let below = project.path().join("a/b");
    std::fs::create_dir_all(&below).expect("a directory");
    let (code, stdout, _) = shipctl(&below, &["config", "validate", "prod"]);
    assert_eq!((code, stdout.as_str()), (0, "shop prod is valid: 1 host, 1 service, 0 rendered files.\n"));
}

#[test]
fn json_errors_are_one_object_on_standard_output() {
    let project = project();
    let (code, stdout, stderr) = shipctl(project.path(), &["status", "prd", "--format", "json"]);
    assert_eq!((code, stderr.as_str()), (2, ""));
    let value: serde_json::Value = serde_json::from_str(&stdout).expect("one object");
    assert_eq!((&value["exit"], &value["format"]), (&2.into(), &1.into()));
    assert!(value["error"]["message"].as_str().is_some_and(|message| message.contains("prd")), "{stdout}");
}

#[test]
fn a_host_that_does_not_answer_is_named() {
    let project = project();
    let (code, stdout, _) = shipctl(project.path(), &["status", "prod"]);
    assert_eq!(code, 1);
    assert!(stdout.contains("one did not answer: "), "{stdout}");
    assert_eq!(shipctl(project.path(), &["status", "prod", "--check"]).0, 7);
    let (code, _, stderr) = shipctl(project.path(), &["deploy", "prod", "--yes"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("host one cannot be reached: "), "{stderr}");
}
