//! New servers compared with old ones by what balancers count of them.

use std::time::Duration;

use shipctl::environment::error_rate::{ErrorRate, Inconclusive, Percentage, Verdict};
use shipctl::environment::{Drain, Environment, FailureAction, OnDeadline, Share, Traffic};
use shipctl::rollout::report::{Outcome, Report};

use crate::support::environment::{environment, host, image};
use crate::support::operator::{Command, End, Operator, runtime};
use crate::support::sim::World;
use crate::support::sim::balancer::{BETWEEN_LOOKS, SimBalancer};

/// Three hosts behind two balancers, whose servers are compared while they are watched.
fn compared(rate: ErrorRate) -> Environment {
    let mut environment = environment(3);
    let web = &mut environment.services[0];
    web.traffic = Some(Traffic {
        balancers: ["lb1", "lb2"].map(|name| name.parse().expect("a name")).to_vec(),
        backend: "web".to_owned(),
        server: None,
        drain: Drain { deadline: Duration::from_secs(5), on_deadline: OnDeadline::Abort },
        up_deadline: Duration::from_secs(5),
    });
    web.update.monitor = Duration::from_secs(5);
    web.update.error_rate = Some(rate);
    environment
}

fn rate() -> ErrorRate {
    ErrorRate { above_old: Percentage(100), requests: 2 * BETWEEN_LOOKS, inconclusive: Inconclusive::Fail }
}

/// The fleet on release 1.
async fn fleet(rate: ErrorRate) -> Operator {
    let world = World::new((1..=3).map(host));
    let balancers = ["lb1", "lb2"].map(|name| (name.parse().expect("a name"), SimBalancer::new()));
    world.state().balancers = balancers.into();
    let operator = Operator::new(&world, &compared(rate));
    assert_eq!(deploy(&operator, "v1").await.outcome, Outcome::Completed, "there is nothing to compare with yet");
    operator
}

async fn deploy(operator: &Operator, tag: &str) -> Report {
    match operator.run(&Command::Deploy(tag.to_owned())).await {
        End::Reported(report) => *report,
        other => panic!("{other:?}"),
    }
}

/// Of a hundred requests so many fail.
fn fails(operator: &Operator, tag: &str, percent: u64) {
    operator.world.state().failing.insert(image(tag).digest().to_owned(), percent * BETWEEN_LOOKS / 100);
}

/// Hosts that run the image with this tag, and only that.
fn running(operator: &Operator, tag: &str) -> usize {
    let state = operator.world.state();
    let runs = |number: usize| {
        let mut running = state.hosts[&host(number)].containers.iter().filter(|one| one.is_running());
        running.next().is_some_and(|one| one.stamp.image.digest() == image(tag).digest()) && running.next().is_none()
    };
    (1..=3).filter(|number| runs(*number)).count()
}

#[test]
fn a_release_that_fails_no_more_requests_than_the_old_one_passes_with_numbers() {
    runtime().block_on(async {
        let operator = fleet(rate()).await;
        fails(&operator, "v1", 3);
        fails(&operator, "v2", 4);
        let report = deploy(&operator, "v2").await;
        assert_eq!((&report.outcome, running(&operator, "v2")), (&Outcome::Completed, 3));
        let hosts: Vec<_> = report.compared.iter().map(|one| one.hosts.clone()).collect();
        assert_eq!(hosts, [[host(1)], [host(2)]], "with the last one no old server is left");
        for one in &report.compared {
            assert_eq!(
                (one.verdict, one.new.share(), one.old.share()),
                (Verdict::Pass, Percentage(400), Percentage(300))
            );
            assert!(one.new.requests >= 2 * BETWEEN_LOOKS, "{one:?}");
        }
    });
}

#[test]
fn a_release_that_fails_requests_goes_back_before_another_host_gets_it() {
    runtime().block_on(async {
        let operator = fleet(rate()).await;
        fails(&operator, "v1", 3);
        fails(&operator, "v2", 5);
        let begun = tokio::time::Instant::now();
        let report = deploy(&operator, "v2").await;
        assert_eq!((&report.outcome, running(&operator, "v1")), (&Outcome::RolledBack, 3));
        let failure = report.failure.expect("a failure");
        assert_eq!((failure.host, failure.doing.as_str()), (Some(host(1)), "compare errors"));
        assert!(
            failure.reason.contains("(5%) on the new servers") && failure.reason.contains("(3%) on the old"),
            "{}",
            failure.reason
        );
        assert_eq!(report.compared.last().expect("evidence").verdict, Verdict::Fail);
        assert!(begun.elapsed() < Duration::from_secs(9), "it was watched to the end: {:?}", begun.elapsed());
    });
}

#[test]
fn a_release_that_fails_requests_goes_back_everywhere_also_where_hosts_may_fail_alone() {
    runtime().block_on(async {
        let mut operator = fleet(rate()).await;
        let update = &mut operator.environment.services[0].update;
        (update.failure_action, update.max_failures) = (FailureAction::Continue, Share::ALL);
        fails(&operator, "v1", 3);
        fails(&operator, "v2", 5);
        let report = deploy(&operator, "v2").await;
        assert_eq!((report.outcome, running(&operator, "v1")), (Outcome::RolledBack, 3));
    });
}

#[test]
fn too_few_requests_mean_what_the_manifest_says() {
    runtime().block_on(async {
        for (inconclusive, outcome, tag) in
            [(Inconclusive::Fail, Outcome::RolledBack, "v1"), (Inconclusive::Pass, Outcome::Completed, "v2")]
        {
            let operator = fleet(ErrorRate { requests: 1_000_000, inconclusive, ..rate() }).await;
            fails(&operator, "v2", 100);
            let report = deploy(&operator, "v2").await;
            assert_eq!((&report.outcome, running(&operator, tag)), (&outcome, 3));
            assert_eq!(report.compared[0].verdict, Verdict::Inconclusive);
            if let Some(failure) = report.failure {
                assert!(failure.reason.starts_with("too few requests to compare errors: "), "{}", failure.reason);
            }
        }
    });
}

#[test]
fn what_cannot_be_counted_fails() {
    runtime().block_on(async {
        let operator = fleet(ErrorRate { inconclusive: Inconclusive::Pass, ..rate() }).await;
        operator.world.state().balancers.values_mut().for_each(|balancer| balancer.is_dumb = true);
        let report = deploy(&operator, "v2").await;
        assert_eq!((&report.outcome, running(&operator, "v1")), (&Outcome::RolledBack, 3));
        let failure = report.failure.expect("a failure");
        assert_eq!((failure.doing.as_str(), failure.reason.as_str()), ("admit", "balancer lb1: Permission denied"));
    });
}

#[test]
fn going_back_on_purpose_is_not_held_against_the_release_that_is_left() {
    runtime().block_on(async {
        let operator = fleet(rate()).await;
        deploy(&operator, "v2").await;
        fails(&operator, "v1", 50);
        let End::Reported(report) = operator.run(&Command::Rollback).await else { panic!("no report") };
        assert_eq!((report.outcome, running(&operator, "v1")), (Outcome::Completed, 3));
        assert_eq!(report.compared, []);
    });
}
