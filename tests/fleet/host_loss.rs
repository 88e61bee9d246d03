//! Hosts that fall silent or run out of room.

use crate::support::images::publish_large;
use crate::support::{Fleet, Host, Project};

#[test]
fn a_host_that_is_down_from_the_start_is_named_and_nothing_is_changed() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    let others = || [fleet.host("h1"), fleet.host("h3")].iter().flat_map(Host::snapshot).collect::<Vec<_>>();
    let before = others();
    fleet.script(&["power-off", "h2"]);
    project.tag("v2");
    let run = project.deploy(1);
    assert!(run.result["error"]["message"].as_str().is_some_and(|message| message.contains("host h2")), "{run}");
    assert_eq!(others(), before);
    assert!(!fleet.host("h1").is_locked() && !fleet.host("h3").is_locked());
}

#[test]
fn a_host_that_loses_power_mid_rollout_is_unknown_the_others_go_back_and_a_later_deploy_completes() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    project.edit("min_healthy_time: 300ms", "min_healthy_time: 2s");
    project.tag("v2");
    let mut running = project.start(&["deploy", "prod", "--yes"]);
    running.wait_for_step("h2", "gate");
    fleet.script(&["power-off", "h2"]);
    let run = running.end().expect(4);
    assert_eq!(run.table(), ["h1 r1 r1 healthy", "h2 r1 unknown unknown", "h3 r1 r1 running"], "{run}");
    assert_eq!(run.failure()["host"], "h2");
    assert_eq!(fleet.releases(), ["v1", "-", "v1"]);
    fleet.assert_true(&run);
    fleet.boot("h2");
    let run = project.deploy(0);
    assert_eq!(fleet.releases(), ["v2"; 3]);
    fleet.assert_true(&run);
    assert!(fleet.hosts().iter().all(|host| host.only().is_promoted()));
    assert!(!fleet.is_locked());
}

#[test]
fn an_image_that_does_not_fit_on_a_host_is_refused_before_any_of_it_is_fetched() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    publish_large(&fleet.registry(), "v8", 8 << 20, |arguments| fleet.script(arguments));
    fleet.script(&["fill", "h2"]);
    fleet.script(&["exec", "h2", "truncate", "--size=-4M", "/var/lib/docker/.fill"]);
    project.tag("v8");
    let run = project.deploy(1);
    assert_eq!(fleet.releases(), ["v1"; 3], "{run}");
    let told = run.text();
    assert!(told.contains("h2") && told.contains("it needs at least 16.") && told.contains("are free"), "{run}");
    fleet.script(&["unfill", "h2"]);
    project.deploy(0);
    assert_eq!(fleet.releases(), ["v8"; 3]);
}

#[test]
fn a_host_whose_disk_is_full_keeps_serving_the_old_release() {
    let fleet = Fleet::start();
    let project = Project::new(&fleet);
    project.install();
    fleet.script(&["fill", "h2"]);
    project.tag("v2");
    let run = project.deploy(1);
    assert_eq!(fleet.releases(), ["v1"; 3], "{run}");
    assert!(run.text().contains("h2") && run.text().contains("no space left"), "the host is not named: {run}");
    let status = project.run(&["status", "prod", "--check"]).expect(0);
    assert_eq!(status.result["status"]["rows"].as_array().map(Vec::len), Some(3), "what runs there is told: {status}");
    fleet.script(&["unfill", "h2"]);
    project.deploy(0);
    assert_eq!(fleet.releases(), ["v2"; 3]);
}
