//! What a gate asks beyond one answer: several in a row, and requests that are made once, on the way forward and back.

use std::time::Duration;

use shipctl::environment::{Environment, Expect, Method, Smoke};
use shipctl::rollout::report::{Outcome, Report};

use crate::support::environment::{environment, host, image};
use crate::support::operator::{Command, End, Operator, runtime};
use crate::support::sim::World;
use crate::support::sim::container::Behaviour;

/// The environment, whose gate makes these requests.
fn smoking(mut environment: Environment, paths: &[&str]) -> Environment {
    let smoke = |path: &&str| Smoke {
        port: 80,
        method: Method::Get,
        path: (*path).to_owned(),
        expect: Expect::default(),
        timeout: Duration::from_secs(1),
    };
    environment.services[0].health.smoke = paths.iter().map(smoke).collect();
    environment
}

/// A fleet of two hosts without anything on it.
fn fleet(environment: &Environment) -> Operator {
    Operator::new(&World::new((1..=2).map(host)), environment)
}

async fn deploy(operator: &Operator, tag: &str) -> Report {
    match operator.run(&Command::Deploy(tag.to_owned())).await {
        End::Reported(report) => *report,
        other => panic!("{other:?}"),
    }
}

/// The tag of the image that each host runs.
fn runs(operator: &Operator) -> [&'static str; 2] {
    let state = operator.world.state();
    [1, 2].map(|number| {
        let running: Vec<_> = state.hosts[&host(number)].containers.iter().filter(|one| one.is_running()).collect();
        let [one] = running.as_slice() else { return "not one" };
        let tags = ["v1", "v2", "v3"].into_iter().find(|tag| image(tag).digest() == one.stamp.image.digest());
        tags.unwrap_or("another")
    })
}

fn refuse(operator: &Operator, tag: &str, path: &str) {
    operator.world.state().refused.insert((image(tag).digest().to_owned(), path.to_owned()));
}

/// What was asked since this was asked last.
fn smoked(operator: &Operator) -> Vec<(String, String)> {
    let all = std::mem::take(&mut operator.world.state().smoked);
    all.into_iter().map(|(host, path)| (host.to_string(), path)).collect()
}

fn asked(host: &str, path: &str) -> (String, String) {
    (host.to_owned(), path.to_owned())
}

#[test]
fn smoke_requests_are_made_once_for_each_container_and_in_order() {
    runtime().block_on(async {
        let operator = fleet(&smoking(environment(2), &["/login", "/orders"]));
        assert_eq!(deploy(&operator, "v1").await.outcome, Outcome::Completed);
        let expected = ["web1", "web2"].iter().flat_map(|host| [asked(host, "/login"), asked(host, "/orders")]);
        assert_eq!(smoked(&operator), expected.collect::<Vec<_>>());
    });
}

#[test]
fn a_release_that_answers_and_fails_a_smoke_request_does_not_come_into_force() {
    runtime().block_on(async {
        let operator = fleet(&smoking(environment(2), &["/login", "/orders"]));
        deploy(&operator, "v1").await;
        smoked(&operator);
        refuse(&operator, "v2", "/login");
        let report = deploy(&operator, "v2").await;
        assert_eq!((&report.outcome, runs(&operator)), (&Outcome::RolledBack, ["v1", "v1"]));
        let failure = report.failure.expect("a failure");
        assert_eq!(
            (failure.doing.as_str(), failure.reason.as_str()),
            ("gate new", "smoke request GET :80/login: 500"),
            "one that fails is the last that is made"
        );
        // The second host was never touched; the first was asked by the new container's gate, then by the old one's.
        let expected = [asked("web1", "/login"), asked("web1", "/login"), asked("web1", "/orders")];
        assert_eq!(smoked(&operator), expected);
    });
}

#[test]
fn a_release_that_comes_back_is_gated_as_it_was_and_not_as_the_newest() {
    runtime().block_on(async {
        let mut operator = fleet(&smoking(environment(2), &["/login"]));
        deploy(&operator, "v1").await;
        operator.environment = smoking(environment(2), &["/basket"]);
        deploy(&operator, "v2").await;
        smoked(&operator);
        refuse(&operator, "v1", "/basket");
        let End::Reported(report) = operator.run(&Command::Rollback).await else { panic!("no report") };
        assert_eq!((report.outcome, runs(&operator)), (Outcome::Completed, ["v1", "v1"]));
        assert_eq!(smoked(&operator), [asked("web1", "/login"), asked("web2", "/login")]);
    });
}

#[test]
fn one_that_fails_before_it_has_answered_often_enough_fails_its_gate() {
    runtime().block_on(async {
        let mut environment = environment(2);
        environment.services[0].health.successes = 5;
        let operator = fleet(&environment);
        deploy(&operator, "v1").await;
        // Longer than `min_healthy_time`, and shorter than five answers take.
        operator.world.behaves(image("v2").digest(), Behaviour::FailsAfter(Duration::from_millis(700)));
        let report = deploy(&operator, "v2").await;
        assert_eq!((&report.outcome, runs(&operator)), (&Outcome::RolledBack, ["v1", "v1"]));
        let failure = report.failure.expect("a failure");
        assert_eq!(failure.doing, "gate new", "only the monitor noticed: {}", failure.reason);
    });
}
