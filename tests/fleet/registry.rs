//! A registry that does not let us in.

use crate::support::{Fleet, Project};

const WRONG: &str = "wr0ng-8c1f60d3e5";

#[test]
fn a_wrong_password_changes_nothing_and_is_not_repeated() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let before = fleet.snapshot();
    project.tag("v2");
    project.write("secrets/registry_password", WRONG);
    let run = project.deploy(1);
    assert!(run.text().contains(&fleet.registry()), "the registry is not named: {run}");
    assert!(!run.text().contains(WRONG), "{run}");
    assert_eq!(fleet.snapshot(), before);
    assert_eq!(fleet.releases(), ["v1"; 3]);
}

#[test]
fn a_registry_that_does_not_answer_changes_nothing() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let before = fleet.snapshot();
    project.tag("v2");
    fleet.script(&["registry", "stop"]);
    let run = project.deploy(1);
    assert!(run.text().contains(&fleet.registry()), "the registry is not named: {run}");
    assert_eq!(fleet.snapshot(), before);
}
