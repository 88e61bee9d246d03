//! Secrets are compared by fingerprints that only a host's root can check a guess against.

use crate::support::{API_TOKEN, Fleet, Project};

const KEY: &str = "shipctl-key-shop-prod";

/// The key on a host, past the program under test.
fn key(fleet: &Fleet, host: &str) -> String {
    fleet.script(&["exec", host, "bash", "-c", &format!("docker cp {KEY}:/text - | tar -xO")])
}

#[test]
fn every_host_has_the_key_in_a_file_and_another_operator_sees_no_change() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    let plan = project.said(&["plan", "prod"]);
    assert!(plan.contains("keep the key of fingerprints"), "{plan}");
    assert!(fleet.hosts().iter().all(|host| host.inspected() == "[]"), "a plan changes no host");
    project.install();
    let keys: Vec<String> = fleet.hosts().iter().map(|host| key(&fleet, &host.name)).collect();
    assert!(keys[0].len() == 64 && keys.iter().all(|other| *other == keys[0]), "{keys:?}");
    assert!(fleet.hosts().iter().all(|host| !host.inspected().contains(&keys[0])), "docker inspect shows it");
    assert!(!project.path(".shipctl/prod/fingerprint-key").exists(), "it is no longer with the operator");

    let other = Project::new(&fleet);
    other.run(&["plan", "prod", "--check"]).expect(0);
    assert!(!other.path(".shipctl/prod/fingerprint-key").exists(), "the hosts' key is used, and no other made");
    other.write("secrets/api_token", "another value");
    let plan = other.said(&["plan", "prod"]);
    assert_eq!(plan.matches("configuration changed; secret api_token changed").count(), 3, "{plan}");
    assert!(!plan.contains("another value") && !plan.contains(API_TOKEN), "{plan}");
}

#[test]
fn a_host_that_lost_the_key_gets_it_back_and_when_all_lost_it_the_plan_says_so() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let first = key(&fleet, "h1");
    fleet.script(&["docker", "h2", "rm", KEY]);
    project.run(&["plan", "prod", "--check"]).expect(0);
    project.deployed("v2");
    assert_eq!(key(&fleet, "h2"), first);
    for host in ["h1", "h2", "h3"] {
        fleet.script(&["docker", host, "rm", KEY]);
    }
    let plan = project.said(&["plan", "prod"]);
    assert_eq!(plan.matches("secrets is gone").count(), 3, "{plan}");
    project.deploy(0);
    assert_ne!(key(&fleet, "h1"), first);
    project.run(&["plan", "prod", "--check"]).expect(0);
    project.run(&["rollback", "prod", "--yes"]).expect(0);
}
