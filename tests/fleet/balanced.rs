//! Rollouts behind real balancers that help nobody: what clients see, and what becomes of a rollout when a balancer
//! forgets, refuses or is gone.

use std::net::TcpStream;
use std::time::Duration;

use crate::support::{Balancer, Fleet, Meter, Project, Running, Server};

const RATE: u32 = 300;

/// v1 everywhere, of an application that cuts off what is under way when it is stopped.
fn serving(fleet: &Fleet) -> Project {
    let project = Project::new(fleet);
    project.count_posts();
    project.misbehave("abrupt");
    project.behind_balancers();
    project.install();
    project
}

fn balancers(fleet: &Fleet) -> [Balancer; 2] {
    ["lb1", "lb2"].map(|name| fleet.balancer(name))
}

#[track_caller]
fn assert_all_get_requests(fleet: &Fleet) {
    for balancer in balancers(fleet) {
        for host in fleet.hosts() {
            assert!(balancer.server(&host.name).is_up(), "{}: {:?}", host.name, balancer.server(&host.name));
        }
    }
}

/// Waits until a host is in the middle of its replacement: its gate is being asked.
fn in_hand(project: &Project, host: &str) -> Running {
    let mut run = project.start(&["deploy", "prod", "--yes"]);
    run.wait_for_step(host, "gate");
    run
}

#[test]
fn an_update_and_a_rollback_of_a_bad_release_fail_no_request() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    let meters = balancers(&fleet).map(|balancer| Meter::start(&fleet, &balancer.url, RATE / 2));
    for meter in &meters {
        meter.wait_for_more(u64::from(RATE));
    }
    project.tag("v2");
    let run = project.deploy(0);
    assert_eq!(run.table(), ["h1 r1 r2 healthy", "h2 r1 r2 healthy", "h3 r1 r2 healthy"]);
    project.tag("v3");
    project.template("mode={% if host.name == \"h2\" %}exit{% else %}abrupt{% endif %}");
    project.deploy(3);
    assert_eq!(fleet.releases(), ["v2"; 3]);
    assert_all_get_requests(&fleet);
    for meter in meters {
        meter.wait_for_more(u64::from(RATE));
        let measured = meter.stop();
        assert_eq!(measured.failures(), 0, "{measured}");
        measured.assert_posts_arrived_once();
    }
}

#[test]
fn a_server_that_a_restarted_balancer_has_put_back_is_drained_again() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    project.edit("min_healthy_time: 300ms", "min_healthy_time: 3s");
    project.tag("v2");
    let run = in_hand(&project, "h1");
    // Somebody's hand at the one, and a reload of the other, whose new process knows of nothing.
    fleet.balancer("lb1").set("h1", "ready");
    fleet.script(&["balancer", "reload", "lb2"]);
    for balancer in balancers(&fleet) {
        balancer.wait("is drained again", "h1", |server| !server.is_up());
    }
    let run = run.end().expect(0);
    let again = run.events("warning");
    for balancer in ["lb1", "lb2"] {
        let is_it = |event: &&serde_json::Value| event["not_drained"]["route"]["balancer"] == balancer;
        assert!(again.iter().any(is_it), "{balancer}: {run}");
    }
    assert_eq!(fleet.releases(), ["v2"; 3]);
    assert_all_get_requests(&fleet);
}

#[test]
fn what_a_killed_rollout_left_drained_is_seen_and_put_back() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    let balancer = fleet.balancer("lb2");
    balancer.set("h2", "drain");
    let status = project.said(&["status", "prod"]);
    assert!(status.contains("lb1: in, lb2: drained") && status.contains("gets no requests"), "{status}");
    let run = project.deploy(0);
    assert_eq!(run.table(), ["h1 r1 r1 running", "h2 r1 r1 healthy", "h3 r1 r1 running"]);
    assert_all_get_requests(&fleet);
}

#[test]
fn a_server_in_maintenance_is_left_there() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    for balancer in balancers(&fleet) {
        balancer.set("h2", "maint");
    }
    project.deployed("v2");
    assert_eq!(fleet.releases(), ["v2"; 3]);
    for balancer in balancers(&fleet) {
        assert!(balancer.server("h2").is("status", "MAINT"));
        assert!(balancer.server("h1").is_up() && balancer.server("h3").is_up());
    }
}

#[test]
fn without_a_balancer_that_answers_and_obeys_nothing_is_changed() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    project.tag("v2");
    fleet.script(&["balancer", "stop", "lb2"]);
    let run = project.deploy(1);
    assert!(run.text().contains("lb2"), "{run}");
    assert_eq!(fleet.releases(), ["v1"; 3]);
    fleet.script(&["balancer", "start", "lb2"]);
    let balancer = fleet.balancer("lb2");
    balancer.wait_until_all_are_up(&fleet.hosts());
    project.edit("traffic: { balancer: [lb1, lb2], backend: app", "traffic: { balancer: [lb1, lb2], backend: other");
    let run = project.deploy(1);
    assert!(run.text().contains("no backend `other`"), "{run}");
    assert_eq!(fleet.releases(), ["v1"; 3]);
    assert_all_get_requests(&fleet);
}

