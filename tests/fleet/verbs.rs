//! What operators do between rollouts, on real hosts: stop, start, restart, rm, pull.

use bollard::models::RestartPolicyNameEnum;
use serde_json::Value;

use crate::support::{Container, Fleet, Meter, Project};

const RATE: u32 = 300;

/// v1 everywhere, behind two balancers.
fn serving(fleet: &Fleet) -> Project {
    let project = Project::new(fleet);
    project.count_posts();
    project.misbehave("abrupt");
    project.behind_balancers();
    project.install();
    project
}

/// The one container of the service on a host, running or not.
#[track_caller]
fn only(fleet: &Fleet, host: &str) -> Container {
    let mut all = fleet.host(host).containers().into_iter().filter(|one| !one.is_note() && one.release() > 0);
    let one = all.next().expect("a container");
    assert!(all.next().is_none(), "{host} has more than one");
    one
}

fn policy(container: &Container) -> Option<RestartPolicyNameEnum> {
    container.host_config().restart_policy.and_then(|policy| policy.name)
}

#[test]
fn a_rolling_restart_fails_no_request_and_brings_the_same_containers_back() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    let meters = ["lb1", "lb2"].map(|name| Meter::start(&fleet, &fleet.balancer(name).url, RATE / 2));
    for meter in &meters {
        meter.wait_for_more(u64::from(RATE));
    }
    let before: Vec<_> = ["h1", "h2", "h3"].map(|host| only(&fleet, host)).into();
    let run = project.run(&["restart", "prod", "--yes", "--reason", "new certificate"]).expect(0);
    assert_eq!(run.table(), ["h1 r1 r1 healthy", "h2 r1 r1 healthy", "h3 r1 r1 healthy"]);
    for (host, was) in ["h1", "h2", "h3"].iter().zip(&before) {
        let is = only(&fleet, host);
        assert_eq!((is.id(), is.name()), (was.id(), was.name()), "the same container");
        assert!(is.state().started_at > was.state().started_at, "{host} was started anew: {is}");
        assert_eq!(policy(&is), policy(was), "{host} is restarted by its engine as before");
    }
    for meter in meters {
        meter.wait_for_more(u64::from(RATE));
        let measured = meter.stop();
        assert_eq!(measured.failures(), 0, "{measured}");
        measured.assert_posts_arrived_once();
    }
    let history = project.said(&["history", "prod"]);
    assert!(history.contains("restart") && history.contains("web on h1, h2, h3: new certificate"), "{history}");
}

#[test]
fn what_is_stopped_gets_no_requests_and_stays_stopped_through_a_reboot_until_it_is_started() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    let all = project.run(&["stop", "prod", "--yes"]).expect(1);
    assert!(all.text().contains("max_unavailable") && all.text().contains("h1, h2, h3"), "{all}");
    assert_eq!(fleet.releases(), ["v1"; 3]);

    // What the host that is stopped has counted of POSTs cannot be asked afterwards.
    let others: Vec<_> = fleet.hosts().into_iter().filter(|host| host.name != "h1").collect();
    let meter = Meter::start_on(&fleet.balancer("lb1").url, RATE, &others);
    meter.wait_for_more(u64::from(RATE));
    let run = project.run(&["stop", "prod", "--host", "h1", "--yes", "--reason", "new memory"]).expect(0);
    assert_eq!(run.table(), ["h1 r1 nothing stopped"]);
    assert_eq!(fleet.releases(), ["-", "v1", "v1"]);
    assert_eq!(policy(&only(&fleet, "h1")), Some(RestartPolicyNameEnum::NO));
    meter.wait_for_more(u64::from(RATE));
    let measured = meter.stop();
    assert_eq!(measured.failures() - measured.count(&["lost_post"]), 0, "{measured}");

    fleet.script(&["power-off", "h1"]);
    fleet.boot("h1");
    let status = project.said(&["status", "prod"]);
    assert!(status.contains("stopped by ") && status.contains(": new memory"), "{status}");
    assert!(status.contains("next: shipctl start prod --host h1 --service web"), "{status}");
    assert_eq!(project.run(&["status", "prod", "--check"]).code, Some(7));

    project.run(&["start", "prod", "--host", "h1"]).expect(0);
    assert_eq!(fleet.releases(), ["v1"; 3]);
    assert!(project.said(&["status", "prod", "--check"]).contains("Everything runs as recorded."));
    for name in ["lb1", "lb2"] {
        assert!(fleet.balancer(name).server("h1").is_up());
    }
}

#[test]
fn a_container_is_removed_once_it_is_stopped_and_the_next_deploy_brings_it_back() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    let run = project.run(&["rm", "prod", "--host", "h3", "--yes"]).expect(1);
    assert!(run.text().contains("is of the release in force"), "{run}");
    assert_eq!(fleet.releases(), ["v1"; 3]);
    project.run(&["stop", "prod", "--host", "h3", "--yes"]).expect(0);
    project.run(&["rm", "prod", "--host", "h3", "--yes"]).expect(0);
    let left = fleet.host("h3").containers();
    assert!(left.iter().all(Container::is_note), "what is not of a service stays: {left:?}");
    assert!(project.said(&["status", "prod"]).contains("removed by "));
    project.deploy(0);
    assert_eq!(fleet.releases(), ["v1"; 3]);
}

#[test]
fn images_are_there_before_the_deploy_that_wants_them() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    project.tag("v2");
    let before = fleet.snapshot();
    let run = project.run(&["pull", "prod", "--host", "h1"]).expect(0);
    assert_eq!(fleet.snapshot(), before, "nothing that runs was touched");
    let images = run.result["pull"]["images"].as_array().expect("a list");
    let of = |tag: &str| images.iter().find(|it| it["image"].as_str().is_some_and(|name| name.contains(tag)));
    for tag in ["shop/web:v1", "shop/web:v2"] {
        let image = of(tag).unwrap_or_else(|| panic!("no {tag}: {run}"));
        assert_eq!((&image["host"], &image["present"]), (&Value::from("h1"), &Value::from(true)));
        let digest = image["digest"].as_str().expect("a digest");
        let there = fleet.script(&["docker", "h1", "image", "ls", "--digests", "--no-trunc"]);
        assert!(there.contains(digest), "{digest} is not on h1:\n{there}");
    }
    fleet.script(&["registry", "stop"]);
    let run = project.run(&["pull", "prod", "--host", "h2"]).expect(1);
    assert!(run.text().contains("registry"), "{run}");
    fleet.script(&["registry", "start"]);
}
