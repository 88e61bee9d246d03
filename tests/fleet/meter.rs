//! The meter sees what goes wrong between a balancer that helps nobody and its hosts, and sees nothing where all is
//! done in the right order: without these tests its zeros would mean little.

use crate::support::poll::until;
use crate::support::{Balancer, Fleet, Meter, Project, SOON, Server};

const RATE: u32 = 300;
/// How a client sees that a request under way was cut.
const CUT: [&str; 3] = ["truncated_body", "reset_mid_response", "reset_before_answer"];
/// How it sees that the balancer found nobody, or nobody who answered.
const NOBODY: [&str; 3] = ["balancer_502", "balancer_503", "balancer_504"];

/// v1 on all hosts, none of which finishes what is under way when it is stopped; and the balancer sends to all.
fn serving(fleet: &Fleet, mode: &str) -> Balancer {
    let project = Project::new(fleet);
    project.count_posts();
    project.misbehave(mode);
    project.edit("healthy_deadline: 5s", "healthy_deadline: 30s");
    project.install();
    let balancer = fleet.balancer("lb1");
    balancer.wait_until_all_are_up(&fleet.hosts());
    balancer
}

/// Slow requests are under way to every host from here on.
fn under_load(fleet: &Fleet, balancer: &Balancer) -> Meter {
    let meter = Meter::start(fleet, &balancer.url, RATE);
    meter.wait("slow answers", |measured| measured.client("slow")["requests"].as_u64() > Some(5));
    meter
}

fn engine(fleet: &Fleet, host: &str, words: &[&str], container: &str) {
    fleet.script(&[&["docker", host], words, &[container]].concat());
}

/// Ends an application, in whatever way, while the balancer sends to it.
#[track_caller]
fn assert_ending_shows(words: &[&str]) {
    let fleet = Fleet::start();
    let balancer = serving(&fleet, "abrupt");
    let meter = under_load(&fleet, &balancer);
    let container = fleet.host("h1").only().id().to_owned();
    engine(&fleet, "h1", words, &container);
    balancer.wait("is down", "h1", |server| server.is("status", "DOWN"));
    engine(&fleet, "h1", &["start"], &container);
    balancer.wait("is up", "h1", Server::is_up);
    meter.wait_for_more(RATE.into());
    let measured = meter.stop();
    assert!(measured.count(&CUT) > 0, "what was under way was cut, and nobody saw it\n{measured}");
    assert!(measured.count(&NOBODY) > 0, "what came then found nobody, and nobody saw it\n{measured}");
    assert_eq!(measured.failures(), measured.count(&CUT) + measured.count(&NOBODY), "{measured}");
    measured.assert_posts_arrived_once();
}

#[test]
fn a_stop_without_a_drain_is_seen() {
    assert_ending_shows(&["stop"]);
}

#[test]
fn a_kill_of_a_serving_container_is_seen() {
    assert_ending_shows(&["kill", "-s", "KILL"]);
}

#[test]
fn a_server_that_is_admitted_before_it_is_healthy_is_seen() {
    let fleet = Fleet::start();
    let balancer = serving(&fleet, "cold:4s");
    let meter = under_load(&fleet, &balancer);
    let container = fleet.host("h1").only().id().to_owned();
    balancer.set("h1", "drain");
    balancer.wait("is idle", "h1", Server::is_idle);
    // Nobody asks it how it is.
    balancer.say("disable health app/h1");
    engine(&fleet, "h1", &["restart"], &container);
    assert_eq!(meter.so_far().map(|measured| measured.failures()), Some(0), "a drained server may be restarted");
    balancer.set("h1", "ready");
    meter.wait("an answer of the new one", |measured| measured.count(&["application_503"]) > 0);
    until("h1 is healthy", SOON, || fleet.host("h1").get("/").map(drop));
    meter.wait_for_more(RATE.into());
    let measured = meter.stop();
    assert_eq!(measured.failures(), measured.count(&["application_503"]) + measured.count(&NOBODY), "{measured}");
    measured.assert_posts_arrived_once();
}

#[test]
fn a_fleet_that_is_drained_by_hand_is_restarted_without_a_failed_request() {
    let fleet = Fleet::start();
    let balancer = serving(&fleet, "abrupt");
    let meter = under_load(&fleet, &balancer);
    for host in fleet.hosts() {
        let (name, container) = (host.name.as_str(), host.only().id().to_owned());
        balancer.set(name, "drain");
        balancer.wait("is idle", name, Server::is_idle);
        engine(&fleet, name, &["stop"], &container);
        balancer.wait("is seen to be down", name, |server| !server.is_healthy());
        engine(&fleet, name, &["start"], &container);
        balancer.wait("is healthy", name, Server::is_healthy);
        balancer.set(name, "ready");
        balancer.wait("is up", name, Server::is_up);
    }
    meter.wait_for_more(RATE.into());
    let measured = meter.stop();
    assert_eq!(measured.failures(), 0, "{measured}");
    assert_eq!(measured.facts["hosts"].as_object().map(serde_json::Map::len), Some(3), "{measured}");
    measured.assert_posts_arrived_once();
}
