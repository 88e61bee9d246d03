//! Configuration in a key-value store: a real etcd, and releases that come and go with their values.

use crate::support::etcd::{Etcd, PASSWORD};
use crate::support::{API_TOKEN, Fleet, Project};

const LEVEL: &str = "shop/prod/level";

/// The project, whose service reads a level, a rendered config and a secret from the store.
fn publishing(fleet: &Fleet, etcd: &Etcd) -> Project {
    let project = Project::new(fleet);
    project.write("secrets/etcd_password", PASSWORD);
    project.write("templates/all.j2", "{{ hosts | length }} hosts\n");
    project.edit("secrets:\n  registry", "secrets:\n  etcd_password: { file: secrets/etcd_password }\n  registry");
    project.edit("configs:\n", "configs:\n  all: { template: templates/all.j2 }\n");
    let store = format!(
        "publish:
  settings:
    etcd: {{ address: \"{}\", insecure: true, username: root, password: {{ secret: etcd_password }} }}
    keys: {{ level: info, all.conf: {{ config: all }}, token: {{ secret: api_token }} }}
services:",
        etcd.address
    );
    project.edit("services:", &store);
    project
}

#[test]
fn what_is_published_comes_with_its_release_and_goes_back_with_it() {
    let fleet = Fleet::start();
    let etcd = Etcd::start();
    etcd.put(LEVEL, "theirs");
    let project = publishing(&fleet, &etcd);
    let plan = project.said(&["plan", "prod"]);
    assert!(plan.contains("~ shop/prod/level = \"theirs\" -> \"info\""), "{plan}");
    assert!(plan.contains("+ shop/prod/token = (not shown)") && !plan.contains(API_TOKEN), "{plan}");
    // The first release fails: what was there before anybody published is there again.
    project.misbehave_on("h2", "exit");
    project.deploy(3);
    assert_eq!((etcd.get(LEVEL).as_deref(), etcd.get("shop/prod/token")), (Some("theirs"), None));
    project.template("");
    project.install();
    assert_eq!(etcd.get(LEVEL).as_deref(), Some("info"));
    assert_eq!(etcd.get("shop/prod/all.conf").as_deref().map(str::trim), Some("3 hosts"));
    assert_eq!(etcd.get("shop/prod/token").as_deref(), Some(API_TOKEN));
    project.run(&["plan", "prod", "--check"]).expect(0);
    // A value alone is a rollout like any other: new containers, behind the gate.
    let before: Vec<_> = fleet.hosts().iter().map(|host| host.only().id().to_owned()).collect();
    project.edit("level: info", "level: debug");
    project.install();
    assert!(fleet.hosts().iter().zip(&before).all(|(host, id)| host.only().id() != id));
    assert_eq!(etcd.get(LEVEL).as_deref(), Some("debug"));
    project.run(&["rollback", "prod", "--yes"]).expect(0);
    assert_eq!(etcd.get(LEVEL).as_deref(), Some("info"));
    let after: Vec<_> = fleet.hosts().iter().map(|host| host.only().id().to_owned()).collect();
    assert_eq!(after, before);
    // A release that fails takes its values along.
    project.misbehave_on("h2", "exit");
    let run = project.deploy(3);
    assert_eq!(etcd.get(LEVEL).as_deref(), Some("info"));
    assert_eq!(run.result["report"]["stores"][0]["now"], "old", "{run}");
    assert!(!run.text().contains(API_TOKEN) && !run.text().contains(PASSWORD));
    for host in fleet.hosts() {
        assert!(!host.inspected().contains(API_TOKEN), "docker inspect on {}", host.name);
    }
}

#[test]
fn a_change_of_somebody_else_is_seen_in_the_plan_and_makes_a_saved_one_stale() {
    let fleet = Fleet::start();
    let etcd = Etcd::start();
    let project = publishing(&fleet, &etcd);
    project.install();
    project.edit("level: info", "level: debug");
    project.run(&["plan", "prod", "-o", "saved.json"]).expect(0);
    etcd.put(LEVEL, "theirs");
    let run = project.run(&["deploy", "prod", "--yes", "--plan", "saved.json"]).expect(1);
    assert!(run.text().contains("the store settings no longer holds what it did"), "{run}");
    assert_eq!(etcd.get(LEVEL).as_deref(), Some("theirs"));
    let plan = project.said(&["plan", "prod"]);
    assert!(plan.contains("which somebody else has changed"), "{plan}");
}

#[test]
fn a_store_that_is_gone_while_hosts_are_replaced_is_said_to_be_unknown() {
    let fleet = Fleet::start();
    let mut etcd = Etcd::start();
    let project = publishing(&fleet, &etcd);
    project.install();
    project.edit("level: info", "level: debug");
    project.misbehave_on("h2", "exit");
    let mut running = project.start(&["deploy", "prod", "--yes"]);
    running.wait_for("published", |_| true);
    etcd.kill();
    let run = running.end().expect(4);
    assert!(run.result["report"]["stores"][0]["now"]["unknown"].is_string(), "{run}");
    assert_eq!(fleet.releases(), ["v1"; 3]);
    fleet.assert_true(&run);
}
