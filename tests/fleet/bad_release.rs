//! Releases that do not do well: every host ends on what it ran before.

use std::time::Duration;

use crate::support::{Container, Fleet, Project, Run};

const OLD: [&str; 3] = ["h1 r1 r1 healthy", "h2 r1 r1 healthy", "h3 r1 r1 running"];

/// A fleet on v1, and the next release in the manifest.
fn on_v1(fleet: &Fleet) -> (Project, Vec<String>) {
    let project = Project::new(fleet);
    project.install();
    project.tag("v2");
    let ids = fleet.hosts().iter().map(|host| host.only().id().to_owned()).collect();
    (project, ids)
}

/// Each host runs the very container that it ran before, settled, and nothing else is left of the attempt.
#[track_caller]
fn assert_back(fleet: &Fleet, run: &Run, before: &[String]) {
    assert_eq!(fleet.releases(), ["v1"; 3], "{run}");
    for (host, id) in fleet.hosts().iter().zip(before) {
        let all = host.containers();
        assert_eq!(all.iter().map(Container::id).collect::<Vec<_>>(), [id], "on {}\n{run}", host.name);
        assert!(all[0].is_promoted(), "{}", all[0]);
        let restart = all[0].host_config().restart_policy.and_then(|policy| policy.maximum_retry_count);
        assert_eq!(restart, Some(5), "the old container would not be restarted as before: {}", all[0]);
    }
    assert!(!fleet.is_locked());
    fleet.assert_true(run);
}

#[test]
fn a_release_that_is_bad_everywhere_stops_at_the_first_host() {
    let fleet = Fleet::start();
    let (project, before) = on_v1(&fleet);
    let untouched = fleet.snapshot().split_off(1);
    project.edit("healthy_deadline: 5s", "healthy_deadline: 1s");
    project.misbehave("never-healthy");
    let run = project.deploy(3);
    assert_back(&fleet, &run, &before);
    assert_eq!(fleet.snapshot().split_off(1), untouched, "only the first host was to be touched");
    assert_eq!(run.failure()["host"], "h1");
    let reason = run.failure()["reason"].as_str().expect("a reason");
    assert!(reason.contains("503") && reason.contains("1s"), "the last answer and the deadline are evidence: {reason}");
    let log = run.failure()["log"].to_string();
    assert!(log.contains("release v2 listens on port 80"), "its output is evidence: {log}");
}

#[test]
fn a_release_that_is_bad_on_the_second_host_brings_the_first_one_back_too() {
    let fleet = Fleet::start();
    let (project, before) = on_v1(&fleet);
    project.misbehave_on("h2", "exit");
    let run = project.deploy(3);
    let promoted: Vec<_> = run.events("promoted").iter().map(|event| event["host"].clone()).collect();
    assert_eq!(promoted, ["h1"], "{run}");
    assert_back(&fleet, &run, &before);
    assert_eq!(run.table(), OLD);
    assert_eq!(run.events("rolling_back"), [&serde_json::json!({ "hosts": ["h1"] })]);
}

#[test]
fn an_application_that_exits_fails_its_gate_at_once_with_evidence() {
    let fleet = Fleet::start();
    let (project, before) = on_v1(&fleet);
    // Nothing but the exit itself can end this gate in time.
    project.edit("healthy_deadline: 5s", "healthy_deadline: 60s");
    project.misbehave("exit:700ms");
    project.edit("min_healthy_time: 300ms", "min_healthy_time: 30s");
    let run = project.deploy(3);
    assert_back(&fleet, &run, &before);
    let (started, _) =
        run.timed("step_started").find(|(_, event)| event["step"].get("gate").is_some()).expect("a gate");
    let (failed, _) = run.timed("host_failed").next().expect("a failure");
    let noticed = failed.duration_since(started);
    assert!(noticed.unsigned_abs() < Duration::from_secs(2), "it took {noticed} to notice an exit after 0.7 s");
    let reason = run.failure()["reason"].as_str().expect("a reason");
    assert!(reason.contains("code 1"), "{reason}");
    let last = run.failure()["log"].as_array().and_then(|log| log.last()).expect("log lines");
    assert_eq!(last, "fixture-app: mode exit: giving up");
}

#[test]
fn a_failure_within_the_monitor_window_still_counts() {
    let fleet = Fleet::start();
    let (project, before) = on_v1(&fleet);
    project.edit("monitor: 300ms", "monitor: 10s");
    project.misbehave("fail-after:1500ms");
    let run = project.deploy(3);
    let promoted: Vec<_> = run.events("promoted").iter().map(|event| event["host"].clone()).collect();
    assert_eq!(promoted, ["h1"], "{run}");
    assert_eq!(run.failure()["doing"], "monitor");
    assert_back(&fleet, &run, &before);
}

#[test]
fn an_application_that_takes_all_its_memory_fails_at_once_and_is_said_to_have() {
    let fleet = Fleet::start();
    let (project, before) = on_v1(&fleet);
    project.edit("healthy_deadline: 5s", "healthy_deadline: 60s");
    project.edit("min_healthy_time: 300ms", "min_healthy_time: 30s");
    project.misbehave("oom:2s");
    let mut running = project.start(&["deploy", "prod", "--yes"]);
    running.wait_for_step("h1", "gate");
    let container = fleet.host("h1").only();
    fleet.script(&["docker", "h1", "update", "--memory", "32m", "--memory-swap", "32m", container.id()]);
    let run = running.end().expect(3);
    assert_back(&fleet, &run, &before);
    let reason = run.failure()["reason"].as_str().expect("a reason");
    assert!(reason.contains("want of memory"), "{reason}");
}
