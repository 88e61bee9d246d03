//! `history show` and `report` as they are typed, on journals of a checkout. No host answers.

use std::path::Path;

use assert_cmd::Command;
use shipctl::environment::{Scope, Secret};
use shipctl::event::{Event, Record};
use shipctl::journal::{FileJournal, Journal};
use shipctl::redact::Redactor;

use crate::report_lines::{first_plan, rollout};

const ROLLOUT: &str = "20261120T120000Z-0a1b2c";

fn shipctl(project: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("shipctl").expect("the program");
    command.current_dir(project).args(arguments).env_remove("CI").env("COLUMNS", "100");
    let output = command.output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A project whose only host does not exist, with the journal of a rollout that was killed.
fn project() -> tempfile::TempDir {
    let project = tempfile::tempdir().expect("a directory");
    let manifest = "project: shop\nhosts:\n  one: { docker: \"unix:///nonexistent/docker.sock\" }\n\
                    services:\n  web: { image: shop/web, health: none }\n";
    std::fs::create_dir(project.path().join("environments")).expect("a directory");
    std::fs::write(project.path().join("environments/prod.yml"), manifest).expect("a file");
    keep(project.path(), &rollout());
    project
}

fn keep(project: &Path, records: &[Record]) {
    let redactor = Redactor::default();
    redactor.learn([("db", &Secret::new("no database".to_owned()))]);
    let scope: Scope = first_plan().scope;
    let mut journal = FileJournal::create(project, &scope, ROLLOUT, redactor).expect("a journal");
    let begun = records.iter().skip_while(|record| !matches!(record.event, Event::RolloutStarted { .. }));
    for record in begun.filter(|record| !record.event.is_progress()) {
        journal.append(record, true).expect("it is written");
    }
}

#[test]
fn a_page_is_made_from_the_journal_even_where_the_manifest_is_broken() {
    let project = project();
    std::fs::write(project.path().join("environments/prod.yml"), "services: [").expect("a file");
    let (code, stdout, stderr) = shipctl(project.path(), &["report", "prod", "r1", "-o", "page.html"]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.starts_with("page.html: deploy of r1-") && stdout.ends_with(", unfinished\n"), "{stdout}");
    let page = std::fs::read_to_string(project.path().join("page.html")).expect("the page");
    assert!(page.contains("[secret db]") && !page.contains("no database"), "secrets of the run are not in its journal");
    let (code, printed, _) = shipctl(project.path(), &["report", "prod", ROLLOUT]);
    assert_eq!((code, printed), (0, page));
}

#[test]
fn a_page_that_cannot_be_made_leaves_no_file_and_says_why() {
    let project = project();
    let named = |what: &str| vec!["report".to_owned(), "prod".to_owned(), what.to_owned()];
    for (arguments, code, words) in [
        (vec!["report".to_owned(), "prad".to_owned()], 2, "did you mean `prod`?"),
        (named("r7"), 1, "no journal in this checkout is of r7\nhint: there are journals of r1-"),
        (named("today"), 2, "no journal in this checkout is of today"),
    ] {
        let mut arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        arguments.extend(["-o", "page.html"]);
        let (exit, stdout, stderr) = shipctl(project.path(), &arguments);
        assert_eq!((exit, stdout.as_str()), (code, ""), "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
    }
    let journal = project.path().join(format!(".shipctl/prod/{ROLLOUT}.jsonl"));
    std::fs::write(&journal, "{\"format\":9,\"sequence\":1}\n").expect("a file");
    let (code, _, stderr) = shipctl(project.path(), &["report", "prod", "-o", "page.html"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("is in format 9, and this shipctl reads up to 1"), "{stderr}");
    std::fs::remove_file(&journal).expect("it is there");
    let (code, _, stderr) = shipctl(project.path(), &["report", "prod", "-o", "page.html"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("no rollout of prod was carried out from this checkout"), "{stderr}");
    assert!(!project.path().join("page.html").exists());
}

#[test]
fn a_release_is_told_by_its_journal_where_no_host_answers() {
    let project = project();
    let (code, stdout, stderr) = shipctl(project.path(), &["history", "show", "prod", "r1"]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    for words in [
        "2 replacements in 2 batches, without an end in its journal; not in the hosts' record\n",
        "  by ann@desk, ",
        "  took 2m07s, began 2 of 2 batches\n",
        &format!("  as a page: shipctl report prod {ROLLOUT} -o report.html\n"),
        "one did not answer:",
    ] {
        assert!(stdout.contains(words), "{words}\n{stdout}");
    }
    let (code, stdout, _) = shipctl(project.path(), &["history", "show", "prod", "r1", "--format", "json"]);
    let answer: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!((code, &answer["release"]["rollouts"][0]["journal"]["rollout"]), (0, &ROLLOUT.into()), "{stdout}");
}

#[test]
fn a_release_that_nobody_knows_is_an_error() {
    let project = project();
    let (code, stdout, stderr) = shipctl(project.path(), &["history", "show", "prod", "latest"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("`latest` is not the name of a release"), "{stderr}");
    let (code, stdout, stderr) = shipctl(project.path(), &["history", "show", "prod", "r9"]);
    assert_eq!((code, stdout.as_str()), (1, ""), "no journal, and no host answers: {stderr}");
    let (code, _, stderr) = shipctl(project.path(), &["history"]);
    assert_eq!(code, 2, "{stderr}");
}
