//! One rollout per environment at a time.

use crate::support::{Fleet, Project};

#[test]
fn the_second_of_two_deploys_is_told_who_holds_the_lock_and_the_first_completes() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.edit("min_healthy_time: 300ms", "min_healthy_time: 3s");
    let mut first = project.start(&["deploy", "prod", "--yes"]);
    let started = first.wait_for("rollout_started", |_| true);
    first.wait_for_step("h1", "gate");
    // Somebody else's checkout, with something else to deploy.
    let other = Project::new(&fleet);
    other.tag("v2");
    let second = other.deploy(5);
    let holder = &second.result["report"]["outcome"]["locked"];
    assert_eq!(holder["by"], started["by"], "{second}");
    assert_eq!(holder["rollout"], started["rollout"], "{second}");
    assert_eq!(holder["kind"], "deploy");
    let shown = other.run(&["lock", "show", "prod"]).expect(0);
    assert_eq!(shown.result["lock"]["holders"][0]["rollout"], started["rollout"]);
    let run = first.end().expect(0);
    fleet.assert_true(&run);
    assert_eq!(fleet.releases(), ["v1"; 3]);
    assert!(!fleet.is_locked());
}
