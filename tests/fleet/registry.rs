//! A registry that does not let us in, what operators do in one, and a push by shipctl itself.

use std::fs;

use serde_json::Value;

use crate::support::images::publish_one;
use crate::support::{Fleet, Project, Refused, Shape};

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
    let pull = project.run(&["pull", "prod", "--reason", "before the weekend"]).expect(0);
    assert!(pull.events("sent").is_empty(), "{pull}");
    let history = project.run(&["history", "prod", "--by-hand"]).expect(0);
    let last = &history.result["by_hand"][0];
    assert_eq!((&last["verb"], &last["reason"]), (&"pull".into(), &"before the weekend".into()), "{history}");
    assert_eq!(last["endings"].as_array().map(Vec::len), Some(3), "{history}");
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
    project.run(&["tag", "prod", "shop/web:v9", "noted", "--yes", "--reason", "ticket 7"]).expect(0);
    let history = project.run(&["history", "prod", "--by-hand"]).expect(0);
    let last = &history.result["by_hand"][0];
    assert_eq!((&last["verb"], &last["reason"]), (&"tag".into(), &"ticket 7".into()), "{history}");
    assert!(last["command"][0].as_str().is_some_and(|it| it.ends_with(&v9)) && last["endings"].is_array(), "{history}");
    let run = project.run(&["registry", "inspect", "prod", "shop/web:stable"]).expect(0);
    assert_eq!(run.result["image"]["digest"], v9.as_str(), "{run}");
    assert!(run.result["image"]["content"]["image"]["layers"][0]["size"].as_u64() > Some(0), "{run}");
    // What hosts run stays; what nobody needs is gone with all of its tags.
    let run = project.run(&["registry", "rm", "prod", "shop/web:v1", "--yes"]).expect(1);
    assert!(run.text().contains("h1 runs it as web"), "{run}");
    let run = project.run(&["registry", "rm", "prod", "shop/web:stable", "--yes"]).expect(0);
    assert_eq!(run.result["image"]["tags"], serde_json::json!(["noted", "stable", "v9"]), "{run}");
    let others: Vec<_> = seen.into_iter().filter(|(tag, _)| tag != "v9").collect();
    assert_eq!(tags(&project), others);
    assert_eq!(fleet.snapshot(), before);
}

/// The builder's engine has no business with the registry: it does not know the authority, as hosts and shipctl do.
#[test]
fn shipctl_pushes_what_a_builder_that_cannot_has_built() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.sources();
    let build = "    image: shop/pushed:v1\n    build: { context: app, args: { RELEASE: v1 } }\n";
    project.edit("    image: shop/web:v1\n", build);
    let directory = format!("/etc/docker/certs.d/{}", fleet.registry());
    fleet.script(&["exec", "builder", "mv", &directory, "/etc/docker/away"]);
    let by_builder = project.run(&["deploy", "prod", "--yes"]);
    project.edit("  username: shipctl\n", "  username: shipctl\n  push: shipctl\n");
    let by_shipctl = project.run(&["deploy", "prod", "--yes"]);
    let again = project.run(&["plan", "prod"]);
    // What shipctl packs is what engines unpack, and another release shares its layers.
    project.edit("args: { RELEASE: v1 }", "args: { RELEASE: v2 }");
    project.edit("shop/pushed:v1", "shop/pushed:v2");
    let next = project.run(&["deploy", "prod", "--yes"]);
    // The same image in another repository, beside a service whose repository has its layers.
    project.edit("shop/pushed:v2", "shop/moved:v2");
    project.edit("services:\n", "services:\n  other: { image: shop/pushed:v2, health: none }\n");
    let moved = project.run(&["plan", "prod"]);
    fleet.script(&["exec", "builder", "mv", "/etc/docker/away", &directory]);
    moved.expect(0);
    let log = fs::read_to_string(fleet.file("registry/log")).expect("the registry's log");
    let mounts = log.lines().filter(|line| line.contains("/v2/shop/moved/blobs/uploads/?mount=sha256:"));
    assert!(mounts.clone().any(|line| line.contains("http.response.status=201")), "{:#?}", mounts.collect::<Vec<_>>());
    let by_builder = by_builder.expect(1);
    assert!(by_builder.text().contains("the builder does not trust registry"), "{by_builder}");
    let by_shipctl = by_shipctl.expect(0);
    assert!(by_shipctl.has("pushing"), "{by_shipctl}");
    let again = again.expect(0);
    assert!(!again.has("pushing") && again.has("pinned"), "{again}");
    let next = next.expect(0);
    assert!(next.has("pushing"), "{next}");
    assert_eq!(fleet.releases(), ["v2"; 3], "{next}");
    fleet.assert_true(&next);
}

/// A builder whose store keeps blobs as they came, and calls an image by its manifest; what it has packed stays packed so.
#[test]
fn what_the_containerd_store_has_is_pushed_once_and_runs_on_every_engine() {
    let fleet = Fleet::of(&Shape::ENGINES);
    let project = Project::new(&fleet);
    project.sources();
    let build = "    image: shop/packed:v1\n    build: { context: app, args: { RELEASE: v1 } }\n";
    project.edit("    image: shop/web:v1\n", build);
    project.edit("  username: shipctl\n", "  username: shipctl\n  push: shipctl\n");
    let socket = |name: &str| format!("{}\"", fleet.file(&format!("{name}/docker.sock")).display());
    project.edit(&socket("builder"), &socket("h3"));
    let run = project.deploy(0);
    assert!(run.has("pushing"), "{run}");
    assert_eq!(fleet.releases(), ["v1"; 3], "{run}");
    let again = project.run(&["plan", "prod"]).expect(0);
    assert!(!again.has("pushing") && again.has("pinned"), "{again}");
}
