//! A registry that does not let us in, and what operators do in one.

use serde_json::Value;

use crate::support::images::publish_one;
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

/// A host that the registry refuses to speak to, until this is dropped.
struct Refused<'f>(&'f Fleet, &'static str);

impl<'f> Refused<'f> {
    fn new(fleet: &'f Fleet, host: &'static str) -> Self {
        Self::rule(fleet, host, "-I");
        Self(fleet, host)
    }

    fn rule(fleet: &Fleet, host: &str, what: &str) {
        let registry = fleet.registry();
        let (_, port) = registry.rsplit_once(':').expect("a port");
        let refuse = ["-p", "tcp", "--dport", port, "-j", "REJECT", "--reject-with", "tcp-reset"];
        fleet.script(&[&["exec", host, "iptables", "-w", what, "OUTPUT"][..], &refuse].concat());
    }
}

impl Drop for Refused<'_> {
    fn drop(&mut self) {
        Self::rule(self.0, self.1, "-D");
    }
}

#[test]
fn a_host_that_the_registry_does_not_serve_gets_its_images_from_another() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let refused = Refused::new(&fleet, "h2");
    project.tag("v2");
    let run = project.deploy(0);
    assert_eq!(fleet.releases(), ["v2"; 3], "{run}");
    fleet.assert_true(&run);
    let sent = run.events("sent");
    let [sent] = &sent[..] else { panic!("{run}") };
    assert_eq!(sent["host"], "h2", "{run}");
    assert!(sent["from"] != "h2" && sent["not_pulled"].is_string(), "{run}");
    assert!(sent["layers"].as_u64() < sent["of"].as_u64(), "only what it lacks: {run}");
    // It is there now, and goes and comes back like any other.
    assert!(project.run(&["pull", "prod"]).expect(0).events("sent").is_empty());
    project.run(&["rollback", "prod", "--yes"]).expect(0);
    assert_eq!(fleet.releases(), ["v1"; 3]);
    project.deploy(0);
    assert_eq!(fleet.releases(), ["v2"; 3]);

    // What no host has cannot be had: the registry's own words are told, and nothing is changed.
    let others = ["h1", "h3"].map(|host| Refused::new(&fleet, host));
    let before = fleet.snapshot();
    publish_one(&fleet.registry(), "v9", |arguments| fleet.script(arguments));
    project.tag("v9");
    let run = project.deploy(1);
    assert!(run.text().contains(&fleet.registry()), "the registry is not named: {run}");
    assert_eq!(fleet.snapshot(), before);
    drop((others, refused));
}

/// Tags of `shop/web` with what they lead to.
fn tags(project: &Project) -> Vec<(String, String)> {
    let run = project.run(&["registry", "tags", "prod"]).expect(0);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let tags = run.result["tags"].as_array().expect("tags");
    assert!(tags.iter().all(|tag| tag["is_named"] == (tag["tag"] == "v1")), "{run}");
    tags.iter().map(|tag| (text(&tag["tag"]), text(&tag["digest"]))).collect()
}

#[test]
fn operators_list_look_move_tags_and_remove_what_no_host_needs() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    publish_one(&fleet.registry(), "v9", |arguments| fleet.script(arguments));
    let before = fleet.snapshot();
    let run = project.run(&["registry", "ls", "prod"]).expect(0);
    assert!(
        run.result["repositories"]["repositories"].as_array().expect("names").contains(&"shop/web".into()),
        "{run}"
    );
    let seen = tags(&project);
    let of = |tag: &str| seen.iter().find(|(name, _)| name == tag).map(|(_, digest)| digest.clone()).expect("a digest");
    let (v2, v9) = (of("v2"), of("v9"));
    // A tag that was not there, the same again, and one that leads elsewhere.
    for (to, was, is_moved) in
        [("v9", None, true), ("v9", Some(&v9), false), ("v2", Some(&v9), true), ("v9", Some(&v2), true)]
    {
        let run = project.run(&["tag", "prod", &format!("shop/web:{to}"), "stable", "--yes"]).expect(0);
        let tag = &run.result["tag"];
        assert_eq!(
            (tag["before"].as_str(), tag["moved"].as_bool()),
            (was.map(String::as_str), Some(is_moved)),
            "{run}"
        );
        assert!(tags(&project).contains(&("stable".to_owned(), of(to))));
    }
    let run = project.run(&["registry", "inspect", "prod", "shop/web:stable"]).expect(0);
    assert_eq!(run.result["image"]["digest"], v9.as_str(), "{run}");
    assert!(run.result["image"]["content"]["image"]["layers"][0]["size"].as_u64() > Some(0), "{run}");
    // What hosts run stays; what nobody needs is gone with all of its tags.
    let run = project.run(&["registry", "rm", "prod", "shop/web:v1", "--yes"]).expect(1);
    assert!(run.text().contains("h1 runs it as web"), "{run}");
    let run = project.run(&["registry", "rm", "prod", "shop/web:stable", "--yes"]).expect(0);
    assert_eq!(run.result["image"]["tags"], serde_json::json!(["stable", "v9"]), "{run}");
    let left: Vec<_> = tags(&project).into_iter().map(|(tag, _)| tag).collect();
    assert_eq!(left, ["v1", "v2", "v3"]);
    assert_eq!(fleet.snapshot(), before);
}