#[test]
fn a_container_that_the_balancer_does_not_find_healthy_fails_the_rollout() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    project.edit("up_deadline: 20s", "up_deadline: 1500ms");
    project.edit("path: /up", "path: /");
    // Healthy for the gate, which asks for `/`; not for the balancers, which ask for `/up`.
    project.template("mode=never-healthy");
    let run = project.deploy(3);
    assert!(run.failure()["reason"].to_string().contains("does not find it healthy"), "{run}");
    assert_eq!(fleet.releases(), ["v1"; 3]);
    assert_all_get_requests(&fleet);
}

#[test]
fn requests_that_do_not_end_fail_the_rollout_or_are_cut_off_as_the_manifest_says() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    let [balancer, _] = balancers(&fleet);
    project.edit("drain_deadline: 20s", "drain_deadline: 500ms");
    project.tag("v2");
    let slow = balancer.slow_requests(6, Duration::from_mins(1));
    for host in fleet.hosts() {
        balancer.wait("is at a request", &host.name, |server: &Server| !server.is_idle());
    }
    let run = project.deploy(3);
    assert!(run.failure()["reason"].to_string().contains("did not end"), "{run}");
    assert_eq!(fleet.releases(), ["v1"; 3]);
    assert_all_get_requests(&fleet);
    project.edit("drain_deadline: 500ms", "drain_deadline: 500ms, on_drain_deadline: force");
    let run = project.deploy(0);
    assert!(!run.events("warning").is_empty() && run.text().contains("cut_off"), "{run}");
    drop(slow);
}

#[test]
fn a_release_that_fails_a_part_of_requests_is_found_out_by_the_balancers_counters() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    project.edit("monitor: 300ms", "monitor: 4s, error_rate: { requests: 50 }");
    let meters = balancers(&fleet).map(|balancer| Meter::start(&fleet, &balancer.url, RATE / 2));
    for meter in &meters {
        meter.wait_for_more(u64::from(RATE));
    }
    project.tag("v2");
    project.template("mode=flaky");
    let run = project.deploy(3);
    assert_eq!((&run.failure()["doing"], &run.failure()["host"]), (&"compare errors".into(), &"h1".into()), "{run}");
    let promoted: Vec<_> = run.events("promoted").iter().map(|event| event["host"].clone()).collect();
    assert_eq!(promoted, ["h1"], "no other host was to get it: {run}");
    let compared = &run.result["report"]["compared"][0];
    let number = |of: &str, what: &str| compared[of][what].as_u64().expect("a number");
    assert!(number("new", "failed") * 6 > number("new", "requests") && number("old", "failed") == 0, "{run}");
    assert_eq!(fleet.releases(), ["v1"; 3]);
    assert_all_get_requests(&fleet);
    project.template("mode=abrupt");
    let run = project.deploy(0);
    let verdicts: Vec<_> = run.events("compared").iter().map(|event| event["verdict"].clone()).collect();
    assert_eq!(verdicts, ["pass", "pass"], "with the last host no old one is left: {run}");
    assert_eq!(fleet.releases(), ["v2"; 3]);
    for meter in meters {
        meter.stop();
    }
}

/// A connection to the application of a host that no balancer knows of.
fn connected(fleet: &Fleet, host: &str) -> TcpStream {
    TcpStream::connect((fleet.host(host).address.as_str(), 8080)).expect("the application listens")
}

#[test]
fn a_connection_that_no_balancer_counts_is_waited_for_and_cut_off_at_the_deadline_with_a_word() {
    let fleet = Fleet::start();
    let project = serving(&fleet);
    project.edit("drain_deadline: 20s", "drain_deadline: 3s");
    project.tag("v2");
    let stays = connected(&fleet, "h1");
    let goes = connected(&fleet, "h2");
    let mut run = project.start(&["deploy", "prod", "--yes"]);
    run.wait_for_step("h2", "drain");
    drop(goes);
    let run = run.end().expect(0);
    let warnings = run.events("warning");
    let cut_off: Vec<_> = warnings.iter().filter(|warning| warning["cut_off"].is_object()).collect();
    let told: Vec<_> = cut_off.iter().map(|it| (&it["cut_off"]["host"], &it["cut_off"]["connections"])).collect();
    assert_eq!(told, [(&"h1".into(), &1.into())], "{run}");
    assert_eq!(fleet.releases(), ["v2"; 3]);
    drop(stays);
}
