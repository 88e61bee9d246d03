//! Hooks as real processes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use shipctl::engine::LineSink;
use shipctl::environment::{Hook, Point, Secret};
use shipctl::event::Failure;
use shipctl::fleet::ledger::Kind;
use shipctl::hook::facts::Moment;
use shipctl::hook::local::LocalHooks;
use shipctl::hook::{Facts, HookEnd, Hooks};
use shipctl::redact::Redactor;
use tokio::time::{Instant, sleep};

use crate::support::environment::{environment, host};

fn facts() -> Facts {
    let facts = Facts::unplanned(&environment(2), Kind::Deploy, "ann@desk");
    let failure = Failure::new("gate new", "it said hunter2!").on(&host(1));
    Facts {
        moment: Moment::Hook(Point::Rollback),
        outcome: Some("rolled-back".to_owned()),
        failure: Some(failure),
        ..facts
    }
}

/// How a shell ends that is given these words, and what it prints.
async fn shell(words: &str, limit: Duration, stop: impl Future<Output = ()> + Send) -> (HookEnd, Vec<String>) {
    let redactor = Redactor::default();
    redactor.learn([("db", &Secret::new("hunter2!".to_owned()))]);
    let root = tempfile::tempdir().expect("a folder");
    run(root.path(), redactor, &["sh", "-c", words], limit, stop).await
}

async fn run(
    root: &Path,
    redactor: Redactor,
    command: &[&str],
    timeout: Duration,
    stop: impl Future<Output = ()> + Send,
) -> (HookEnd, Vec<String>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&heard);
    let sink: LineSink = Arc::new(move |line| keep.lock().expect("no panic").push(line));
    let hook = Hook { command: command.iter().map(|&word| word.to_owned()).collect(), timeout };
    let end = LocalHooks::new(root, redactor).run(&hook, &facts(), &sink, Box::pin(stop)).await;
    let heard = heard.lock().expect("no panic").clone();
    (end, heard)
}

const LONG: Duration = Duration::from_mins(2);

/// Returns when no process of this number runs any more.
async fn gone(pid: &str) {
    let begun = Instant::now();
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
        if matches!(state, None | Some('Z' | 'X')) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "process {pid} goes on: {stat}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_hook_is_told_the_facts_in_json_and_in_variables_without_any_secret() {
    let words = "cat; echo \"$SHIPCTL_HOOK|$SHIPCTL_PROJECT|$SHIPCTL_ENVIRONMENT|$SHIPCTL_KIND|$SHIPCTL_HOSTS|\
$SHIPCTL_SERVICES|$SHIPCTL_OPERATOR|$SHIPCTL_OUTCOME|$SHIPCTL_BATCH|$SHIPCTL_FAILURE\"; echo hunter2! >&2";
    let (end, heard) = shell(words, LONG, std::future::pending()).await;
    assert_eq!((end, heard.len()), (HookEnd::Done, 3), "{heard:?}");
    let find = |start: &str| heard.iter().find(|line| line.starts_with(start)).expect("a line");
    let told: BTreeMap<String, Value> = serde_json::from_str(find("{")).expect("JSON");
    assert_eq!(told["hook"], "rollback");
    assert_eq!(told["hosts"], serde_json::json!(["web1", "web2"]));
    assert_eq!(told["failure"]["reason"], "it said [secret db]");
    assert!(!told.contains_key("batch") && !told.contains_key("release"), "{told:?}");
    let line = "rollback|shop|prod|deploy|web1 web2|web|ann@desk|rolled-back||it said [secret db]";
    assert_eq!((find("rollback").as_str(), find("[").as_str()), (line, "[secret db]"));
}

#[tokio::test]
async fn a_program_of_the_project_runs_in_it() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().expect("a folder");
    let file = root.path().join("check");
    std::fs::write(&file, "#!/bin/sh\ntest -f check && echo \"$1\"\n").expect("a file");
    let before = run(root.path(), Redactor::default(), &["./check", "one two"], LONG, std::future::pending()).await;
    let HookEnd::Failed(why) = before.0 else { panic!("{before:?}") };
    assert!(why.starts_with("it cannot be run: ") && why.contains("ermission"), "{why}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    let after = run(root.path(), Redactor::default(), &["./check", "one two"], LONG, std::future::pending()).await;
    assert_eq!(after, (HookEnd::Done, vec!["one two".to_owned()]));
}

#[tokio::test]
async fn how_a_hook_ends_is_said() {
    for (words, why) in [("exit 3", "it ended with exit code 3"), ("kill -9 $$", "it was ended by signal 9")] {
        let (end, _) = shell(words, LONG, std::future::pending()).await;
        assert_eq!(end, HookEnd::Failed(why.to_owned()));
    }
}

#[tokio::test]
async fn a_hook_whose_time_is_up_ends_with_all_that_it_has_started() {
    let words = "sleep 1000 & echo $!; wait";
    let (end, heard) = shell(words, Duration::from_secs(1), std::future::pending()).await;
    assert_eq!(end, HookEnd::Failed("it did not end within 1s, and was ended".to_owned()));
    gone(&heard[0]).await;
}

#[tokio::test]
async fn a_hook_that_does_not_want_to_end_is_ended_when_it_is_stopped() {
    let words = "trap '' TERM; sleep 1000 & echo $!; while :; do wait; done";
    let (end, heard) = shell(words, LONG, sleep(Duration::from_secs(1))).await;
    assert_eq!(end, HookEnd::Stopped);
    gone(&heard[0]).await;
}

#[tokio::test]
async fn what_a_hook_leaves_behind_with_its_output_is_not_waited_for() {
    let begun = Instant::now();
    let (end, heard) = shell("sleep 1000 & echo $!", LONG, std::future::pending()).await;
    assert_eq!(end, HookEnd::Done);
    assert!(begun.elapsed() < Duration::from_mins(1));
    gone(&heard[0]).await;
}

#[tokio::test]
async fn a_line_without_end_is_cut() {
    let words = "head -c 50000000 /dev/zero | tr '\\0' x; echo; echo end";
    let (end, heard) = shell(words, LONG, std::future::pending()).await;
    assert_eq!((end, heard.len(), heard[1].as_str()), (HookEnd::Done, 2, "end"));
    assert!(heard[0].chars().count() < 1000);
}
