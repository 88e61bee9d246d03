//! A port of the host that is not ours to take.

use crate::support::{Fleet, Project};

#[test]
fn a_port_that_a_foreign_container_holds_is_refused_before_anything_is_changed() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    let image = format!("{}/shop/web:v3", fleet.registry());
    fleet.script(&["docker", "h2", "run", "-d", "--name", "squatter", "-p", "8080:80", &image]);
    let before = fleet.snapshot();
    let run = project.deploy(1);
    let said = run.result["error"].to_string();
    assert!(said.contains("8080") && said.contains("h2") && said.contains("squatter"), "{run}");
    assert_eq!(fleet.snapshot(), before);
    assert_eq!(fleet.host("h2").release(), "v3", "it serves on");
}
