//! A plan that is reviewed first, and carried out later or not at all.

use crate::support::{Fleet, Project};

#[test]
fn a_saved_plan_is_carried_out_as_it_was_reviewed() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    project.tag("v2");
    let before = fleet.snapshot();
    let planned = project.run(&["plan", "prod", "-o", "reviewed.json"]).expect(0);
    assert_eq!(fleet.snapshot(), before, "planning changes nothing");
    let run = project.run(&["deploy", "prod", "--yes", "--plan", "reviewed.json"]).expect(0);
    let image = &planned.result["plan"]["images"]["web"]["registry"];
    let image = [&image["repository"], &image["digest"]].map(|part| part.as_str().expect("a pinned image")).join("@");
    assert!(fleet.hosts().iter().all(|host| host.only().image() == image), "not the image that was reviewed: {image}");
    assert_eq!(fleet.releases(), ["v2"; 3]);
    fleet.assert_true(&run);
}

#[test]
fn a_saved_plan_is_refused_once_the_fleet_has_changed() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    project.tag("v2");
    project.run(&["plan", "prod", "-o", "reviewed.json"]).expect(0);
    let container = fleet.host("h2").only();
    fleet.script(&["docker", "h2", "rm", "-f", container.id()]);
    let before = fleet.snapshot();
    let run = project.run(&["deploy", "prod", "--yes", "--plan", "reviewed.json"]).expect(1);
    assert!(run.result["error"].to_string().contains("h2"), "the host that changed is not named: {run}");
    assert_eq!(fleet.snapshot(), before);
}
