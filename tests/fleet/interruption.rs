//! Rollouts that do not come to their own end: Ctrl-C, a second Ctrl-C, a kill.

use std::time::UNIX_EPOCH;

use crate::support::poll::until;
use crate::support::{Container, Fleet, Project, Running, SOON};

/// A rollout of v2 over v1 that waits at the gate of h2, where h1 runs v2 already.
fn gating_on_h2(fleet: &Fleet) -> (Project, Running) {
    let project = Project::new(fleet);
    project.install();
    project.edit("min_healthy_time: 300ms", "min_healthy_time: 2s");
    project.tag("v2");
    let mut running = project.start(&["deploy", "prod", "--yes"]);
    running.wait_for_step("h2", "gate");
    (project, running)
}

/// Another deploy brings the release to every host, and leaves nothing of the one before.
#[track_caller]
fn assert_completes(fleet: &Fleet, project: &Project) {
    let run = project.deploy(0);
    assert_eq!(fleet.releases(), ["v2"; 3], "{run}");
    fleet.assert_true(&run);
    for host in fleet.hosts() {
        assert!(host.containers().iter().all(Container::is_promoted), "{:?}", host.snapshot());
    }
    assert!(!fleet.is_locked());
}

#[test]
fn an_interrupted_rollout_finishes_or_undoes_the_host_in_hand_and_releases_the_lock() {
    let fleet = Fleet::start();
    let (project, running) = gating_on_h2(&fleet);
    running.signal("INT");
    let run = running.end().expect(6);
    assert!(run.has("cancel_requested"), "{run}");
    assert!(!fleet.is_locked());
    fleet.assert_true(&run);
    assert_eq!(fleet.releases(), ["v2", "v1", "v1"], "{run}");
    assert!(fleet.hosts().iter().all(|host| host.only().is_promoted()));
    assert_completes(&fleet, &project);
}

#[test]
fn a_second_interrupt_stops_at_once_and_the_next_deploy_heals_what_was_left() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    project.edit("min_healthy_time: 300ms", "min_healthy_time: 2s");
    project.tag("v2");
    // Undoing takes its grace of ten seconds here.
    project.misbehave_on("h2", "ignore-term");
    let mut running = project.start(&["deploy", "prod", "--yes"]);
    running.wait_for_step("h2", "gate");
    let began = UNIX_EPOCH.elapsed().expect("it is after 1970");
    running.signal("INT");
    // A step is named before the engine is told of it.
    until("h2's engine stops the new container", SOON, || {
        fleet.host("h2").changes_since(began).iter().any(|change| change.contains(" kill ")).then_some(())
    });
    running.signal("INT");
    let run = running.end().expect(4);
    assert!(run.took.as_secs() < 10, "it went on for {:?}", run.took);
    assert!(
        run.result["error"]["message"].as_str().is_some_and(|message| message.contains("stopped at once")),
        "{run}"
    );
    // The engine goes on with the stop that it was told of; a plan made meanwhile would be stale when it has ended.
    until("h2 runs nothing any more", SOON, || fleet.host("h2").running().is_empty().then_some(()));
    project.template("");
    assert_completes(&fleet, &project);
}

#[test]
fn a_rollout_that_is_killed_leaves_no_ssh_behind_and_the_next_one_converges() {
    let fleet = Fleet::start();
    let (project, running) = gating_on_h2(&fleet);
    running.signal("KILL");
    let run = running.end();
    assert_eq!(run.code, None);
    // What the engines were told last may still be under way.
    until("h2 runs one release", SOON, || (fleet.host("h2").running().len() == 1).then_some(()));
    assert!(fleet.is_locked(), "a lock of the dead is what the next rollout has to take over");
    assert_completes(&fleet, &project);
}

#[test]
fn an_interrupt_before_anything_is_changed_changes_nothing() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let before = fleet.snapshot();
    project.tag("v2");
    let mut running = project.start(&["deploy", "prod", "--yes"]);
    running.wait_for("observing", |_| true);
    running.signal("TERM");
    running.end().expect(6);
    assert_eq!(fleet.snapshot(), before);
    assert!(!fleet.is_locked());
}
