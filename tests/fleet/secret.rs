//! Secrets are where they are needed, and nowhere else.

use std::fs;

use crate::support::{API_TOKEN, Fleet, Project, Witness, files_with};

/// Where a container's own secret lies on its host.
const OWN: &str = "/run/secrets/api_token";

/// Files of a host that hold a text, without those of containers that are to hold it.
fn strays(fleet: &Fleet, host: &str, text: &str) -> Vec<String> {
    let mut found = files_with(fleet, host, text);
    found.retain(|file| !file.ends_with(OWN));
    found
}

#[test]
fn no_secret_is_in_a_command_line_an_output_a_journal_a_plan_or_on_a_host_outside_its_container() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    let password = fs::read_to_string(project.path("secrets/registry_password")).expect("a password");
    let secrets = [API_TOKEN, password.trim()];
    let witness = Witness::of(&secrets);
    let mut said = project.deploy(0).text();
    project.tag("v2");
    said += &project.run(&["plan", "prod", "-o", "saved.json"]).expect(0).text();
    project.misbehave_on("h2", "exit");
    said += &project.deploy(3).text();
    said += &project.run(&["rollback", "prod", "--yes", "--to", "r1"]).expect(0).text();
    said += &project.run(&["config", "show", "prod"]).expect(0).text();
    let (rounds, seen) = witness.ask();
    assert!(rounds > 100, "too few looks to mean anything: {rounds}");
    assert_eq!(seen, Vec::<String>::new(), "in a command line");
    said += &fs::read_to_string(project.path("saved.json")).expect("a saved plan");
    for entry in fs::read_dir(project.path(".shipctl/prod")).expect("journals").flatten() {
        said += &fs::read_to_string(entry.path()).expect("a journal");
    }
    for secret in secrets {
        assert!(!said.contains(secret), "in an output, a plan or a journal");
        for host in fleet.hosts() {
            assert!(!host.inspected().contains(secret), "docker inspect on {}", host.name);
            assert_eq!(strays(&fleet, &host.name, secret), Vec::<String>::new(), "on {}", host.name);
        }
    }
    // What was searched can be found: the search is not blind.
    assert!(!files_with(&fleet, "h1", "shipctl.stamp").is_empty());
}
