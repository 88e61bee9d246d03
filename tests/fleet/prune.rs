//! Images that no release needs any more go from real engines, and no others do.

use crate::support::{Fleet, Project};

/// The images that a host has of the application, by digest.
fn images(fleet: &Fleet, host: &str) -> Vec<String> {
    let listed = fleet.script(&["docker", host, "images", "--digests", "--format", "{{.Repository}}@{{.Digest}}"]);
    let ours = listed.lines().filter(|line| line.contains("/shop/web@"));
    ours.map(str::to_owned).collect()
}

#[test]
fn hosts_keep_the_images_of_what_they_can_go_back_to() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.edit("project: shop", "project: shop\nkeep_releases: 1\nprune: { grace: 0s }");
    project.install();
    let first = images(&fleet, "h1");
    assert_eq!(first.len(), 1, "{first:?}");
    // Somebody looks at a release of long ago: a container keeps its image, whoever made it.
    fleet.script(&["docker", "h2", "create", "--name", "mine", &first[0]]);
    project.deployed("v2");
    let run = project.deployed("v3");
    for host in fleet.hosts() {
        let left = images(&fleet, &host.name);
        let is_kept = host.name == "h2";
        assert_eq!(left.len(), if is_kept { 3 } else { 2 }, "{}: {left:?}", host.name);
        assert_eq!(left.contains(&first[0]), is_kept, "{}: {left:?}", host.name);
    }
    let told: Vec<_> = run.events("pruned").iter().filter_map(|event| event["host"].as_str()).collect();
    assert_eq!(told.len(), fleet.hosts().len() - 1, "{run}");

    fleet.script(&["docker", "h2", "rm", "mine"]);
    let dry = project.said(&["prune", "prod", "--dry-run"]);
    assert!(dry.contains("1 image would go") && dry.contains("stays: container shop-prod-web-"), "{dry}");
    assert_eq!(images(&fleet, "h2").len(), 3, "it was only looked");
    let kept = project.said(&["prune", "prod", "--exclude", "*/shop/*"]);
    assert!(kept.contains("Nothing to remove"), "{kept}");
    project.run(&["prune", "prod", "--reason", "a full disk"]).expect(0);
    let history = project.run(&["history", "prod", "--by-hand"]).expect(0);
    let last = &history.result["by_hand"][0];
    assert_eq!((&last["verb"], &last["reason"]), (&"prune".into(), &"a full disk".into()), "{history}");
    assert_eq!(images(&fleet, "h2").len(), 2);
    project.run(&["rollback", "prod", "--yes"]).expect(0);
    assert_eq!(fleet.releases(), ["v2"; 3]);
}
