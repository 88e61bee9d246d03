//! Back to an earlier release because somebody asks for it.

use std::time::Duration;

use crate::support::poll::until;
use crate::support::{Fleet, Project};

#[test]
fn the_last_good_release_comes_back_without_a_registry() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let before: Vec<String> = fleet.hosts().iter().map(|host| host.only().id().to_owned()).collect();
    project.edit("GREETING: hello", "GREETING: goodbye");
    project.tag("v2");
    project.install();
    assert_eq!(fleet.host("h1").get("/").expect("an answer")["greeting"], "goodbye");
    fleet.script(&["registry", "stop"]);
    // A kept container holds the layers of its image, also when somebody has removed that by force.
    let kept = fleet.host("h1").containers().into_iter().find(|one| one.id() == before[0]).expect("it is kept");
    fleet.script(&["docker", "h1", "rmi", "--force", kept.image()]);
    let left = fleet.script(&["docker", "h1", "images", "--digests", "--format", "{{.Repository}}@{{.Digest}}"]);
    assert!(left.contains("/shop/web@") && !left.contains(kept.image()), "{left}");
    let run = project.run(&["rollback", "prod", "--yes", "--reason", "too many errors"]).expect(0);
    assert_eq!(fleet.releases(), ["v1"; 3]);
    fleet.assert_true(&run);
    let history = project.run(&["history", "prod"]).expect(0);
    assert_eq!(history.result["history"]["entries"][0]["reason"], "too many errors", "{history}");
    for (host, id) in fleet.hosts().iter().zip(&before) {
        assert_eq!(host.only().id(), id, "the kept container is what goes back into service");
        assert_eq!(host.get("/").expect("an answer")["greeting"], "hello", "the environment goes back with the image");
    }
}

#[test]
fn a_release_is_chosen_by_the_name_that_history_gives_it() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    for tag in ["v1", "v2", "v3"] {
        project.tag(tag);
        project.install();
    }
    let history = project.run(&["history", "prod"]).expect(0);
    let entries = history.result["history"]["entries"].as_array().expect("entries");
    let numbers: Vec<_> = entries.iter().map(|entry| entry["release"]["number"].as_u64()).collect();
    assert_eq!(numbers, [Some(3), Some(2), Some(1)]);
    let before = fleet.snapshot();
    project.run(&["rollback", "prod", "--yes", "--to", "r9"]).expect(1);
    assert_eq!(fleet.snapshot(), before);
    let run = project.run(&["rollback", "prod", "--yes", "--to", "r1"]).expect(0);
    assert_eq!(fleet.releases(), ["v1"; 3]);
    fleet.assert_true(&run);
}

#[test]
fn a_release_that_could_not_be_kept_running_is_not_what_rollback_brings_back() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    project.tag("v2");
    project.edit("    image:", "    restart: on-failure:1\n    image:");
    project.misbehave_on("h1", "exit:12s");
    project.install();
    until("the release to end on h1", Duration::from_secs(90), || fleet.host("h1").running().is_empty().then_some(()));
    let run = project.run(&["rollback", "prod", "--yes"]).expect(0);
    assert_eq!(fleet.releases(), ["v1"; 3]);
    fleet.assert_true(&run);
}
