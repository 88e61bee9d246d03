//! A canary that somebody has to promote, and plans that are not proven to be without downtime.

use crate::support::{Fleet, Project};

/// v1 everywhere, and v2 about to begin with a canary.
fn with_canary(fleet: &Fleet) -> Project {
    let project = Project::new(fleet);
    project.edit("monitor: 300ms }", "monitor: 300ms, canary: { hosts: 1, monitor: 500ms, promote: manual } }");
    project.install();
    project.tag("v2");
    project
}

#[test]
fn a_canary_waits_until_it_is_promoted_or_taken_back() {
    let fleet = Fleet::start();
    let project = with_canary(&fleet);
    let run = project.deploy(0);
    assert_eq!(run.result["report"]["outcome"], "canary", "{run}");
    assert_eq!(fleet.releases(), ["v2", "v1", "v1"]);
    let said = project.said(&["status", "prod"]);
    assert!(said.contains("runs as a canary, and waits to be promoted."), "{said}");
    assert!(said.contains("shipctl promote prod"), "{said}");

    project.run(&["rollback", "prod", "--yes"]).expect(0);
    assert_eq!(fleet.releases(), ["v1"; 3]);
    project.run(&["promote", "prod", "--yes"]).expect(1);

    project.deploy(0);
    // What is in the manifest by now is not what the canary runs.
    project.tag("v3");
    project.run(&["promote", "prod", "--yes"]).expect(1);
    assert_eq!(fleet.releases(), ["v2", "v1", "v1"]);
    project.tag("v2");
    let run = project.run(&["promote", "prod", "--yes", "--reason", "a quiet night"]).expect(0);
    assert_eq!(run.result["report"]["outcome"], "completed", "{run}");
    assert_eq!(fleet.releases(), ["v2"; 3]);
    let history = project.run(&["history", "prod"]).expect(0);
    assert_eq!(history.result["history"]["entries"][0]["reason"], "a quiet night", "{history}");
}

#[test]
fn what_is_not_proven_to_lose_no_request_is_refused_where_that_is_asked_for() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    project.tag("v2");
    let before = fleet.snapshot();
    for command in [&["plan", "prod"][..], &["deploy", "prod", "--yes"]] {
        let run = project.run(&[command, &["--require-zero-downtime"]].concat()).expect(1);
        let said = run.to_string();
        let why = "web on h2: stop-first, as port 8080 of the host is for one container";
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(fleet.snapshot(), before);
}

#[test]
fn behind_balancers_it_is_proven_and_carried_out() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.behind_balancers();
    project.install();
    project.tag("v2");
    project.run(&["deploy", "prod", "--yes", "--require-zero-downtime"]).expect(0);
    assert_eq!(fleet.releases(), ["v2"; 3]);
    project.run(&["rollback", "prod", "--yes", "--require-zero-downtime"]).expect(0);
    assert_eq!(fleet.releases(), ["v1"; 3]);
}
