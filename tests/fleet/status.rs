//! What `status` says is what there is.

use crate::support::{Fleet, Project, Run};

/// Host, state and difference of each row.
fn rows(run: &Run) -> Vec<String> {
    let rows = run.result["status"]["rows"].as_array().expect("rows");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    rows.iter().map(|row| format!("{} {} {}", text(&row["host"]), text(&row["state"]), text(&row["drift"]))).collect()
}

#[test]
fn a_container_that_somebody_removed_is_a_difference() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let run = project.run(&["status", "prod", "--check"]).expect(0);
    assert_eq!(rows(&run), ["h1 running -", "h2 running -", "h3 running -"]);
    let container = fleet.host("h2").only();
    fleet.script(&["docker", "h2", "rm", "-f", container.id()]);
    let run = project.run(&["status", "prod", "--check"]).expect(7);
    assert_eq!(rows(&run), ["h1 running -", "h2 missing not_running", "h3 running -"]);
    project.run(&["status", "prod"]).expect(0);
    project.deploy(0);
    assert_eq!(fleet.releases(), ["v1"; 3], "a deploy of the same release puts it back");
    project.run(&["status", "prod", "--check"]).expect(0);
}

#[test]
fn a_host_that_does_not_answer_is_named_and_the_others_are_shown() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    fleet.script(&["power-off", "h3"]);
    let run = project.run(&["status", "prod", "--check"]).expect(7);
    assert_eq!(rows(&run), ["h1 running -", "h2 running -"]);
    let silent = run.result["status"]["unreachable"].as_array().expect("a list");
    assert_eq!(silent.iter().map(|host| &host[0]).collect::<Vec<_>>(), ["h3"], "{run}");
}
